//! The real program on a real Kubernetes: `up`, `load`, `status`, `report`, and what goes wrong there.

#![allow(clippy::unwrap_used, reason = "a test")]

mod ends;
#[path = "../cli/harness.rs"]
#[expect(dead_code, reason = "the other tests use more of it")]
mod harness;
mod kit;
mod leaf;
