//! What is stored at once.

use std::collections::BTreeMap;

use model::{AttemptKey, OrderId, OrderUid, Run, Sample, Status, TaskName, Timestamp};

/// Where records are read: a partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Log {
    /// Which broker, so that a new one's offsets aren't taken for an old one's.
    pub bus: String,
    /// The topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Which topic of that name, so that one that was made anew starts afresh: the order's uid for
    /// an order's own topic, Kafka's topic id for a shared one.
    pub generation: String,
}

/// How far a batch takes a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advance {
    /// The log.
    pub log: Log,
    /// The offset that it begins at: what [`crate::Store::offsets`] said, or 0 or less if it said
    /// none.
    pub expected: i64,
    /// The offset that comes after it.
    pub next: i64,
}

/// Records of any number of orders and logs, with the offsets that they came from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// How far it takes the logs, each of them once.
    pub advances: Vec<Advance>,
    /// The ids of the executions that its items are of.
    pub orders: BTreeMap<OrderUid, OrderId>,
    /// What was read, those of each log in the order in which they were read.
    pub items: Vec<Item>,
}

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A sample.
    Sample {
        /// Whose.
        key: AttemptKey,
        /// The task's name.
        task: TaskName,
        /// The sample.
        sample: Box<Sample>,
    },
    /// What is known of a run.
    Run {
        /// Whose.
        key: AttemptKey,
        /// The task's name.
        task: TaskName,
        /// The run.
        run: Box<Run>,
    },
    /// How the order stands; from STOP how it ended.
    Status {
        /// The execution.
        order_uid: OrderUid,
        /// How it stands.
        status: Status,
        /// What a person should know of it.
        message: Option<String>,
        /// Since when.
        at: Timestamp,
        /// Whether every sample of it is stored with this batch.
        storing_complete: bool,
    },
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ingested {
    /// It is stored.
    Stored {
        /// Samples that are new.
        samples: u64,
        /// Samples that were there already.
        duplicates: u64,
        /// Items that can't be stored (their places in the batch), and why.
        refused: Vec<(usize, String)>,
    },
    /// Someone else has moved offsets; nothing of it is stored.
    Fenced {
        /// The places of these advances in the batch, and where reading has to go on; -1 if no
        /// offset is stored.
        logs: Vec<(usize, i64)>,
    },
}

impl Item {
    /// Whose it is.
    pub fn order_uid(&self) -> OrderUid {
        match self {
            Self::Sample { key, .. } | Self::Run { key, .. } => key.order_uid,
            Self::Status { order_uid, .. } => *order_uid,
        }
    }

    /// The attempt that it is about.
    pub(super) fn attempt(&self) -> Option<(AttemptKey, &TaskName)> {
        match self {
            Self::Sample { key, task, .. } | Self::Run { key, task, .. } => Some((*key, task)),
            Self::Status { .. } => None,
        }
    }

    /// When its order began, as far as it tells.
    pub(super) fn began(&self) -> Option<Timestamp> {
        match self {
            Self::Sample { sample, .. } => Some(sample.reading.time_us),
            Self::Run { run, .. } => run
                .started_at
                .or_else(|| run.end.as_ref().map(|e| e.ended_at)),
            Self::Status { .. } => None,
        }
    }
}
