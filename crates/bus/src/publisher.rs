//! The services' side of publishing.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, Weak},
    task::{Context, Poll},
    thread,
    time::Duration,
};

use model::Envelope;
use rdkafka::{
    ClientContext, Message as _,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer, ProducerContext},
};
use tokio::sync::oneshot;

use crate::{
    Error, Unreadable,
    arrivals::Arrivals,
    bus::lock,
    config::Address,
    context::Voice,
    flow::{OVERHEAD, Window},
};

/// Where records go that can't be read.
pub const DEAD_LETTER: &str = "dead-letter";

/// The longest reason that a dead letter carries, bytes.
const MAX_REASON: usize = 1024;

/// How long the delivery thread sleeps when nothing happens; so much later than its last user the
/// connection ends. (Each time round costs up to a millisecond of spinning inside of rdkafka.)
const IDLE: Duration = Duration::from_secs(2);

/// Publishes messages, in order on each topic. Clones share the connection.
#[derive(Clone)]
pub struct Publisher {
    sender: Arc<Sender>,
}

impl Publisher {
    pub(crate) fn new(sender: Arc<Sender>) -> Self {
        Self { sender }
    }

    /// Publishes a message and waits until the broker has it.
    pub async fn publish(&self, topic: &str, envelope: &Envelope) -> Result<(), Error> {
        self.enqueue(topic, envelope)?.await
    }

    /// Puts a message in line and returns at once; what comes back becomes ready when the broker
    /// has it. The line is as long as its users let it grow: hold a bounded number of deliveries.
    /// A delivery that is dropped is still published.
    pub fn enqueue(&self, topic: &str, envelope: &Envelope) -> Result<Delivery, Error> {
        let record = envelope
            .encode()
            .map_err(|source| Error::encode(topic, source))?;
        Ok(self.sender.send(
            topic,
            Some(record.key.as_bytes().to_vec()),
            record.value,
            record.headers,
        ))
    }

    /// Sends a record that says nothing.
    pub(crate) fn hello(&self, topic: &str) -> Delivery {
        self.sender.send(topic, None, Vec::new(), Vec::new())
    }

    /// Puts what a reader could not read among the dead letters, and says so in the log: it stops
    /// nobody.
    pub async fn bury(&self, incoming_topic: &str, unreadable: &Unreadable) {
        let reason = unreadable.error.to_string();
        tracing::warn!(
            topic = incoming_topic,
            reason,
            "a message can't be read; it goes to the dead letters"
        );
        let (key, value) = (unreadable.key.as_deref(), &unreadable.value);
        if let Err(error) = self.dead_letter(incoming_topic, key, value, &reason).await {
            tracing::warn!(topic = incoming_topic, %error, "the dead letter could not be sent");
        }
    }

    /// Puts a record that can't be read onto the topic [`DEAD_LETTER`], as it came, with the topic
    /// it came from and the reason as headers.
    pub async fn dead_letter(
        &self,
        incoming_topic: &str,
        key: Option<&[u8]>,
        value: &[u8],
        reason: &str,
    ) -> Result<(), Error> {
        let end = reason.floor_char_boundary(MAX_REASON);
        let headers = vec![
            ("topic", incoming_topic.to_owned()),
            ("reason", reason[..end].to_owned()),
        ];
        self.sender
            .send(
                DEAD_LETTER,
                key.map(<[u8]>::to_vec),
                value.to_vec(),
                headers,
            )
            .await
    }
}

/// Becomes ready when the broker has confirmed a record, or won't.
#[derive(Debug)]
#[must_use = "only the delivery says whether the broker has the record"]
pub struct Delivery {
    topic: String,
    reply: oneshot::Receiver<Result<(), Error>>,
}

impl Future for Delivery {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let reply = std::task::ready!(Pin::new(&mut self.reply).poll(cx));
        Poll::Ready(reply.unwrap_or_else(|_| Err(Error::closed(&self.topic))))
    }
}

