//! The program as people use it: the real binary, each test in a folder of its own.

#![allow(clippy::unwrap_used, reason = "a test")]

mod bad_input;
mod exec;
mod harness;
mod help;
mod interrupt;
mod read;
mod remote;
mod run;
mod serve;
mod serving;
mod watch;
