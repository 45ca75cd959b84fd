//! The real program on a real Kafka and a real TimescaleDB.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../cli/harness.rs"]
#[expect(dead_code, reason = "the other tests use more of it")]
mod harness;
mod database_away;
mod plain_text;
mod servers;
mod whole;
