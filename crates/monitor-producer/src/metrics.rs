//! What the service counts about itself.

use std::sync::atomic::AtomicU64;

use metrics::{Counter, Gauge, Histogram, Registry, durations};

/// The handles; clones count together. Nobody has to read them.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(crate) orders: Gauge,
    pub(crate) runners: Gauge,
    pub(crate) stream_retries: Counter,
    pub(crate) samples_collected: Counter,
    pub(crate) samples_missed: Counter,
    pub(crate) samples_published: Counter,
    pub(crate) publish_seconds: Histogram,
    pub(crate) publish_retries: Counter,
    pub(crate) outbox_messages: Gauge,
    /// It is also what the limit of the spools is compared with.
    pub(crate) spool_bytes: Gauge<u64, AtomicU64>,
    pub(crate) dead_letters: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            orders: Gauge::default(),
            runners: Gauge::default(),
            stream_retries: Counter::default(),
            samples_collected: Counter::default(),
            samples_missed: Counter::default(),
            samples_published: Counter::default(),
            publish_seconds: durations(),
            publish_retries: Counter::default(),
            outbox_messages: Gauge::default(),
            spool_bytes: Gauge::default(),
            dead_letters: Counter::default(),
        }
    }
}

impl Metrics {
    /// Has them read with this registry; once for each registry.
    pub fn register(&self, registry: &mut Registry) {
        let to = registry.sub_registry_with_prefix("podometer_producer");
        to.register(
            "orders",
            "Orders whose samples are collected",
            self.orders.clone(),
        );
        to.register(
            "runners_connected",
            "Runners whose streams are read",
            self.runners.clone(),
        );
        to.register(
            "stream_retries",
            "Connections to runners that failed or broke and were tried again",
            self.stream_retries.clone(),
        );
        to.register(
            "samples_collected",
            "Samples taken over from runners, each once",
            self.samples_collected.clone(),
        );
        to.register(
            "samples_missed",
            "Samples that runners took and nobody got, seen as gaps in sequence numbers",
            self.samples_missed.clone(),
        );
        to.register(
            "samples_published",
            "Samples that the broker has confirmed",
            self.samples_published.clone(),
        );
        to.register(
            "publish_duration_seconds",
            "From handing a message over to the Kafka client to the broker's confirmation",
            self.publish_seconds.clone(),
        );
        to.register(
            "publish_retries",
            "Messages that the broker did not confirm and that were kept to be sent again",
            self.publish_retries.clone(),
        );
        to.register(
            "outbox_messages",
            "Messages in memory that the broker has not confirmed",
            self.outbox_messages.clone(),
        );
        to.register(
            "spool_bytes",
            "Messages on disk that the broker has not confirmed, bytes",
            self.spool_bytes.clone(),
        );
        to.register(
            "dead_letters",
            "Messages that could not be read and were put aside",
            self.dead_letters.clone(),
        );
    }
}
