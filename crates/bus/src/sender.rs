//! The librdkafka producer behind all publishers of a bus.

use std::{
    sync::{Arc, Mutex, Weak},
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Message as _,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer, ProducerContext},
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tracing::warn;

use crate::{
    Delivery, Error,
    arrivals::Arrivals,
    bus::{ANSWER_TIME, lock},
    config::Address,
    context::Voice,
    lanes::{Lane, Lanes, Outgoing, Waiting},
    partition::partition_of,
    topics,
};

/// How long the delivery thread sleeps when nothing happens; so much later than its last user the
/// connection ends. (Each time round costs up to a millisecond of spinning inside of rdkafka.)
const IDLE: Duration = Duration::from_secs(2);

/// A record that was handed to librdkafka.
pub(crate) struct Ticket {
    lane: Arc<Lane>,
    weight: usize,
    pub(crate) reply: oneshot::Sender<Result<(), Error>>,
    _room: Option<OwnedSemaphorePermit>,
}

pub(crate) fn hand_over(
    producer: &BaseProducer<Deliveries>,
    lane: &Arc<Lane>,
    partitions: i32,
    waiting: Waiting,
    weight: usize,
) -> Result<(), (Error, Box<Ticket>)> {
    let outgoing = waiting.outgoing;
    let ticket = Box::new(Ticket {
        lane: Arc::clone(lane),
        weight,
        reply: waiting.reply,
        _room: waiting.room,
    });
    let partition = outgoing.of.map_or(0, |uid| partition_of(uid, partitions));
    let mut record = BaseRecord::with_opaque_to(&lane.topic, ticket)
        .partition(partition)
        .payload(&outgoing.value)
        .headers(headers(&outgoing.headers));
    record.key = outgoing.key.as_ref();
    producer.send(record).map_err(|(source, record)| {
        let limit = || producer.context().limit();
        let (key, bytes) = (outgoing.key.as_deref(), outgoing.value.len());
        let error = refused(&lane.topic, key, bytes, source, limit);
        (error, record.delivery_opaque)
    })
}

/// Headers as librdkafka wants them.
pub(crate) fn headers(pairs: &[(&'static str, String)]) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new_with_capacity(pairs.len());
    for (key, value) in pairs {
        headers = headers.insert(Header {
            key,
            value: Some(value),
        });
    }
    headers
}

/// Why a record was not accepted.
pub(crate) fn refused(
    topic: &str,
    key: Option<&[u8]>,
    bytes: usize,
    source: KafkaError,
    limit: impl FnOnce() -> String,
) -> Error {
    let key = String::from_utf8_lossy(key.unwrap_or_default());
    match source.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageSizeTooLarge) => Error::TooLarge {
            topic: topic.to_owned(),
            key: key.into_owned(),
            bytes,
            limit: limit(),
        },
        _ => Error::publish(topic, &key, source),
    }
}

/// The client's own limit.
pub(crate) fn client_limit(address: &Address) -> String {
    let bytes = address.max_message_bytes();
    format!("this client's message.max.bytes is {bytes}")
}

/// Takes delivery reports.
pub(crate) struct Deliveries {
    voice: Voice,
    lanes: Arc<Lanes>,
    arrivals: Arc<Arrivals>,
    address: Address,
}

impl Deliveries {
    fn limit(&self) -> String {
        client_limit(&self.address)
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // The broker is in this client, so that its log is in this client's.
        let embedded = self.address.embedded;
        if embedded && facility == "MOCK" && matches!(level, RDKafkaLogLevel::Debug) {
            return self.arrivals.heard(message);
        }
        self.voice.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.voice.trouble(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        let topic = &ticket.lane.topic;
        let (offset, reply) = match result {
            Ok(message) => (Some(message.offset()), Ok(())),
            Err((error, message)) => {
                let code = error.rdkafka_error_code();
                let source = KafkaError::MessageProduction(code.unwrap_or(RDKafkaErrorCode::Fail));
                let limit = || {
                    "the limit of its broker is the topic's max.message.bytes, or else the \
                     broker's message.max.bytes"
                        .to_owned()
                };
                let bytes = message.payload_len();
                (
                    None,
                    Err(refused(topic, message.key(), bytes, source, limit)),
                )
            }
        };
        if let Some(offset) = offset {
            self.voice.health.answered();
            if self.address.embedded {
                self.arrivals.confirmed(topic, offset);
            }
        }
        lock(&ticket.lane.window).confirmed(offset, ticket.weight);
        let Ticket {
            lane,
            reply: sender,
            ..
        } = *ticket;
        let _ = sender.send(reply);
        self.lanes.pump(&lane);
    }
}

/// A librdkafka producer, which is replaced when it has had an error that it can't go on from.
pub(crate) struct Engine {
    producer: Mutex<Arc<BaseProducer<Deliveries>>>,
    address: Address,
    lanes: Arc<Lanes>,
    arrivals: Arc<Arrivals>,
}

impl Engine {
    fn make(
        address: &Address,
        lanes: &Arc<Lanes>,
        arrivals: &Arc<Arrivals>,
    ) -> Result<Arc<BaseProducer<Deliveries>>, Error> {
        let context = Deliveries {
            voice: address.voice(),
            lanes: Arc::clone(lanes),
            arrivals: Arc::clone(arrivals),
            address: address.clone(),
        };
        let producer = address.publisher().create_with_context(context);
        let producer = producer.map_err(|source| Error::client(&address.servers, source))?;
        Ok(Arc::new(producer))
    }

