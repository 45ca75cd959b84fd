//! The launcher for a cluster: an attempt is a Job with one pod.
//!
//! Every decision stands in the order's ConfigMap before it is acted on ([`ledger`]), so that a process
//! that takes over goes on where the last one was, and two can't both start a task: an attempt that is
//! noted without a Job's UID is created, where "it exists already" is success; one that is noted with a
//! UID whose Job is missing is gone.
//!
//! What a Job is made of ([`job`]) and what a pod says ([`pods`]) are pure.

mod ahead;
mod config;
mod fleet;
mod forget;
mod go;
mod host;
pub mod images;
mod job;
mod launch;
mod ledger;
pub mod names;
mod order;
mod outputs;
mod places;
pub mod pods;
mod program;
mod queue;
pub mod record;
mod serve;
mod services;
mod spec;
mod watch;
mod workspace;

pub use config::{Config, FilledBy, Images, Volume};
pub use launch::Kubernetes;
pub use ledger::{LedgerError, read as read_order, wish};
pub use program::{Program, exit_code};
pub use spec::STREAM_PORT;
pub use watch::why_no_pod;
