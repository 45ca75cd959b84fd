//! What holds on a real Kafka. The tests look for a server of one node, and start others themselves.

#![allow(
    clippy::unwrap_used,
    reason = "a module of tests, in which a panic is the answer"
)]

#[path = "../common/mod.rs"]
mod common;
mod groups;
mod nodes;
mod outages;
mod publishing;
mod reading;
mod sasl;
mod server;
mod tls;
mod topics;
