//! What an orchestrator is asked for, and what it answers.

use std::path::{Path, PathBuf};

use model::{
    HumanDuration, Order, OrderHandle, Status, TaskName, Timestamp, message::AttemptEnd,
    run::RunEnd,
};
use tokio::sync::{mpsc, watch};

use crate::plan::At;

/// Where a task's standard output and error go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StdioPolicy {
    /// Into files of the order's folder; standard input is empty.
    Files,
    /// To and from where the hosting process's own go.
    Inherit,
}

/// Where the counters of an attempt are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Source {
    /// In a cgroup of its own where one can be made, else in its process tree.
    #[default]
    Auto,
    /// In a cgroup of its own; where none can be made the attempt fails.
    Cgroup,
    /// In its process tree.
    ProcessTree,
}

/// How a person wants an order to go on. Only ever raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Control {
    /// To its end.
    #[default]
    Run,
    /// To be ended in good form.
    Soft,
    /// To be ended at once.
    Hard,
}

/// What happens to an order, for those who watch.
#[derive(Debug, Clone, PartialEq)]
pub enum OrderEvent {
    /// An attempt's runner was started.
    Started {
        /// The attempt.
        at: At,
        /// Its task.
        task: TaskName,
        /// When.
        time: Timestamp,
        /// The runner's process, if it is one of this machine.
        pid: Option<u32>,
        /// Whether it stands in a cgroup of its own.
        own_cgroup: bool,
    },
    /// An attempt's end is known.
    Ended {
        /// The attempt.
        at: At,
        /// Its task.
        task: TaskName,
        /// How.
        end: RunEnd,
        /// Its output.
        output: Option<String>,
    },
    /// The order is over; what is measured is being stored.
    Stopped {
        /// How it ended.
        status: Status,
    },
}

/// An order to be taken through its tasks.
#[derive(Debug)]
pub struct OrderRequest {
    /// What names it, its topics, its token.
    pub handle: OrderHandle,
    /// The order; `order.id` is the handle's.
    pub order: Order,
    /// Its folder, absolute. `workspace` and `runs` are made in it.
    pub folder: PathBuf,
    /// Its input if that is a file, absolute.
    pub input: Option<PathBuf>,
    /// The time between samples.
    pub period: HumanDuration,
    /// How long what is told to end may take.
    pub grace: HumanDuration,
    /// Where its tasks' output goes.
    pub stdio: StdioPolicy,
    /// Where it is to be measured.
    pub source: Source,
    /// Who wants to hear of it.
    pub events: Option<mpsc::UnboundedSender<OrderEvent>>,
    /// Why it can't be run, where that is known before its first attempt: it ends at once.
    pub refused: Option<String>,
    /// How it is to go on.
    pub control: watch::Receiver<Control>,
    /// What an earlier process has left to go on from.
    pub resume: Resume,
}

/// Where an order stands that an earlier process has begun.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resume {
    /// The offsets of the topic `orchestrator` from which its messages are to be read; where the topic
    /// ends now if there are none.
    pub offsets: Vec<i64>,
    /// The same of the task topic, where that is one which all orders share.
    pub task_offsets: Vec<i64>,
    /// The attempts whose end was noted, with their outputs, in that order.
    pub ended: Vec<(At, RunEnd, Option<String>)>,
    /// Whether STOP was sent, so that TERMINATE may be there already.
    pub stopped: bool,
}

impl OrderRequest {
    /// The folder that its tasks share.
    pub fn workspace(&self) -> PathBuf {
        workspace(&self.folder)
    }
}

/// The folder, within an order's, that its tasks share.
pub fn workspace(folder: &Path) -> PathBuf {
    folder.join("workspace")
}

/// How an order ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The word.
    pub status: Status,
    /// In words, if it isn't simply well.
    pub message: Option<String>,
    /// All of its attempts.
    pub attempts: Vec<AttemptEnd>,
    /// Whether everything that was measured is known to be stored.
    pub storing_complete: bool,
    /// The end of its last attempt: exit code, signal, reason.
    pub last_end: Option<RunEnd>,
    /// Why attempts had no cgroup of their own, if they had none.
    pub no_cgroup: Option<String>,
}
