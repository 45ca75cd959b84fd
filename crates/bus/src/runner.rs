//! The runner's side of publishing, which has no runtime.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use model::{Envelope, attempt::BusAddress};
use rdkafka::{
    ClientContext, Message as _,
    config::RDKafkaLogLevel,
    error::KafkaError,
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, ProducerContext},
};
use tracing::warn;

use crate::{Error, config::Address, context::Voice};

/// A producer of little footprint: it keeps what it is given (at most 8 MiB) until the broker has
/// it, however long that takes, in the order given, one request at a time.
pub struct RunnerProducer {
    producer: BaseProducer<Tally>,
    tally: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    /// Handed over, no report yet.
    pending: AtomicUsize,
    /// Given up on.
    failed: AtomicUsize,
}

struct Tally(Arc<Counts>);

impl ClientContext for Tally {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        Voice::Quiet.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        Voice::Quiet.trouble(&error.to_string(), reason);
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
        let address = Address {
            servers: address.bootstrap_servers.clone(),
            options: address.options.clone(),
            embedded: false,
        };
        let tally = Arc::new(Counts::default());
        let producer = address
            .runner()?
            .create_with_context(Tally(Arc::clone(&tally)))
            .map_err(|source| Error::client(&address.servers, source))?;
        Ok(Self { producer, tally })
    }

    /// Puts a message in line and returns at once.
    pub fn send(&self, topic: &str, envelope: &Envelope) -> Result<(), Error> {
        let record = envelope
            .encode()
            .map_err(|source| Error::encode(topic, source))?;
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (key, value) in &record.headers {
            headers = headers.insert(Header {
                key,
                value: Some(value),
            });
        }
        let sent = BaseRecord::to(topic)
            .partition(0)
            .key(record.key)
            .payload(&record.value)
            .headers(headers);
        self.tally.pending.fetch_add(1, Ordering::Relaxed);
        self.producer.send(sent).map_err(|(source, _)| {
            self.tally.pending.fetch_sub(1, Ordering::Relaxed);
            Error::publish(topic, record.key, source)
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
