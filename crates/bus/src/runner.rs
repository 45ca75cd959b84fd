//! The runner's side of publishing, which has no runtime.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use model::{Envelope, attempt::BusAddress, message::MAX_BACKLOG_BYTES};
use rdkafka::{
    ClientContext, Message as _,
    config::RDKafkaLogLevel,
    error::KafkaError,
    message::DeliveryResult,
    producer::{BaseProducer, BaseRecord, ProducerContext},
};
use tracing::warn;

use crate::{
    Error,
    config::Address,
    context::Voice,
    partition::partition_of,
    sender::{client_limit, headers, refused},
};

/// What a record takes beside its value, bytes: far more than key, headers and the form's own.
const AROUND: usize = 4096;

/// A producer of little footprint: it keeps what it is given (at most 8 MiB) until the broker has
/// it, however long that takes, in the order given, one request at a time.
pub struct RunnerProducer {
    producer: BaseProducer<Tally>,
    tally: Arc<Counts>,
    address: Address,
    /// The partitions of topics that have several.
    partitions: BTreeMap<String, i32>,
}

#[derive(Default)]
struct Counts {
    /// Handed over, no report yet.
    pending: AtomicUsize,
    /// Given up on.
    failed: AtomicUsize,
}

struct Tally(Arc<Counts>, Voice);

impl ClientContext for Tally {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.1.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.1.trouble(&error, reason);
    }
}

impl ProducerContext for Tally {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = result {
            self.0.failed.fetch_add(1, Ordering::Relaxed);
            let key = String::from_utf8_lossy(message.key().unwrap_or_default());
            warn!(
                "a {key} could not be published to {}: {error}",
                message.topic()
            );
        }
        self.0.pending.fetch_sub(1, Ordering::Relaxed);
    }
}

impl RunnerProducer {
    /// Begins to connect and returns at once.
    pub fn connect(address: &BusAddress) -> Result<Self, Error> {
        let partitions = address.partitions.clone();
        let servers = &address.bootstrap_servers;
        let address = Address::external(servers, address.options.clone(), true);
        let tally = Arc::new(Counts::default());
        let producer = address
            .runner()
            .create_with_context(Tally(Arc::clone(&tally), address.voice()))
            .map_err(|source| Error::client(&address.servers, source))?;
        Ok(Self {
            producer,
            tally,
            address,
            partitions,
        })
    }

    /// The largest BACKLOG value that it can send, bytes.
    pub fn max_backlog_bytes(&self) -> usize {
        let limit = self.address.max_message_bytes();
        MAX_BACKLOG_BYTES.min(limit.saturating_sub(AROUND))
    }

    /// Puts a message in line and returns at once.
    pub fn send(&self, topic: &str, envelope: &Envelope) -> Result<(), Error> {
        let record = envelope
            .encode()
            .map_err(|source| Error::encode(topic, source))?;
        let partitions = self.partitions.get(topic).copied().unwrap_or(1);
        let sent = BaseRecord::to(topic)
            .partition(partition_of(envelope.header.order_uid, partitions))
            .key(record.key)
            .payload(&record.value)
            .headers(headers(&record.headers));
        self.tally.pending.fetch_add(1, Ordering::Relaxed);
        self.producer.send(sent).map_err(|(source, _)| {
            self.tally.pending.fetch_sub(1, Ordering::Relaxed);
            let (key, bytes) = (Some(record.key.as_bytes()), record.value.len());
            refused(topic, key, bytes, source, || client_limit(&self.address))
        })
    }

    /// Takes what has happened: delivery reports and the client's log. Doesn't block; call it every
    /// now and then.
    pub fn poll(&self) {
        // One call takes one event; a client that is alone has few.
        for _ in 0..16 {
            self.producer.poll(Duration::ZERO);
        }
    }

    /// How many messages the broker has not confirmed yet.
    pub fn undelivered(&self) -> usize {
        self.tally.pending.load(Ordering::Relaxed)
    }

    /// Waits until the broker has confirmed everything, for at most so long. Returns how many
    /// messages it has not, those included that were given up on.
    pub fn flush(&self, timeout: Duration) -> usize {
        let start = Instant::now();
        loop {
            self.poll();
            let waited = start.elapsed();
            if self.undelivered() == 0 || waited >= timeout {
                break;
            }
            // rdkafka's own waits either spin or oversleep. Short naps while a broker that is there
            // would answer, longer ones later.
            let nap = (waited / 8).clamp(Duration::from_micros(100), Duration::from_millis(20));
            thread::sleep(nap.min(timeout.saturating_sub(waited)));
        }
        self.undelivered() + self.tally.failed.load(Ordering::Relaxed)
    }
}
