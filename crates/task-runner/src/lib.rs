//! Wraps one task's command: measures it, reports it, exits as it exited.
//!
//! The runner is the parent of the command. It is one thread with an event loop (the broker's client
//! adds its own), so that its cost is small and can be taken out of the task's numbers. Whatever
//! goes wrong with measuring or reporting never delays or fails the task.
//!
//! The way of an attempt: [`setup`], baseline reading, start of the command, then beside it ORDER
//! and readings; at its end the leftover descendants, the final reading, PROGRESS, BACKLOG, HALT.

mod attempt;
mod children;
mod command;
mod facts;
mod grid;
mod meter;
mod outcome;
mod output;
mod report;
mod retained;
mod setup;
mod stream;
mod termination;
mod totals;
mod undelivered;

use anyhow::{Context, Result};
use model::{AttemptSpec, attempt::SPEC_VARIABLE};

/// The exit code when the runner was given nothing that it could run.
const BAD_USAGE: i32 = 2;

/// Runs the attempt that the environment describes and returns the exit code to end with: the
/// command's own, 128 plus the signal that ended it, 127 or 126 if it could not be started.
pub fn main_from_environment() -> i32 {
    match spec_from_environment().and_then(|spec| attempt::run(&spec)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("podometer runner: {error:#}");
            BAD_USAGE
        }
    }
}

fn spec_from_environment() -> Result<AttemptSpec> {
    let text = std::env::var(SPEC_VARIABLE).with_context(|| {
        format!("{SPEC_VARIABLE} is not set; the runner is started by a launcher, not by hand")
    })?;
    let spec: AttemptSpec =
        serde_json::from_str(&text).with_context(|| format!("{SPEC_VARIABLE} can't be read"))?;
    anyhow::ensure!(!spec.argv.is_empty(), "{SPEC_VARIABLE}: argv is empty");
    Ok(spec)
}
