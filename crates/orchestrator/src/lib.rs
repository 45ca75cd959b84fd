//! Takes orders through their tasks: a plan per order that decides, a launcher that starts what the
//! plan says, and a service that carries messages between them and the bus.
//!
//! Invariant: nothing here knows SQL, charts, or what a sample is. Decisions are made in [`plan`]
//! alone, which does no I/O; [`local`] and [`Orchestrator`] do what it says and tell it what they
//! saw.
//!
//! How to add a launcher: a module beside [`local`] with an implementation of [`Launcher`].

pub mod clock;
pub mod kubernetes;
mod launcher;
pub mod local;
mod metrics;
pub mod plan;
mod request;
mod service;

pub use crate::metrics::{Metrics, QueueMetrics};
pub use launcher::{
    Decision, End, Launcher, NotBegun, NotStarted, Prepared, Signal, Started, Superseded,
};
pub use request::{
    Control, OrderEvent, OrderRequest, Outcome, Resume, Source, StdioPolicy, workspace,
};
pub use service::{Error, Options, Orchestrator};