/// A record in line.
struct Outgoing {
    key: Option<Vec<u8>>,
    value: Vec<u8>,
    headers: Vec<(&'static str, String)>,
    reply: oneshot::Sender<Result<(), Error>>,
}

impl Outgoing {
    fn weight(&self) -> usize {
        let key = self.key.as_ref().map_or(0, Vec::len);
        let headers: usize = self
            .headers
            .iter()
            .map(|(k, v)| k.len() + v.len() + 4)
            .sum();
        key + self.value.len() + headers + OVERHEAD
    }
}

/// A record that was handed to librdkafka.
pub(crate) struct Ticket {
    lane: Arc<Lane>,
    weight: usize,
    reply: oneshot::Sender<Result<(), Error>>,
}

/// One topic's window and line.
struct Lane {
    topic: String,
    window: Mutex<Window<Outgoing>>,
}

/// The topics that were published to or are flow-controlled.
#[derive(Default)]
pub(crate) struct Lanes {
    lanes: Mutex<HashMap<String, Arc<Lane>>>,
    producer: OnceLock<Weak<BaseProducer<Deliveries>>>,
}

impl Lanes {
    fn lane(&self, topic: &str, controlled: bool) -> Arc<Lane> {
        let mut lanes = lock(&self.lanes);
        if let Some(lane) = lanes.get(topic) {
            return Arc::clone(lane);
        }
        let lane = Arc::new(Lane {
            topic: topic.to_owned(),
            window: Mutex::new(Window::new(controlled)),
        });
        lanes.insert(topic.to_owned(), Arc::clone(&lane));
        lane
    }

    fn known(&self, topic: &str) -> Option<Arc<Lane>> {
        lock(&self.lanes).get(topic).cloned()
    }

    /// Makes a topic flow-controlled, unless something was published to it before.
    pub(crate) fn control(&self, topic: &str) {
        self.lane(topic, true);
    }

    /// Ends a topic's flow control.
    pub(crate) fn close(&self, topic: &str) {
        self.change(topic, Window::close);
    }

    pub(crate) fn reader_came(&self, topic: &str) {
        self.change(topic, Window::reader_came);
    }

    pub(crate) fn reader_left(&self, topic: &str) {
        self.change(topic, Window::reader_left);
    }

    pub(crate) fn stored(&self, topic: &str, next_offset: i64) {
        self.change(topic, |window| window.stored(next_offset));
    }

    fn change(&self, topic: &str, change: impl FnOnce(&mut Window<Outgoing>)) {
        if let Some(lane) = self.known(topic) {
            change(&mut lock(&lane.window));
            self.pump(&lane);
        }
    }

    /// Hands to librdkafka what may go. The lane stays locked, so that the order is kept.
    fn pump(&self, lane: &Arc<Lane>) {
        let Some(producer) = self.producer.get().and_then(Weak::upgrade) else {
            return;
        };
        let mut window = lock(&lane.window);
        while let Some((record, weight)) = window.next() {
            if let Err((error, ticket)) = hand_over(&producer, lane, record, weight) {
                window.confirmed(None, weight);
                let _ = ticket.reply.send(Err(error));
            }
        }
    }

