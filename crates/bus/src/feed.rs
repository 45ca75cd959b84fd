//! A reader's librdkafka consumer and what it reads. Apart from [`crate::Reader`], so that the
//! thread that hears of arrivals can reach it.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code},
    message::BorrowedMessage,
};
use tokio::sync::Notify;
use tracing::{Level, debug, enabled, warn};

use crate::{
    Error, Event, Incoming, Start,
    arrivals::{Arrivals, Position, Step},
    bus::{ANSWER_TIME, lock},
    lag::{self, Lag},
    progress::{Gap, Progress, Reading, Verdict},
    watching::Watching,
};

/// How often a reader to whom nothing comes looks all the same, so that its group sees it alive,
/// and how often lag is logged.
const LOOK: Duration = Duration::from_secs(30);

pub(crate) struct Feed {
    pub(crate) consumer: BaseConsumer<Watching>,
    /// Told when the client has something.
    something: Arc<Notify>,
    /// Held while records are taken, so that none is on its way when a topic is read again.
    taking: Mutex<()>,
    /// An error behind records that were handed out first.
    failed: Mutex<Option<KafkaError>>,
    lag_said: Mutex<Instant>,
}

impl Feed {
    pub(crate) fn new(mut consumer: BaseConsumer<Watching>) -> Self {
        let something = Arc::new(Notify::new());
        let teller = Arc::clone(&something);
        consumer.set_nonempty_callback(move || teller.notify_one());
        Self {
            consumer,
            something,
            taking: Mutex::default(),
            failed: Mutex::default(),
            lag_said: Mutex::new(Instant::now()),
        }
    }

    pub(crate) fn watching(&self) -> &Watching {
        self.consumer.context()
    }

