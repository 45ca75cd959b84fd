//! Reads the kernel's counters of one attempt of a task: of a cgroup that is the attempt's own
//! (v2, else v1), or of the process tree below the calling process.
//!
//! The caller is the parent and child subreaper of the task's command and reaps every child itself.
//! Its own share is taken out of the task's numbers. A number that could not be read is `None`,
//! never zero. Nothing here knows rates or samples: a [`Reading`] holds cumulative counters.
//!
//! ```no_run
//! # fn main() -> Result<(), probe::Error> {
//! let mut probe = probe::Probe::open(&probe::Options::default())?;
//! let baseline = probe.read(); // before the command starts
//! // start the command as process 1234, then:
//! probe.command_started(1234);
//! let now = probe.read(); // as often as wanted
//! // for every child that ended (waitid with WNOWAIT, then wait4):
//! probe.before_reap(1234);
//! # let rusage: libc::rusage = unsafe { std::mem::zeroed() };
//! probe.reaped(1234, &rusage);
//! let last = probe.read();
//! let peak = probe.anon_peak();
//! # Ok(()) }
//! ```
//!
//! How to add a counter: a parser in `parse`, a field in [`Reading`], a line in the sources that
//! have it, a row in `COUNTERS.md`.

mod cgroup;
mod compose;
mod counter;
mod error;
mod file;
mod listing;
mod locate;
mod lost;
mod net;
mod own;
mod parse;
mod peak;
mod probe;
mod process;
mod reading;
mod track;
mod tree;

pub use error::Error;
pub use probe::{Options, Probe};
pub use reading::{AnonPeak, Reading, SourceKind};
