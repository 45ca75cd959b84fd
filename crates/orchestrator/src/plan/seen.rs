//! What a plan is told and what it decides.

use std::time::Duration;

use model::{
    Attempt, Position, Reason, Status, TaskName, TerminationLog, Timestamp, Totals,
    message::AttemptEnd, run::RunEnd,
};
use serde::Serialize;

/// One attempt of one task of the plan's order.
pub type At = (Position, Attempt);

/// How the runner's own process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunnerEnd {
    /// It exited with this code, which is its command's.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
}

/// What a launcher sees of an attempt that is over: nothing of it runs any more.
#[derive(Debug, Clone, PartialEq)]
pub struct ExitView {
    /// How the runner ended.
    pub runner: RunnerEnd,
    /// What ended it, where the launcher knows of a cause outside of the task.
    pub cause: Option<Reason>,
    /// When that was seen.
    pub ended_at: Timestamp,
    /// What stands of it; `None` if it can't be read or belongs to another attempt.
    pub log: Option<TerminationLog>,
    /// The task's output as it stands in files, where it can be had.
    pub output: Option<String>,
    /// Processes of the attempt that the kernel killed for want of memory, if that is counted.
    pub oom_kills: Option<u64>,
    /// Whether the runner left a file with what it could not tell the broker.
    pub undelivered: bool,
    /// The last words of the runner itself, if it had any.
    pub last_words: Option<String>,
}

impl ExitView {
    /// Whether the command is known to have been started.
    pub fn started(&self) -> bool {
        self.log
            .as_ref()
            .is_some_and(|log| log.started_at.is_some())
    }

    /// Whether a time-out of the launcher's may be what ended it: something outside of it did, and it isn't
    /// known what.
    pub(crate) fn may_be_overdue(&self) -> bool {
        let end = self.log.as_ref().and_then(|log| log.end.as_ref());
        let told = end.is_none_or(|end| end.reason == Reason::Terminated);
        self.cause.is_none() && self.oom_kills.is_none_or(|kills| kills == 0) && told
    }

    /// Whether the runner's messages are all with the broker.
    pub(super) fn delivered(&self) -> bool {
        self.log
            .as_ref()
            .is_some_and(|log| log.end.is_some() && log.delivered)
    }
}

/// What was seen.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// The runner's PROGRESS.
    Progress {
        /// The attempt.
        at: At,
        /// Its output.
        output: String,
        /// When it ended.
        ended_at: Timestamp,
    },
    /// A plain-text task's own PROGRESS.
    TextOutput {
        /// The attempt.
        at: At,
        /// Its output.
        output: String,
    },
    /// The runner's HALT.
    Halt {
        /// The attempt.
        at: At,
        /// How it ended.
        end: RunEnd,
        /// Its output.
        output: Option<String>,
    },
    /// The launcher's view: the attempt is over and nothing of it is left.
    Exited {
        /// The attempt.
        at: At,
        /// The view.
        exit: Box<ExitView>,
    },
    /// An earlier process has seen it end, and noted it.
    Known {
        /// The attempt.
        at: At,
        /// How it ended.
        end: RunEnd,
        /// Its output.
        output: Option<String>,
    },
    /// The launcher could not start the runner.
    LaunchFailed {
        /// The attempt.
        at: At,
        /// What kept it from it.
        reason: Reason,
        /// Why.
        message: String,
        /// When.
        ended_at: Timestamp,
    },
    /// A person wants the order to end.
    Terminate {
        /// At once, not in good form.
        hard: bool,
    },
    /// TERMINATE: everything is stored.
    Terminated,
    /// The time of a reminder has come.
    Reminded(Reminder),
}

/// What the plan wants to be reminded of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Reminder {
    /// The task has gone past its time-out and the runner has not ended it.
    Deadline(At),
    /// The attempt's end is known and its runner is still there.
    Linger(At),
    /// A plain-text task ended without its own PROGRESS having been seen.
    Output(At),
    /// Nobody has said that the order is stored.
    Storing,
}

/// An earlier task's output, as later ones are told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Earlier {
    /// The task's place.
    pub position: Position,
    /// Its name.
    pub task: TaskName,
    /// The try that completed.
    pub attempt: Attempt,
    /// What it gave.
    pub output: String,
}

/// A HALT in the runner's stead.
#[derive(Debug, Clone, PartialEq)]
pub struct LostHalt {
    /// The attempt.
    pub at: At,
    /// When its command was started, if that is known.
    pub started_at: Option<Timestamp>,
    /// How it ended.
    pub end: RunEnd,
    /// What is known of its use.
    pub totals: Totals,
    /// The last reading's sequence number.
    pub last_seq: Option<u64>,
    /// Its output.
    pub output: Option<String>,
}

/// What is to be done, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Start an attempt.
    Launch {
        /// The attempt.
        at: At,
        /// The outputs so far, by position.
        earlier: Vec<Earlier>,
    },
    /// An attempt's end is known: for those who watch.
    Ended {
        /// The attempt.
        at: At,
        /// How.
        end: RunEnd,
        /// Its output.
        output: Option<String>,
    },
    /// Send HALT, for its runner could not.
    SendHalt(Box<LostHalt>),
    /// Send what the runner left in its file, its HALT included.
    SendUndelivered {
        /// The attempt.
        at: At,
        /// To be sent if the file can't be read.
        instead: Option<Box<LostHalt>>,
    },
    /// Make an attempt end.
    Signal {
        /// The attempt.
        at: At,
        /// Kill it with all that belongs to it; else let its runner end it.
        hard: bool,
    },
    /// Come back later.
    Remind {
        /// With this.
        reminder: Reminder,
        /// After this time.
        after: Duration,
    },
    /// Send STOP: the order is over.
    SendStop {
        /// How it ended.
        status: Status,
        /// In words, if it isn't simply well.
        message: Option<String>,
        /// All of its attempts.
        attempts: Vec<AttemptEnd>,
    },
    /// There is nothing left to do.
    Done {
        /// How it ended.
        status: Status,
        /// Whether TERMINATE came.
        stored: bool,
    },
    /// Worth a line in the log; it changes nothing.
    Note(Note),
}

/// What was seen and changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// A message about an attempt that was never started.
    Unknown(At),
    /// A message about an attempt whose end is known already; it agrees.
    Late(At),
    /// The same, and it says otherwise: the first word stands.
    Contradiction(At),
    /// TERMINATE before STOP.
    EarlyTerminate,
}
