//! The real program on a real Kubernetes: getting there, what orders do there, and going.

#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(clippy::needless_pass_by_value, reason = "`json!` makes values")]

mod agreement;
mod ahead;
mod ends;
#[path = "../cli/harness.rs"]
#[expect(dead_code, reason = "the other tests use more of it")]
mod harness;
mod images;
mod kills;
mod kit;
mod leaf;
mod many;
mod metrics;
mod namespace;
mod node_agent;
mod quota;
#[path = "../../../orchestrator/tests/support/registry.rs"]
mod registry;
mod rights;
mod server;
mod shared;
mod up;
