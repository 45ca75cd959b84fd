//! The messages, and how they stand in a record: key = type, value = JSON, headers = identity.

mod body;
mod wire;

pub use body::{AttemptEnd, Backlog, Halt, Progress, Sender, Started, Stop, Terminate};
pub use wire::{Envelope, Header, Record, WireError};

use crate::{Run, Sample};

/// The largest BACKLOG value, bytes.
pub const MAX_BACKLOG_BYTES: usize = 256 * 1024;
/// The largest output that a task can hand on, bytes.
pub const MAX_OUTPUT_BYTES: usize = 64 * 1024;
/// The version of the wire form.
pub const VERSION: u32 = 1;

/// What is said.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// An attempt started.
    Order(Box<Started>),
    /// An attempt ended with exit code 0.
    Progress(Progress),
    /// Samples that nobody has taken.
    Backlog(Backlog),
    /// An attempt ended.
    Halt(Box<Halt>),
    /// One sample.
    Sample(Box<Sample>),
    /// A run's facts and totals.
    Run(Box<Run>),
    /// The order is over.
    Stop(Stop),
    /// All of it is stored.
    Terminate(Terminate),
}

impl Message {
    /// The record key.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Order(_) => "ORDER",
            Self::Progress(_) => "PROGRESS",
            Self::Backlog(_) => "BACKLOG",
            Self::Halt(_) => "HALT",
            Self::Sample(_) => "SAMPLE",
            Self::Run(_) => "RUN",
            Self::Stop(_) => "STOP",
            Self::Terminate(_) => "TERMINATE",
        }
    }
}