    pub(crate) fn progress(&self) -> MutexGuard<'_, Progress> {
        lock(&self.watching().progress)
    }

    /// Whether a topic is read.
    pub(crate) fn reads(&self, topic: &str) -> bool {
        self.progress().topics.contains_key(topic)
    }

    /// The topics that are read.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        self.progress().topics.keys().cloned().collect()
    }

    /// Waits until the client may have something.
    pub(crate) async fn wait(&self) {
        let _ = tokio::time::timeout(LOOK, self.something.notified()).await;
        self.say_lag();
    }

    /// The next record that the client has, if it has one.
    fn poll(&self) -> Option<KafkaResult<BorrowedMessage<'_>>> {
        loop {
            match self.consumer.poll(Duration::ZERO) {
                None if self.watching().stirred() => {}
                polled => return polled,
            }
        }
    }

    /// What the client has, at most so many records, read. What it overcomes itself (a broker that
    /// is away, say) is logged.
    pub(crate) fn take(&self, max: usize) -> Result<Vec<Incoming>, KafkaError> {
        if let Some(error) = lock(&self.failed).take() {
            return Err(error);
        }
        let _taking = lock(&self.taking);
        let mut records = Vec::new();
        while records.len() < max {
            match self.poll() {
                None => break,
                Some(Ok(record)) => records.push(record),
                Some(Err(error)) if self.is_final(&error) => {
                    if records.is_empty() {
                        return Err(error);
                    }
                    *lock(&self.failed) = Some(error);
                    break;
                }
                // The context has heard of it, and says it.
                Some(Err(_)) => {}
            }
        }
        if !records.is_empty() {
            self.watching().voice.health.answered();
        }
        Ok(self.sort(&records).collect())
    }

    /// Whether reading is at its end: the broker says no, or the client gives up.
    fn is_final(&self, error: &KafkaError) -> bool {
        is_final(error) || self.watching().voice.health.refusal().is_some()
    }

    /// Reads those records that are to be handed on. The lock is held for their places only.
    fn sort<'a>(
        &self,
        records: &'a [BorrowedMessage<'_>],
    ) -> impl Iterator<Item = Incoming> + use<'a> {
        let mut ours = Vec::with_capacity(records.len());
        let mut progress = self.progress();
        let Progress { topics, dropped } = &mut *progress;
        // Records come in runs of one topic, whose name is looked up once.
        let mut rest = records;
        while let Some(first) = rest.first() {
            let same = |record: &BorrowedMessage<'_>| record.topic_ptr() == first.topic_ptr();
            let run = rest.iter().position(|record| !same(record));
            let (run, others) = rest.split_at(run.unwrap_or(rest.len()));
            rest = others;
            let Some(name) = topics
                .get_key_value(first.topic())
                .map(|(name, _)| name.clone())
            else {
                continue;
            };
            let Some(reading) = topics.get_mut(&name) else {
                continue;
            };
            for record in run {
                match reading.read(record.partition(), record.offset()) {
                    Verdict::Ignore => continue,
                    Verdict::Take(gap) => *dropped += say(&gap, record),
                    Verdict::TakeLast(gap) => {
                        *dropped += say(&gap, record);
                        self.pause_topic(&name);
                    }
                }
                ours.push((Arc::clone(&name), record));
            }
        }
        drop(progress);
        ours.into_iter().map(|(topic, record)| Incoming {
            topic,
            partition: record.partition(),
            offset: record.offset(),
            bytes: record.key_len() + record.payload_len(),
            event: Event::decode(record.key(), record.payload().unwrap_or_default()),
        })
    }

    /// Begins to read a topic of a Kafka. `false` if it is read already.
    pub(crate) fn add_always(&self, topic: &str, starts: &[Offset]) -> Result<bool, Error> {
        let mut progress = self.progress();
        if progress.topics.contains_key(topic) {
            return Ok(false);
        }
        let mut list = TopicPartitionList::new();
        for (partition, start) in (0..).zip(starts) {
            list.add_partition_offset(topic, partition, *start)
                .map_err(|source| Error::assign(topic, source))?;
        }
        self.consumer
            .incremental_assign(&list)
            .map_err(|source| Error::assign(topic, source))?;
        let name: Arc<str> = topic.into();
        for (partition, start) in (0..).zip(starts) {
            progress.begin(&name, partition, known(*start));
        }
        Ok(true)
    }

    /// Reads a topic of a Kafka again from these offsets on, in partitions where it is past them. `false` if it
    /// isn't read.
    pub(crate) fn again(&self, topic: &str, from: &[i64]) -> Result<bool, Error> {
        let _nothing_is_on_its_way = lock(&self.taking);
        let mut progress = self.progress();
        let Some((name, reading)) = progress.topics.get_key_value(topic) else {
            return Ok(false);
        };
        let (name, nexts) = (Arc::clone(name), reading.nexts());
        let mut list = TopicPartitionList::new();
        let mut past = Vec::new();
        for (partition, next) in nexts {
            if let Some(from) = from.get(partition as usize).filter(|from| **from < next) {
                list.add_partition_offset(topic, partition, Offset::Offset(*from))
                    .map_err(|source| Error::assign(topic, source))?;
                past.push((partition, *from));
            }
        }
        if past.is_empty() {
            return Ok(true);
        }
        (self.consumer.incremental_unassign(&list))
            .and_then(|()| self.consumer.incremental_assign(&list))
            .map_err(|source| Error::assign(topic, source))?;
        for (partition, from) in past {
            progress.begin(&name, partition, Some(from));
        }
        Ok(true)
    }

    /// Begins to read a topic of the embedded broker. `false` if it is read already.
    pub(crate) fn add_announced(
        &self,
        topic: &str,
        start: Start,
        arrivals: &Arrivals,
    ) -> Result<bool, Error> {
        let mut progress = self.progress();
        if progress.topics.contains_key(topic) {
            return Ok(false);
        }
        self.look_up(topic)?;
        // Under the lock: an arrival is either in `end` already or waits for it to be told.
        let end = arrivals.end(topic);
        let start = match start {
            Start::Earliest => 0,
            Start::Offset(offset) => offset.max(0),
            Start::End => end,
        };
        let mut position = Position::new(start, end);
        if let Some(step) = position.arrived(end) {
            self.go(topic, &step)
                .map_err(|source| Error::assign(topic, source))?;
        }
        progress
            .topics
            .insert(topic.into(), Reading::Announced(position));
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

    fn go(&self, topic: &str, step: &Step) -> KafkaResult<()> {
        match *step {
            Step::Assign(offset) => {
                let mut list = TopicPartitionList::new();
                list.add_partition_offset(topic, 0, Offset::Offset(offset))?;
                self.consumer.incremental_assign(&list)
            }
            Step::Resume(offset) => {
                self.consumer.resume(&partitions(topic, &[0]))?;
                // Resuming alone leaves the client's thread asleep for up to a second.
                let at_once = Duration::ZERO;
                self.consumer
                    .seek(topic, 0, Offset::Offset(offset), at_once)
            }
        }
    }

    /// Ends reading a topic. `false` if it wasn't read.
    pub(crate) fn remove(&self, topic: &str) -> bool {
        let mut progress = self.progress();
        let Some(reading) = progress.topics.remove(topic) else {
            return false;
        };
        let list = partitions(topic, &reading.assigned());
        // The client keeps a pause over an end and a new beginning.
        if list.count() > 0
            && let Err(error) = (self.consumer.resume(&list))
                .and_then(|()| self.consumer.incremental_unassign(&list))
        {
            warn!("the topic {topic} could not be let go of: {error}");
        }
        true
    }

    /// A topic of the embedded broker now ends at `end`.
    pub(crate) fn arrived(&self, topic: &str, end: i64) {
        if let Some(Reading::Announced(position)) = self.progress().topics.get_mut(topic)
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

    fn pause_topic(&self, topic: &str) {
        if let Err(error) = self.consumer.pause(&partitions(topic, &[0])) {
            warn!("the topic {topic} could not be paused: {error}");
        }
    }

    /// How far behind the reader is, as far as its client knows.
    pub(crate) fn lag(&self) -> Vec<Lag> {
        let nexts: Vec<_> = self
            .progress()
            .topics
            .iter()
            .flat_map(|(name, reading)| {
                let of = |(partition, next)| (Arc::clone(name), partition, next);
                reading.nexts().into_iter().map(of)
            })
            .collect();
        lag::of(&self.consumer, nexts)
    }

    /// Logs the lag now and then.
    pub(crate) fn say_lag(&self) {
        if !enabled!(Level::DEBUG) {
            return;
        }
        let mut said = lock(&self.lag_said);
        if said.elapsed() < LOOK {
            return;
        }
        *said = Instant::now();
        drop(said);
        for lag in self.lag() {
            debug!("{lag}");
        }
    }
}

/// The offset that is read first, where that is known before it comes.
fn known(start: Offset) -> Option<i64> {
    match start {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    }
}

/// Says what is missing before a record; returns how many were dropped.
fn say(gap: &Gap, record: &BorrowedMessage<'_>) -> u64 {
    let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
    match *gap {
        Gap::None => 0,
        Gap::Dropped(count) => {
            warn!(
                "{count} records of {topic}[{partition}] right before offset {offset} were dropped \
                 by the broker before they were read"
            );
            count as u64
        }
        Gap::NotThere { wanted } => {
            warn!(
                "{topic}[{partition}] has no offset {wanted}: the topic was emptied or made anew, or \
                 the database is of another broker; reading from its oldest record, {offset}"
            );
            0
        }
    }
}

pub(crate) fn partitions(topic: &str, numbers: &[i32]) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for partition in numbers {
        list.add_partition(topic, *partition);
    }
    list
}

fn is_final(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageConsumptionFatal(_))
        || matches!(
            error.rdkafka_error_code(),
            Some(
                Code::Authentication
                    | Code::SaslAuthenticationFailed
                    | Code::TopicAuthorizationFailed
                    | Code::GroupAuthorizationFailed
            )
        )
}
