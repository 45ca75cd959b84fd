//! The context of readers: what their clients say and how a group hands out partitions.

use std::{
    collections::{HashSet, VecDeque},
    ptr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use rdkafka::{
    ClientContext, TopicPartitionList,
    bindings::rd_kafka_assign,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol},
    error::{KafkaError, KafkaResult},
    types::RDKafkaRespErr,
};
use tracing::{debug, warn};

use crate::{bus::lock, context::Voice, progress::Progress};

/// A topic and a partition of it.
pub type Partition = (Arc<str>, i32);

/// What a reader's client and its owner share.
pub(crate) struct Watching {
    pub(crate) voice: Voice,
    pub(crate) progress: Mutex<Progress>,
    /// What the group has said, for readers that are members of one.
    pub(crate) group: Option<Mutex<Group>>,
    /// Whether the client said something else than a record since this was last asked.
    stirred: AtomicBool,
}

/// What a member of a group knows.
#[derive(Default)]
pub(crate) struct Group {
    /// Its partitions, begun or not.
    pub(crate) ours: HashSet<Partition>,
    /// What its owner hasn't heard yet.
    pub(crate) news: VecDeque<News>,
}

/// How a member's partitions changed.
pub(crate) enum News {
    Assigned(Vec<Partition>),
    Revoked(Vec<Partition>),
}

impl Watching {
    pub(crate) fn new(voice: Voice, member: bool) -> Self {
        Self {
            voice,
            progress: Mutex::default(),
            group: member.then(Mutex::default),
            stirred: AtomicBool::new(false),
        }
    }

    /// Whether the client said something else than a record since this was last asked: then there
    /// may be more behind it.
    pub(crate) fn stirred(&self) -> bool {
        self.stirred.swap(false, Ordering::Relaxed)
    }

    fn stir(&self) {
        self.stirred.store(true, Ordering::Relaxed);
    }

    /// Those that were begun; the client knows of no others.
    fn revoked(&self, group: &mut Group, partitions: Vec<Partition>) -> TopicPartitionList {
        let mut begun = TopicPartitionList::new();
        let mut progress = lock(&self.progress);
        for partition in &partitions {
            group.ours.remove(partition);
            if progress.forget(&partition.0, partition.1) {
                begun.add_partition(&partition.0, partition.1);
            }
        }
        group.news.push_back(News::Revoked(partitions));
        begun
    }
}

impl ClientContext for Watching {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.stir();
        self.voice.log(level, facility, message);
    }

    fn stats_raw(&self, _: &[u8]) {
        self.stir();
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.stir();
        self.voice.trouble(&error, reason);
    }
}

impl ConsumerContext for Watching {
    /// Called when the owner polls. Waits for nobody: what is stored of a partition that went to
    /// somebody else is fenced in the database.
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        what: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        self.stir();
        let Some(group) = &self.group else { return };
        let mut group = lock(group);
        let elements = list.elements();
        let partitions = elements
            .iter()
            .map(|e| (Arc::from(e.topic()), e.partition()));
        let partitions: Vec<Partition> = partitions.collect();
        debug!("the group says {what:?} {partitions:?}");
        let outcome = if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            group.ours.extend(partitions.iter().cloned());
            group.news.push_back(News::Assigned(partitions));
            // Nothing is fetched before the owner says from where.
            consumer.incremental_assign(&TopicPartitionList::new())
        } else {
            let begun = self.revoked(&mut group, partitions);
            leave(consumer, &begun)
        };
        if let Err(error) = outcome {
            warn!("the group's change could not be followed: {error}");
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        self.stir();
        if let Err(error) = result {
            // For lag tools only; ours are in the database.
            debug!("offsets could not be noted in Kafka: {error}");
        }
    }
}

fn leave(consumer: &BaseConsumer<Watching>, begun: &TopicPartitionList) -> KafkaResult<()> {
    if matches!(
        consumer.rebalance_protocol(),
        RebalanceProtocol::Cooperative
    ) {
        // The client keeps a pause over an end and a new beginning.
        consumer.resume(begun)?;
        return consumer.incremental_unassign(begun);
    }
    // A member that is no longer in the group.
    // SAFETY: the client lives, and null is how an end of all is written.
    unsafe { rd_kafka_assign(consumer.client().native_ptr(), ptr::null()) };
    Ok(())
}