    pub(crate) fn producer(&self) -> Arc<BaseProducer<Deliveries>> {
        Arc::clone(&lock(&self.producer))
    }

    /// Serves the producer for a while; replaces it if that is due.
    fn serve(&self) {
        let producer = self.producer();
        producer.poll(IDLE);
        let Some((code, reason)) = producer.client().fatal_error() else {
            return;
        };
        warn!(target: "kafka", "the producer begins anew after {code}: {reason}");
        match Self::make(&self.address, &self.lanes, &self.arrivals) {
            // What the old one still has comes back as errors that may be tried again.
            Ok(fresh) => *lock(&self.producer) = fresh,
            Err(error) => warn!(target: "kafka", "{error}"),
        }
    }
}

/// The engine, the thread that serves it, and the lines before it.
pub(crate) struct Sender {
    engine: Arc<Engine>,
    lanes: Arc<Lanes>,
    dead_letters: String,
}

impl Sender {
    pub(crate) fn start(
        address: &Address,
        lanes: &Arc<Lanes>,
        arrivals: &Arc<Arrivals>,
        dead_letters: String,
    ) -> Result<Self, Error> {
        let engine = Arc::new(Engine {
            producer: Mutex::new(Engine::make(address, lanes, arrivals)?),
            address: address.clone(),
            lanes: Arc::clone(lanes),
            arrivals: Arc::clone(arrivals),
        });
        *lock(&lanes.engine) = Arc::downgrade(&engine);
        let served = Arc::downgrade(&engine);
        // Not joined: whoever drops the last publisher needn't wait for the thread's sleep.
        thread::Builder::new()
            .name("bus-deliveries".to_owned())
            .spawn(move || {
                while let Some(engine) = served.upgrade() {
                    engine.serve();
                }
            })
            .map_err(|source| Error::Thread { source })?;
        Ok(Self {
            engine,
            lanes: Arc::clone(lanes),
            dead_letters,
        })
    }

    pub(crate) fn dead_letters(&self) -> &str {
        &self.dead_letters
    }

    /// Waits for room for a record.
    pub(crate) async fn room(
        &self,
        topic: &str,
        outgoing: &Outgoing,
    ) -> Result<OwnedSemaphorePermit, Error> {
        self.lanes.lane(topic, false).room(outgoing).await
    }

    pub(crate) fn send(
        &self,
        topic: &str,
        outgoing: Outgoing,
        room: Option<OwnedSemaphorePermit>,
    ) -> Delivery {
        let (reply, receiver) = oneshot::channel();
        let lane = self.lanes.lane(topic, false);
        let unknown = lane.partitions().is_none() && lane.asks();
        self.lanes.push(
            &lane,
            Waiting {
                outgoing,
                reply,
                room,
            },
        );
        if unknown {
            self.ask(&lane);
        }
        Delivery::new(topic, receiver)
    }

    /// Finds out how many partitions a topic has, which somebody else has made. Its records wait.
    fn ask(&self, lane: &Arc<Lane>) {
        let (engine, topic) = (Arc::downgrade(&self.engine), lane.topic.clone());
        let thread = thread::Builder::new().name("bus-topic".to_owned());
        let asked = thread.spawn(move || learn(&engine, &topic));
        if let Err(source) = asked {
            let kind = source.kind();
            let error = || Error::Thread {
                source: kind.into(),
            };
            self.lanes.forget(&lane.topic, error);
        }
    }

