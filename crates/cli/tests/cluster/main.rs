//! The real program on a real Kubernetes: getting there, and going.

#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(clippy::needless_pass_by_value, reason = "`json!` makes values")]

#[path = "../cli/harness.rs"]
#[expect(dead_code, reason = "the other tests use more of it")]
mod harness;
mod namespace;
mod rights;
mod up;
