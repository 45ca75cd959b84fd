//! A reader's librdkafka consumer and what it reads. Apart from [`crate::Reader`], so that the
//! thread that hears of arrivals can reach it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{Consumer, StreamConsumer},
    error::KafkaResult,
};
use tracing::warn;

use crate::{
    Error, Start,
    arrivals::{Arrivals, Position, Step},
    bus::{ANSWER_TIME, lock},
    context::Logging,
};

pub(crate) struct Feed {
    pub(crate) consumer: StreamConsumer<Logging>,
    topics: Mutex<HashMap<String, Reading>>,
}

/// How a topic is read.
enum Reading {
    /// On a Kafka: the broker holds an empty fetch open until something comes. For each partition
    /// the next offset, where it is known.
    Always(Vec<Option<i64>>),
    /// On the embedded broker: only while there is something.
    Announced(Position),
}

/// What to do with a record that came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Hand it on. So many right before it were dropped by the broker.
    Take { dropped: i64 },
    /// It was on its way when its topic was removed, or came twice.
    Ignore,
}

impl Feed {
    pub(crate) fn new(consumer: StreamConsumer<Logging>) -> Self {
        Self {
            consumer,
            topics: Mutex::default(),
        }
    }

    fn topics(&self) -> MutexGuard<'_, HashMap<String, Reading>> {
        lock(&self.topics)
    }

    /// The topics that are read.
    pub(crate) fn names(&self) -> Vec<String> {
        self.topics().keys().cloned().collect()
    }

    /// Begins to read a topic of a Kafka. `false` if it is read already.
    pub(crate) fn add_always(
        &self,
        topic: &str,
        partitions: i32,
        start: Start,
    ) -> Result<bool, Error> {
        let mut topics = self.topics();
        if topics.contains_key(topic) {
            return Ok(false);
        }
        let offset = match start {
            Start::Earliest => Offset::Beginning,
            Start::Offset(offset) => Offset::Offset(offset),
        };
        self.assign(topic, partitions, offset)
            .map_err(|source| Error::assign(topic, source))?;
        let unknown = vec![None; partitions as usize];
        topics.insert(topic.to_owned(), Reading::Always(unknown));
        Ok(true)
    }

    /// Begins to read a topic of the embedded broker. `false` if it is read already.
    pub(crate) fn add_announced(
        &self,
        topic: &str,
        start: Start,
        arrivals: &Arrivals,
    ) -> Result<bool, Error> {
        let mut topics = self.topics();
        if topics.contains_key(topic) {
            return Ok(false);
        }
        self.look_up(topic)?;
        // Under the lock: an arrival is either in `end` already or waits for it to be told.
        let end = arrivals.end(topic);
        let start = match start {
            Start::Earliest => 0,
            Start::Offset(offset) => offset.max(0),
        };
        let mut position = Position::new(start, end);
        if let Some(step) = position.arrived(end) {
            self.go(topic, &step)
                .map_err(|source| Error::assign(topic, source))?;
        }
        topics.insert(topic.to_owned(), Reading::Announced(position));
        Ok(true)
    }

    /// Has the client learn where a topic is before it is asked to read it: left to itself it
    /// looks once a second.
    fn look_up(&self, topic: &str) -> Result<(), Error> {
        self.consumer
            .client()
            .fetch_metadata(Some(topic), ANSWER_TIME)
            .map(drop)
            .map_err(|source| Error::assign(topic, source))
    }

    fn assign(&self, topic: &str, partitions: i32, offset: Offset) -> KafkaResult<()> {
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition, offset)?;
        }
        self.consumer.incremental_assign(&list)
    }

    fn go(&self, topic: &str, step: &Step) -> KafkaResult<()> {
        match *step {
            Step::Assign(offset) => self.assign(topic, 1, Offset::Offset(offset)),
            Step::Resume(offset) => {
                self.consumer.resume(&partitions(topic, 1))?;
                // Resuming alone leaves the client's thread asleep for up to a second.
                let at_once = Duration::ZERO;
                self.consumer
                    .seek(topic, 0, Offset::Offset(offset), at_once)
            }
        }
    }

    /// Ends reading a topic. `false` if it wasn't read.
    pub(crate) fn remove(&self, topic: &str) -> bool {
        let mut topics = self.topics();
        let count = match topics.remove(topic) {
            None => return false,
            Some(Reading::Announced(position)) => usize::from(position.is_assigned()),
            Some(Reading::Always(partitions)) => partitions.len(),
        };
        let list = partitions(topic, count as i32);
        // The client keeps a pause over an end and a new beginning.
        if count > 0
            && let Err(error) = (self.consumer.resume(&list))
                .and_then(|()| self.consumer.incremental_unassign(&list))
        {
            warn!("the topic {topic} could not be let go of: {error}");
        }
        true
    }

    /// A topic of the embedded broker now ends at `end`.
    pub(crate) fn arrived(&self, topic: &str, end: i64) {
        if let Some(Reading::Announced(position)) = self.topics().get_mut(topic)
            && let Some(step) = position.arrived(end)
            && let Err(error) = self.go(topic, &step)
        {
            warn!("the topic {topic} could not be read on: {error}");
        }
    }

    /// Whatever topic is read may have something.
    pub(crate) fn arrived_everywhere(&self) {
        for topic in self.names() {
            self.arrived(&topic, i64::MAX);
        }
    }

    /// A record came.
    pub(crate) fn read(&self, topic: &str, partition: i32, offset: i64) -> Verdict {
        let mut topics = self.topics();
        let expected = match topics.get_mut(topic) {
            None => return Verdict::Ignore,
            Some(Reading::Always(nexts)) => {
                let next = nexts.get_mut(partition as usize);
                next.and_then(|next| next.replace(offset + 1))
            }
            Some(Reading::Announced(position)) => {
                let expected = position.next();
                match position.read(offset) {
                    None => return Verdict::Ignore,
                    Some(true) => self.pause(topic),
                    Some(false) => {}
                }
                Some(expected)
            }
        };
        Verdict::Take {
            dropped: expected.map_or(0, |expected| (offset - expected).max(0)),
        }
    }

    fn pause(&self, topic: &str) {
        if let Err(error) = self.consumer.pause(&partitions(topic, 1)) {
            warn!("the topic {topic} could not be paused: {error}");
        }
    }
}

fn partitions(topic: &str, count: i32) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for partition in 0..count {
        list.add_partition(topic, partition);
    }
    list
}
