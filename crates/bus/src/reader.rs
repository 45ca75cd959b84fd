//! The services' side of reading.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    thread,
};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{Consumer, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
};
use tracing::warn;

use crate::{Bus, Error, Event, Incoming, bus::lock, context::Logging};

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
    consumer: Option<StreamConsumer<Logging>>,
    bus: Bus,
    /// What is read: for each topic the next offset of each partition, where it is known.
    topics: Mutex<HashMap<String, Vec<Option<i64>>>>,
}

impl Reader {
    pub(crate) fn new(bus: Bus, name: &str) -> Result<Self, Error> {
        let address = bus.at();
        let consumer = address
            .reader(name)?
            .create_with_context(Logging(address.voice()))
            .map_err(|source| Error::client(&address.servers, source))?;
        Ok(Self {
            consumer: Some(consumer),
            bus,
            topics: Mutex::default(),
        })
    }

    fn reading(&self) -> MutexGuard<'_, HashMap<String, Vec<Option<i64>>>> {
        lock(&self.topics)
    }

    /// Begins to read a topic, all of its partitions; nothing happens if it is read already. The
    /// topic must exist. On a Kafka a topic that this bus has not seen before is asked for, which
    /// blocks for 10 s at most.
    pub fn add(&self, topic: &str, start: Start) -> Result<(), Error> {
        let partitions = self.bus.partitions(topic)?;
        let mut topics = self.reading();
        if topics.contains_key(topic) {
            return Ok(());
        }
        let offset = match start {
            Start::Earliest => Offset::Beginning,
            Start::Offset(offset) => Offset::Offset(offset),
        };
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition, offset)
                .map_err(|source| Error::assign(topic, source))?;
        }
        if let Some(consumer) = &self.consumer {
            consumer
                .incremental_assign(&list)
                .map_err(|source| Error::assign(topic, source))?;
        }
        topics.insert(topic.to_owned(), vec![None; partitions as usize]);
        self.bus.lanes().reader_came(topic);
        Ok(())
    }

    /// Ends reading a topic. Its publishers no longer wait for what this reader stores.
    pub fn remove(&self, topic: &str) {
        let Some(partitions) = self.reading().remove(topic) else {
            return;
        };
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions.len() {
            list.add_partition(topic, partition as i32);
        }
        if let Some(consumer) = &self.consumer
            && let Err(error) = consumer.incremental_unassign(&list)
        {
            warn!("the topic {topic} could not be let go of: {error}");
        }
        self.bus.lanes().reader_left(topic);
    }

    /// The next record, whenever it comes. Nothing is lost if the call is cancelled. What the
    /// client itself overcomes (a broker that is away, say) is logged and waited out.
    pub async fn recv(&self) -> Result<Incoming, Error> {
        loop {
            tokio::task::consume_budget().await;
            let Some(consumer) = &self.consumer else {
                return std::future::pending().await;
            };
            match consumer.recv().await {
                Ok(message) => {
                    if let Some(incoming) = self.incoming(&message) {
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

    /// `None` for what was on its way when its topic was removed.
    fn incoming(&self, message: &BorrowedMessage<'_>) -> Option<Incoming> {
        let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
        let mut topics = self.reading();
        let next = topics.get_mut(topic)?.get_mut(partition as usize)?;
        if let Some(expected) = next.replace(offset + 1)
            && expected < offset
        {
            warn!(
                "{} records of {topic}[{partition}] from offset {expected} on were dropped by the \
                 broker before they were read",
                offset - expected
            );
        }
        drop(topics);
        Some(Incoming {
            topic: topic.to_owned(),
            partition,
            offset,
            event: Event::decode(message.key(), message.payload().unwrap_or_default()),
        })
    }

    /// Says that all of a partition below `next_offset` is stored: publishers that wait for room
    /// go on.
    pub fn stored(&self, topic: &str, _partition: i32, next_offset: i64) {
        self.bus.lanes().stored(topic, next_offset);
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        for topic in self.reading().keys() {
            self.bus.lanes().reader_left(topic);
        }
        // librdkafka waits for its threads when a consumer ends; nobody else has to.
        if let Some(consumer) = self.consumer.take() {
            let _ = thread::Builder::new()
                .name("bus-reader-end".to_owned())
                .spawn(move || drop(consumer));
        }
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
