//! What stands of an order in its ConfigMap. Pure.

use std::collections::BTreeMap;

use model::{Attempt, HumanDuration, Order, OrderUid, Position, Status, Timestamp, run::RunEnd};
use serde::{Deserialize, Serialize};

use super::images::Image;
use crate::{Resume, plan::At};

/// The data key of an [`OrderRecord`].
pub const ORDER: &str = "order";
/// The data key of a [`State`].
pub const STATE: &str = "state";
/// The data key under which a person's wish to end the order stands: [`SOFT`] or [`HARD`].
pub const TERMINATE: &str = "terminate";
/// The data key of a chunk of the input, in a ConfigMap of its own.
pub const CHUNK: &str = "chunk";
/// In good form.
pub const SOFT: &str = "soft";
/// At once.
pub const HARD: &str = "hard";
/// The form's version.
const VERSION: u32 = 1;
/// An output longer than this has a ConfigMap of its own, bytes.
pub(super) const LONG_OUTPUT: usize = 2048;

/// An order as it was handed to the cluster. It doesn't change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderRecord {
    /// The form's version.
    pub v: u32,
    /// The execution.
    pub order_uid: OrderUid,
    /// When it was handed over.
    pub created_at: Timestamp,
    /// The order, complete.
    pub order: Order,
    /// The order as the person wrote it.
    pub definition: String,
    /// Its input, where that is a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<InputFile>,
    /// The time between samples.
    pub period: HumanDuration,
    /// How long what is told to end may take.
    pub grace: HumanDuration,
    /// Whether its tasks share a folder.
    pub workspace: bool,
}

/// A picture that travels in ConfigMaps of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Its name, without a folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// How many chunks there are.
    pub chunks: u32,
}

/// How far an order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Nobody has begun with it.
    #[default]
    Queued,
    /// An orchestrator is at work.
    Running,
    /// STOP was sent.
    Stopped,
    /// Nothing is left to be done.
    Over,
}

impl Phase {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Over => "over",
        }
    }
}

/// Every decision, written before it is acted on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct State {
    /// The form's version.
    pub v: u32,
    /// How far it has come.
    pub phase: Phase,
    /// The pod that wrote this.
    pub writer: String,
    /// Where the topic `orchestrator` ended when the order began.
    #[serde(default)]
    pub offsets: Vec<i64>,
    /// The same of the task topic, where all orders share one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub task_offsets: Vec<i64>,
    /// What was looked up of its images, by their references; `None` before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<BTreeMap<String, Image>>,
    /// The attempts, in the order in which they were decided.
    #[serde(default)]
    pub attempts: Vec<Noted>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When STOP was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Whether everything that was measured is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<bool>,
}

/// An attempt that was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Noted {
    /// The task's place.
    pub position: Position,
    /// The try.
    pub attempt: Attempt,
    /// Its Job's UID, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_uid: Option<String>,
    /// How far it is, if its pod was made ready ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Ahead>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<RunEnd>,
    /// Its output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The ConfigMap in which its output stands, where it is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_in: Option<String>,
}

/// An attempt whose pod was made ready ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ahead {
    /// It isn't its turn yet, and may never be.
    Waits,
    /// It is its turn: its runner is told GO, perhaps again.
    Launched,
}

impl State {
    /// Of an order that nobody has begun with.
    pub fn queued() -> Self {
        Self {
            v: VERSION,
            ..Self::default()
        }
    }

    /// The attempt, if it was decided.
    pub fn noted(&self, at: At) -> Option<&Noted> {
        self.attempts.iter().find(|noted| noted.at() == at)
    }

    pub(super) fn note(&mut self, at: At) -> &mut Noted {
        let place = self.attempts.iter().position(|noted| noted.at() == at);
        let place = place.unwrap_or_else(|| {
            self.attempts.push(Noted {
                position: at.0,
                attempt: at.1,
                job_uid: None,
                ahead: None,
                end: None,
                output: None,
                output_in: None,
            });
            self.attempts.len() - 1
        });
        &mut self.attempts[place]
    }

    /// Its turn has come.
    pub(super) fn launch(&mut self, at: At) {
        let noted = self.note(at);
        noted.ahead = noted.ahead.map(|_| Ahead::Launched);
    }

    /// Notes an attempt whose pod is made ready ahead, unless it was decided already.
    pub(super) fn note_ahead(&mut self, at: At) {
        if self.noted(at).is_none() {
            self.note(at).ahead = Some(Ahead::Waits);
        }
    }

    /// The attempts whose turn hasn't come.
    pub(super) fn waiting(&self) -> impl Iterator<Item = At> {
        let waits = |noted: &&Noted| noted.ahead == Some(Ahead::Waits);
        self.attempts.iter().filter(waits).map(Noted::at)
    }

    /// Forgets the attempts whose turn never came.
    pub(super) fn forget_waiting(&mut self) {
        self.attempts
            .retain(|noted| noted.ahead != Some(Ahead::Waits));
    }

    /// Why the order could not be run, which ended it before its first attempt.
    pub(super) fn refusal(&self) -> Option<&str> {
        let ended = self.status == Some(Status::Failed) && self.attempts.is_empty();
        self.message.as_deref().filter(|_| ended)
    }

    /// What a process that takes over goes on from; long outputs are to be looked up first.
    pub fn resume(&self) -> Resume {
        let ended = self.attempts.iter().filter_map(|noted| {
            let end = noted.end.clone()?;
            Some((noted.at(), end, noted.output.clone()))
        });
        Resume {
            offsets: self.offsets.clone(),
            task_offsets: self.task_offsets.clone(),
            ended: ended.collect(),
            stopped: self.phase == Phase::Stopped,
        }
    }
}

/// An order that a person ended while it waited.
pub(super) fn never_began(now: Timestamp) -> impl FnOnce(&mut State) + Send {
    move |state| {
        state.phase = Phase::Over;
        state.status = Some(Status::Terminated);
        state.message = Some("terminated before it began".to_owned());
        state.ended_at = Some(now);
        state.stored = Some(true);
    }
}

impl Noted {
    /// The attempt.
    pub fn at(&self) -> At {
        (self.position, self.attempt)
    }
}
