//! Reading shared topics together with others.

use std::{sync::Arc, time::Duration};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{CommitMode, Consumer},
    error::KafkaResult,
};
use tracing::debug;

use crate::{
    Bus, Error, Incoming, Start,
    bus::{ANSWER_TIME, lock},
    feed::Feed,
    lag::Lag,
    reader,
    watching::{News, Partition, Watching},
};

/// How long leaving a group may take.
const LEAVING: Duration = Duration::from_secs(5);

/// What a member of a group is told, in this order for each partition.
#[derive(Debug)]
pub enum GroupEvent {
    /// These partitions are this member's now. Nothing of them is read until
    /// [`GroupReader::begin`] says from where.
    Assigned(Vec<Partition>),
    /// Records of partitions that were begun, in order for each.
    Records(Vec<Incoming>),
    /// These partitions are somebody else's, or will be in a moment: nothing more of them comes.
    Revoked(Vec<Partition>),
}

/// Reads topics together with the other members of its group: each partition is one member's. The
/// owner keeps the offsets (in the database, beside the rows), Kafka only hears of them for tools
/// that show lag. A partition that moves doesn't wait for the old owner: what that one still writes
/// must be fenced where it writes.
///
/// Whoever owns it must go on calling [`Self::recv_batch`], also while it has
/// [paused](Self::pause) everything: after 5 minutes without a call
/// (`max.poll.interval.ms`) its partitions go to others. The memory bounds are those of
/// [`crate::Reader`].
pub struct GroupReader {
    /// Always there until drop.
    feed: Option<Arc<Feed>>,
    bus: Bus,
}

