//! Podometer on a cluster: how it gets there, and how it is removed.
//!
//! Invariant: nothing here knows how a service works inside, or how an order is taken through its tasks.

mod connect;
mod error;

pub(crate) use connect::Cluster;
pub(crate) use error::{Doing, Error};