    /// Whoever still waits in line is told that it is over.
    fn clear(&self) {
        for lane in lock(&self.lanes).values() {
            lock(&lane.window).clear();
        }
    }
}

fn hand_over(
    producer: &BaseProducer<Deliveries>,
    lane: &Arc<Lane>,
    outgoing: Outgoing,
    weight: usize,
) -> Result<(), (Error, Box<Ticket>)> {
    let mut headers = OwnedHeaders::new_with_capacity(outgoing.headers.len());
    for (key, value) in &outgoing.headers {
        headers = headers.insert(Header {
            key,
            value: Some(value),
        });
    }
    let ticket = Box::new(Ticket {
        lane: Arc::clone(lane),
        weight,
        reply: outgoing.reply,
    });
    let mut record = BaseRecord::with_opaque_to(&lane.topic, ticket)
        .partition(0)
        .payload(&outgoing.value)
        .headers(headers);
    record.key = outgoing.key.as_ref();
    producer.send(record).map_err(|(source, record)| {
        let key = String::from_utf8_lossy(outgoing.key.as_deref().unwrap_or_default());
        (
            Error::publish(&lane.topic, &key, source),
            record.delivery_opaque,
        )
    })
}

/// Takes delivery reports.
pub(crate) struct Deliveries {
    voice: Voice,
    lanes: Arc<Lanes>,
    arrivals: Arc<Arrivals>,
    /// Whether the broker is in this client, so that its log is in this client's.
    embedded: bool,
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if self.embedded && facility == "MOCK" && matches!(level, RDKafkaLogLevel::Debug) {
            return self.arrivals.heard(message);
        }
        self.voice.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.voice.trouble(&error.to_string(), reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        let (offset, reply) = match result {
            Ok(message) => (Some(message.offset()), Ok(())),
            Err((error, message)) => {
                let key = String::from_utf8_lossy(message.key().unwrap_or_default());
                let source = KafkaError::MessageProduction(
                    error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail),
                );
                (None, Err(Error::publish(&ticket.lane.topic, &key, source)))
            }
        };
        if self.embedded
            && let Some(offset) = offset
        {
            self.arrivals.confirmed(&ticket.lane.topic, offset);
        }
        lock(&ticket.lane.window).confirmed(offset, ticket.weight);
        let _ = ticket.reply.send(reply);
        self.lanes.pump(&ticket.lane);
    }
}

/// A librdkafka producer and the thread that takes its delivery reports.
pub(crate) struct Sender {
    producer: Arc<BaseProducer<Deliveries>>,
    lanes: Arc<Lanes>,
}

impl Sender {
    pub(crate) fn start(
        address: &Address,
        lanes: &Arc<Lanes>,
        arrivals: &Arc<Arrivals>,
    ) -> Result<Self, Error> {
        let context = Deliveries {
            voice: address.voice(),
            lanes: Arc::clone(lanes),
            arrivals: Arc::clone(arrivals),
            embedded: address.embedded,
        };
        let producer: Arc<BaseProducer<Deliveries>> = Arc::new(
            address
                .publisher()?
                .create_with_context(context)
                .map_err(|source| Error::client(&address.servers, source))?,
        );
        let _ = lanes.producer.set(Arc::downgrade(&producer));
        let polled = Arc::downgrade(&producer);
        // Not joined: whoever drops the last publisher needn't wait for the thread's sleep.
        thread::Builder::new()
            .name("bus-deliveries".to_owned())
            .spawn(move || {
                while let Some(producer) = polled.upgrade() {
                    producer.poll(IDLE);
                }
            })
            .map_err(|source| Error::Thread { source })?;
        Ok(Self {
            producer,
            lanes: Arc::clone(lanes),
        })
    }

    fn send(
        &self,
        topic: &str,
        key: Option<Vec<u8>>,
        value: Vec<u8>,
        headers: Vec<(&'static str, String)>,
    ) -> Delivery {
        let (reply, receiver) = oneshot::channel();
        let record = Outgoing {
            key,
            value,
            headers,
            reply,
        };
        let weight = record.weight();
        let lane = self.lanes.lane(topic, false);
        lock(&lane.window).push(record, weight);
        self.lanes.pump(&lane);
        Delivery {
            topic: topic.to_owned(),
            reply: receiver,
        }
    }

    /// The address of the in-memory broker that lives in this producer.
    pub(crate) fn mock_servers(&self) -> Result<String, Error> {
        let cluster = self.producer.client().mock_cluster();
        cluster
            .map(|cluster| cluster.bootstrap_servers())
            .ok_or(Error::Embedded {
                source: KafkaError::Canceled.into(),
            })
    }

    /// Makes a topic of one partition there.
    pub(crate) fn mock_create(&self, topic: &str, servers: &str) -> Result<(), Error> {
        let Some(cluster) = self.producer.client().mock_cluster() else {
            return Ok(());
        };
        match cluster.create_topic(topic, 1, 1) {
            Ok(()) | Err(KafkaError::MockCluster(RDKafkaErrorCode::TopicAlreadyExists)) => Ok(()),
            Err(source) => Err(Error::create(topic, servers, source)),
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.lanes.clear();
    }
}