impl GroupReader {
    pub(crate) fn new(bus: Bus, group: &str, topics: &[&str]) -> Result<Self, Error> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::NoRuntime);
        }
        if bus.is_embedded() {
            return Err(Error::NoGroups);
        }
        let address = bus.at();
        let consumer = address
            .member(group)
            .create_with_context(Watching::new(address.voice(), true))
            .map_err(|source| Error::client(&address.servers, source))?;
        let feed = Feed::new(consumer);
        feed.consumer
            .subscribe(topics)
            .map_err(|source| Error::assign(&topics.join(", "), source))?;
        Ok(Self {
            feed: Some(Arc::new(feed)),
            bus,
        })
    }

    /// What is next: at most so many records, or a change of partitions. Nothing is lost if the
    /// call is cancelled.
    pub async fn recv_batch(&self, max: usize) -> Result<GroupEvent, Error> {
        let Some(feed) = &self.feed else {
            return std::future::pending().await;
        };
        loop {
            tokio::task::consume_budget().await;
            let taken = feed.take(max.max(1));
            let batch = taken.map_err(|source| self.bus.at().read_error(source))?;
            if !batch.is_empty() {
                feed.say_lag();
                return Ok(GroupEvent::Records(batch));
            }
            if let Some(news) = news(feed) {
                return Ok(news);
            }
            feed.wait().await;
        }
    }

    /// Leaves the group in good form, for 5 s at most: else the others wait until this member's session is
    /// over.
    pub async fn close(mut self) {
        if let Some(feed) = self.feed.take() {
            let left = tokio::task::spawn_blocking(move || drop(feed));
            let _ = tokio::time::timeout(LEAVING, left).await;
        }
    }

    /// Begins to read a partition that was assigned. `false` if it is somebody else's by now, or
    /// begun already.
    pub fn begin(&self, topic: &str, partition: i32, start: Start) -> Result<bool, Error> {
        let Some(feed) = &self.feed else {
            return Ok(false);
        };
        let start = match start {
            Start::Earliest => Offset::Beginning,
            Start::Offset(offset) => Offset::Offset(offset),
            Start::End => Offset::End,
        };
        begin(feed, topic, partition, start).map_err(|source| Error::assign(topic, source))
    }

    /// Begins to read a partition that was assigned, also if it was begun already: from this
    /// offset on. `false` if it is somebody else's by now.
    pub fn begin_anew(&self, topic: &str, partition: i32, start: Start) -> Result<bool, Error> {
        let Some(feed) = &self.feed else {
            return Ok(false);
        };
        if feed.progress().is_begun(topic, partition) {
            let mut list = TopicPartitionList::new();
            list.add_partition(topic, partition);
            feed.progress().forget(topic, partition);
            feed.consumer
                .incremental_unassign(&list)
                .map_err(|source| Error::assign(topic, source))?;
        }
        self.begin(topic, partition, start)
    }

    /// The offsets that were noted in Kafka for partitions, `None` where there is none. Asks the broker
    /// for 10 s at most.
    pub async fn committed(&self, partitions: &[Partition]) -> Result<Vec<Option<i64>>, Error> {
        let Some(feed) = self.feed.clone() else {
            return Ok(vec![None; partitions.len()]);
        };
        let mut list = TopicPartitionList::new();
        for (topic, partition) in partitions {
            list.add_partition(topic, *partition);
        }
        let asked =
            tokio::task::spawn_blocking(move || feed.consumer.committed_offsets(list, ANSWER_TIME));
        let servers = &self.bus.at().servers;
        let answer = asked.await.map_err(|error| Error::Thread {
            source: error.into(),
        })?;
        let answer = answer.map_err(|source| Error::unreachable(servers, ANSWER_TIME, source))?;
        let offset = |(topic, partition): &Partition| {
            let found = answer.find_partition(topic, *partition)?;
            found.offset().to_raw().filter(|offset| *offset >= 0)
        };
        Ok(partitions.iter().map(offset).collect())
    }

    /// Notes in Kafka that all of a partition below `next_offset` is stored, for tools that show
    /// lag. Returns at once; what comes of it is logged at `debug`.
    pub fn commit(&self, topic: &str, partition: i32, next_offset: i64) {
        let Some(feed) = &self.feed else { return };
        let mut list = TopicPartitionList::new();
        let noted = list
            .add_partition_offset(topic, partition, Offset::Offset(next_offset))
            .and_then(|()| feed.consumer.commit(&list, CommitMode::Async));
        if let Err(error) = noted {
            debug!("the offset {next_offset} of {topic}[{partition}] is not noted: {error}");
        }
    }

    /// Stops fetching partitions that were begun, until [`Self::resume`]. Records that were on
    /// their way may still come.
    pub fn pause(&self, partitions: &[Partition]) -> Result<(), Error> {
        self.change(partitions, |feed, list| feed.consumer.pause(list))
    }

    /// Goes on with paused partitions.
    pub fn resume(&self, partitions: &[Partition]) -> Result<(), Error> {
        self.change(partitions, |feed, list| feed.consumer.resume(list))
    }

    fn change(
        &self,
        partitions: &[Partition],
        change: impl FnOnce(&Feed, &TopicPartitionList) -> KafkaResult<()>,
    ) -> Result<(), Error> {
        let Some(feed) = &self.feed else {
            return Ok(());
        };
        let mut list = TopicPartitionList::new();
        {
            let progress = feed.progress();
            for (topic, partition) in partitions {
                if progress.is_begun(topic, *partition) {
                    list.add_partition(topic, *partition);
                }
            }
        }
        if list.count() == 0 {
            return Ok(());
        }
        let names: Vec<_> = list
            .elements()
            .iter()
            .map(|e| e.topic().to_owned())
            .collect();
        change(feed, &list).map_err(|source| Error::assign(&names.join(", "), source))
    }

    /// How far behind it is, as far as is known without asking the broker.
    pub fn lag(&self) -> Vec<Lag> {
        self.feed
            .as_ref()
            .map(|feed| feed.lag())
            .unwrap_or_default()
    }

    /// How many records the broker dropped before they were read. Each time is said in the log.
    pub fn dropped(&self) -> u64 {
        self.feed.as_ref().map_or(0, |feed| feed.progress().dropped)
    }
}

fn news(feed: &Feed) -> Option<GroupEvent> {
    let group = feed.watching().group.as_ref()?;
    Some(match lock(group).news.pop_front()? {
        News::Assigned(partitions) => GroupEvent::Assigned(partitions),
        News::Revoked(partitions) => GroupEvent::Revoked(partitions),
    })
}

/// The group stays locked, so that a change of partitions comes before or after.
fn begin(feed: &Feed, topic: &str, partition: i32, start: Offset) -> KafkaResult<bool> {
    let Some(group) = feed.watching().group.as_ref() else {
        return Ok(false);
    };
    let group = lock(group);
    let place = (Arc::from(topic), partition);
    if !group.ours.contains(&place) || feed.progress().is_begun(topic, partition) {
        return Ok(false);
    }
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, start)?;
    let next = match start {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    };
    // Before the client: its first record may come before it returns.
    feed.progress().begin(&place.0, partition, next);
    let begun = feed.consumer.incremental_assign(&list);
    if begun.is_err() {
        feed.progress().forget(topic, partition);
    }
    begun.map(|()| true)
}

impl Drop for GroupReader {
    fn drop(&mut self) {
        if let Some(feed) = self.feed.take() {
            reader::end(feed);
        }
    }
}
