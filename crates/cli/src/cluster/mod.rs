//! Podometer on a cluster: how it gets there, and how it is removed.
//!
//! Invariant: nothing here knows how a service works inside, or how an order is taken through its tasks.

mod apply;
mod connect;
mod error;
pub(crate) mod manifest;
pub(crate) mod order;
pub(crate) mod readiness;
pub(crate) mod remove;
pub(crate) mod secrets;
pub(crate) mod volumes;
pub(crate) mod wait;

pub(crate) use connect::Cluster;
pub(crate) use error::{Doing, Error};
