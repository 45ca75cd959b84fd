//! The real program on a real Kafka and a real TimescaleDB.

#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(clippy::float_cmp, reason = "what is counted is whole")]

mod database_away;
mod grafana;
#[path = "../cli/harness.rs"]
#[expect(dead_code, reason = "the other tests use more of it")]
mod harness;
mod metrics;
mod plain_text;
mod prometheus;
mod servers;
mod services;
mod whole;
