//! What starts attempts and sees their ends.

use std::{path::PathBuf, pin::Pin};

use model::{Reason, Status, attempt::BusAddress, run::RunEnd};
use tokio::task::JoinHandle;

use crate::{
    OrderRequest,
    clock::Clock,
    plan::{At, Earlier, Seen},
};

/// Starts attempts as something: processes here, Jobs on a cluster.
///
/// How to add one: start what an [`model::AttemptSpec`] says, answer exactly once with [`Seen::Exited`]
/// or [`Seen::LaunchFailed`] when nothing of the attempt runs any more, and end it when told to.
pub trait Launcher: Send + Sync + 'static {
    /// What is made ready for an attempt before its time.
    type Prepared: Prepared;

    /// What tells the time.
    fn clock(&self) -> Clock;

    /// Makes what an order needs before its first attempt; it may be there already.
    ///
    /// # Errors
    /// Why the order can't be taken on; nothing was started.
    fn begin(&self, request: &OrderRequest) -> impl Future<Output = Result<(), NotBegun>> + Send;

    /// Notes a decision where a later process would find it, before anybody acts on it.
    ///
    /// # Errors
    /// Somebody else takes the order on.
    fn note(
        &self,
        request: &OrderRequest,
        decision: Decision<'_>,
    ) -> impl Future<Output = Result<(), Superseded>> + Send;

    /// Starts an attempt, or finds the one that an earlier process has started.
    ///
    /// # Errors
    /// Why it was not started; nothing is left of it.
    fn start(
        &self,
        request: &OrderRequest,
        at: At,
        earlier: &[Earlier],
        bus: BusAddress,
        prepared: Option<Self::Prepared>,
    ) -> impl Future<Output = Result<Started, NotStarted>> + Send;

    /// Makes ready what takes time for an attempt, which may never be started.
    fn prepare(&self, request: &OrderRequest, at: At, bus: BusAddress) -> Option<Self::Prepared>;

    /// The file in which a runner leaves what it could not tell the broker, where there is one.
    fn undelivered(&self, request: &OrderRequest, at: At) -> Option<PathBuf>;
}

/// What is made ready for an attempt. What isn't used is removed when it is dropped, or before that when
/// [`Decision::Stop`] is noted.
pub trait Prepared: Send + 'static {
    /// The attempt.
    fn at(&self) -> At;
}

/// What is worth being known to a process that takes over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decision<'a> {
    /// This attempt is started.
    Launch(At),
    /// This is how it ended; what follows from it comes next.
    Ended {
        /// The attempt.
        at: At,
        /// How.
        end: &'a RunEnd,
        /// Its output.
        output: Option<&'a str>,
    },
    /// The order is over; STOP is sent.
    Stop {
        /// How it ended.
        status: Status,
        /// In words.
        message: Option<&'a str>,
    },
    /// Nothing is left to be done.
    Done {
        /// Whether all is stored.
        stored: bool,
    },
}

/// Somebody else has taken the order on: this process stops acting for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("another orchestrator has taken it on")]
pub struct Superseded;

/// Why an order can't be taken on, in words.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct NotBegun(pub anyhow::Error);

/// Why an attempt was not started.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct NotStarted {
    /// As the run's end says it.
    pub reason: Reason,
    /// In words.
    pub message: String,
}

/// Signals an attempt: softly (its runner ends it), or, if the flag is set, at once.
pub type Signal = Box<dyn Fn(bool) + Send + Sync>;

/// How an attempt ends: what is seen, and work that nobody but the order's end needs to wait for.
pub type End = Pin<Box<dyn Future<Output = (Seen, Option<JoinHandle<()>>)> + Send>>;

/// An attempt under way.
pub struct Started {
    /// The runner's process, if it is one of this machine.
    pub pid: Option<u32>,
    /// Why it has no cgroup of its own, if it has none.
    pub no_cgroup: Option<String>,
    /// Signals it.
    pub signal: Signal,
    /// Waits for its end.
    pub end: End,
}
