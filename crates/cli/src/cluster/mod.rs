//! Podometer on a cluster: how it gets there, and how it is removed.
//!
//! Invariant: nothing here knows how a service works inside, or how an order is taken through its tasks.

mod apply;
mod connect;
mod error;
mod forward;
mod load;
pub(crate) mod manifest;
pub(crate) mod order;
mod orders;
pub(crate) mod readiness;
pub(crate) mod remove;
pub(crate) mod secrets;
mod store;
pub(crate) mod volumes;
pub(crate) mod wait;

pub(crate) use connect::Cluster;
pub(crate) use error::{Doing, Error};
pub(crate) use load::{How, MAX_INPUT};
pub(crate) use orders::Found;