    /// The address of the in-memory broker that lives in this producer.
    pub(crate) fn mock_servers(&self) -> Result<String, Error> {
        let producer = self.engine.producer();
        let cluster = producer.client().mock_cluster();
        cluster
            .map(|cluster| cluster.bootstrap_servers())
            .ok_or(Error::Embedded {
                source: KafkaError::Canceled.into(),
            })
    }

    /// Makes a topic of one partition there.
    pub(crate) fn mock_create(&self, topic: &str, servers: &str) -> Result<(), Error> {
        let producer = self.engine.producer();
        let Some(cluster) = producer.client().mock_cluster() else {
            return Ok(());
        };
        match cluster.create_topic(topic, 1, 1) {
            Ok(()) | Err(KafkaError::MockCluster(RDKafkaErrorCode::TopicAlreadyExists)) => Ok(()),
            Err(source) => Err(Error::create(topic, servers, source, "check its name")),
        }
    }
}

/// Asks until there is an answer, the patience for messages is at its end, or nobody wants to know.
fn learn(engine: &Weak<Engine>, topic: &str) {
    let start = Instant::now();
    while let Some(engine) = engine.upgrade() {
        let address = &engine.address;
        let found =
            topics::client(address).and_then(|client| topics::partitions(&client, topic, address));
        match found {
            Ok(Some(count)) => return engine.lanes.learn(topic, count),
            // A topic that was just made is not known everywhere at once.
            Ok(None) if start.elapsed() < ANSWER_TIME / 4 => {
                thread::sleep(Duration::from_millis(100));
            }
            Ok(None) => {
                let error = || Error::no_topic(topic, &address.servers);
                return engine.lanes.forget(topic, error);
            }
            Err(Error::Unreachable { .. }) if start.elapsed() < address.message_timeout() => {}
            Err(error) => {
                let text = error.to_string();
                warn!(target: "kafka", "nothing can be published to {topic}: {text}");
                return engine.lanes.forget(topic, || address.why_not());
            }
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.lanes.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use model::OrderTopics;
    use rdkafka::{bindings::rd_kafka_test_fatal_error, types::RDKafkaRespErr};

    use super::*;
    use crate::{Bus, Settings, TopicSettings};

    fn one() -> Outgoing {
        Outgoing {
            value: b"one".to_vec(),
            ..Outgoing::default()
        }
    }

    /// As when a broker has forgotten what it had of this producer.
    fn break_down(sender: &Sender) {
        const REASON: &CStr = c"a test";
        let code = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
        let producer = sender.engine.producer();
        // SAFETY: the client lives, and the text for ever.
        unsafe { rd_kafka_test_fatal_error(producer.client().native_ptr(), code, REASON.as_ptr()) };
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_fatal_error_is_survived() {
        let servers = std::env::var("PODOMETER_TEST_BOOTSTRAP_SERVERS");
        let Ok(servers) = servers else {
            let fast = std::env::var("PODOMETER_TEST_FAST").is_ok_and(|fast| fast == "1");
            assert!(
                fast,
                "run ./test.sh, or start tests/stack/kafka.sh and set \
                 PODOMETER_TEST_BOOTSTRAP_SERVERS"
            );
            return println!("not run: no PODOMETER_TEST_BOOTSTRAP_SERVERS");
        };
        let how = TopicSettings {
            prefix: format!("t{}-", uuid::Uuid::new_v4().simple()),
            ..TopicSettings::default()
        };
        let topics = OrderTopics::own(&how.prefix, &"leaf-1".parse().unwrap());
        let bus = Bus::external(&Settings::new(&servers).unwrap(), how).unwrap();
        bus.create_topics(&topics).await.unwrap();

        let lanes = Arc::new(Lanes::new(false));
        let letters = "none".to_owned();
        let sender = Sender::start(bus.at(), &lanes, &Arc::default(), letters).unwrap();
        sender.send(&topics.task, one(), None).await.unwrap();
        break_down(&sender);
        let start = Instant::now();
        while let Err(error) = sender.send(&topics.task, one(), None).await {
            assert!(error.is_retriable(), "{error}");
            assert!(start.elapsed() < ANSWER_TIME, "{error}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(bus.end_offsets(&topics.task).await.unwrap(), [2]);
    }
}
