//! What each message says.

use serde::{Deserialize, Serialize};

use crate::{
    Attempt, Position, Reading, Reason, Status, TaskName, Timestamp, Totals,
    run::{RunEnd, RunFacts},
};

/// ORDER: an attempt started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// `host:port` of the runner's stream; `None` if it could not be bound.
    pub stream: Option<String>,
    /// When the command was started.
    pub started_at: Timestamp,
    /// The first reading, taken before the command's start.
    pub baseline: Reading,
    /// What it was given.
    pub facts: RunFacts,
}

/// PROGRESS: an attempt ended with exit code 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Its output, at most [`super::MAX_OUTPUT_BYTES`].
    pub output: String,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// BACKLOG: readings that no reader has acknowledged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Backlog {
    /// The last acknowledged reading, in the first BACKLOG of an attempt: what comes before it has
    /// been seen to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Box<Reading>>,
    /// In order of their sequence numbers.
    pub readings: Vec<Reading>,
}

/// Who says that an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// Its runner.
    Runner,
    /// The orchestrator, because the runner could not.
    Orchestrator,
}

/// HALT: an attempt ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Halt {
    /// Who says it.
    pub from: Sender,
    /// The task's name.
    pub task: TaskName,
    /// When its command was started, if it was.
    pub started_at: Option<Timestamp>,
    /// How it ended.
    pub end: RunEnd,
    /// What it used.
    pub totals: Totals,
    /// The last reading's sequence number; `None` if none is known.
    pub last_seq: Option<u64>,
    /// Readings that the runner had to thin out.
    #[serde(default)]
    pub thinned: u64,
    /// Its output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

/// One attempt in the list of STOP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptEnd {
    /// The task's place.
    pub position: Position,
    /// The try.
    pub attempt: Attempt,
    /// The task's name.
    pub task: TaskName,
    /// Why it ended.
    pub reason: Reason,
}

/// STOP: the order is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// How it ended.
    pub status: Status,
    /// What a person should know of it, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Its attempts, all of them.
    pub attempts: Vec<AttemptEnd>,
    /// The attempts whose samples could not be had, said by the producer when it forwards STOP.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undrained: Vec<(Position, Attempt)>,
}

/// TERMINATE: all of the order is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terminate {
    /// Samples of the order in the store.
    pub samples: u64,
}
