//! The services' side of reading.

use std::{sync::Arc, thread};

use rdkafka::{
    Message as _,
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
};
use tracing::warn;

use crate::{
    Bus, Error, Event, Incoming,
    context::Logging,
    feed::{Feed, Verdict},
};

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record there is.
    Earliest,
    /// At this offset; at the oldest record if it is gone.
    Offset(i64),
}

/// Reads topics, which may come and go while it reads. Records of one partition come in order.
pub struct Reader {
    /// Always there until drop.
    feed: Option<Arc<Feed>>,
    bus: Bus,
}

impl Reader {
    pub(crate) fn new(bus: Bus, name: &str) -> Result<Self, Error> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::NoRuntime);
        }
        let address = bus.at();
        let consumer = address
            .reader(name)?
            .create_with_context(Logging(address.voice()))
            .map_err(|source| Error::client(&address.servers, source))?;
        let feed = Arc::new(Feed::new(consumer));
        bus.arrivals().tell(Arc::downgrade(&feed));
        Ok(Self {
            feed: Some(feed),
            bus,
        })
    }

    /// Begins to read a topic, all of its partitions; nothing happens if it is read already. The
    /// topic must exist. Blocks for about a millisecond on the embedded broker; on a Kafka for up
    /// to 10 s if this bus has not seen the topic before and must ask for its partitions.
    pub fn add(&self, topic: &str, start: Start) -> Result<(), Error> {
        let Some(feed) = &self.feed else {
            return Ok(());
        };
        let added = if self.bus.is_embedded() {
            feed.add_announced(topic, start, self.bus.arrivals())?
        } else {
            feed.add_always(topic, self.bus.partitions(topic)?, start)?
        };
        if added {
            self.bus.lanes().reader_came(topic);
        }
        Ok(())
    }

    /// Ends reading a topic. Its publishers no longer wait for what this reader stores.
    pub fn remove(&self, topic: &str) {
        if self.feed.as_ref().is_some_and(|feed| feed.remove(topic)) {
            self.bus.lanes().reader_left(topic);
        }
    }

    /// The next record, whenever it comes. Nothing is lost if the call is cancelled. What the
    /// client itself overcomes (a broker that is away, say) is logged and waited out.
    pub async fn recv(&self) -> Result<Incoming, Error> {
        let Some(feed) = &self.feed else {
            return std::future::pending().await;
        };
        loop {
            // Before anything is taken: a reader that always has something lets others run.
            tokio::task::consume_budget().await;
            match feed.consumer.recv().await {
                Ok(message) => {
                    if let Some(incoming) = take(feed, &message) {
                        return Ok(incoming);
                    }
                }
                Err(source) if is_final(&source) => {
                    return Err(Error::read(&self.bus.at().servers, source));
                }
                Err(error) => self.bus.at().voice().trouble("reading", &error.to_string()),
            }
        }
    }

    /// Says that all of a partition below `next_offset` is stored: publishers that wait for room
    /// go on.
    pub fn stored(&self, topic: &str, _partition: i32, next_offset: i64) {
        self.bus.lanes().stored(topic, next_offset);
    }
}

fn take(feed: &Feed, message: &BorrowedMessage<'_>) -> Option<Incoming> {
    let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
    match feed.read(topic, partition, offset) {
        Verdict::Ignore => return None,
        Verdict::Take { dropped: 0 } => {}
        Verdict::Take { dropped } => warn!(
            "{dropped} records of {topic}[{partition}] right before offset {offset} were dropped by \
             the broker before they were read"
        ),
    }
    Some(Incoming {
        topic: topic.to_owned(),
        partition,
        offset,
        event: Event::decode(message.key(), message.payload().unwrap_or_default()),
    })
}

impl Drop for Reader {
    fn drop(&mut self) {
        let Some(feed) = self.feed.take() else {
            return;
        };
        for topic in feed.names() {
            self.bus.lanes().reader_left(&topic);
        }
        // librdkafka waits for its threads when a consumer ends; nobody else has to.
        let _ = thread::Builder::new()
            .name("bus-reader-end".to_owned())
            .spawn(move || drop(feed));
    }
}

fn is_final(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as C;
    matches!(error, KafkaError::MessageConsumptionFatal(_))
        || matches!(
            error.rdkafka_error_code(),
            Some(C::Authentication | C::SaslAuthenticationFailed | C::TopicAuthorizationFailed)
        )
}
