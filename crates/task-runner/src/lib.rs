//! Wraps one task's command: measures it, reports it, exits as it exited.
//!
//! The runner is the parent of the command. It is one thread with an event loop (the broker's client
//! adds its own), so that its cost is small and can be taken out of the task's numbers. Whatever
//! goes wrong with measuring or reporting never delays or fails the task.
//!
//! The way of an attempt: [`setup`], with some the wait for the orchestrator's word ([`go`]), baseline reading, start of the command, then beside it ORDER
//! and readings; at its end the leftover descendants, the final reading, PROGRESS, BACKLOG, HALT.

mod attempt;
mod children;
mod command;
mod facts;
mod gather;
mod given;
mod go;
mod grid;
mod install;
mod meter;
mod outcome;
mod output;
mod report;
mod retained;
mod setup;
mod stream;
mod tee;
mod termination;
mod totals;
mod undelivered;

use std::ffi::OsString;

/// The exit code when the runner was given nothing that it could run.
const BAD_USAGE: i32 = 2;

/// The program: `task-runner` runs the attempt that the environment describes, `task-runner install
/// FOLDER` puts itself into a folder, for containers that have no runner, `task-runner gather FOLDER FILE`
/// makes a file of its chunks. Returns the exit code.
pub fn main_from_arguments(arguments: &[OsString]) -> i32 {
    match arguments {
        [] => main_from_environment(),
        [word, folder] if word == "install" => match install::install(folder.as_ref()) {
            Ok(()) => 0,
            Err(error) => complain(&error),
        },
        [word, folder, file] if word == "gather" => {
            match gather::gather(folder.as_ref(), file.as_ref()) {
                Ok(()) => 0,
                Err(error) => complain(&error),
            }
        }
        _ => {
            eprintln!(
                "podometer runner: write `task-runner install FOLDER`; without arguments it is started \
                 by a launcher, not by hand"
            );
            BAD_USAGE
        }
    }
}

/// Runs the attempt that the environment describes and returns the exit code to end with: the
/// command's own, 128 plus the signal that ended it, 127 or 126 if it could not be started.
pub fn main_from_environment() -> i32 {
    match given::spec(|name| std::env::var(name)).and_then(attempt::run) {
        Ok(code) => code,
        Err(error) => complain(&error),
    }
}

fn complain(error: &anyhow::Error) -> i32 {
    eprintln!("podometer runner: {error:#}");
    BAD_USAGE
}
