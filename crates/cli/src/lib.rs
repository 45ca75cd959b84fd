//! What people type, and the one process that hosts all services for `podometer run`.
//!
//! The way of a command: [`args`] says what was typed, [`load`] checks all that it names, a module
//! of [`commands`] does it, [`exit`] turns what came of it into an exit code. [`session`] starts the
//! services on one broker and takes orders through them; [`data`] and [`owner`] keep the data folder.
//!
//! Invariant: nothing here knows how a service works inside, what a message says, or any SQL.
//!
//! How to add a command: a variant of [`args::Command`] with an example in its help, a module in
//! [`commands`] whose `run` returns an [`exit::Code`], an arm in [`commands::dispatch`], an entry in
//! the table of bad invocations in `tests/bad_input.rs`. Results go to standard output by
//! [`output::print`], all else to standard error.

mod args;
mod cluster;
mod commands;
mod data;
mod exit;
mod load;
mod logging;
mod metrics;
mod output;
mod owner;
mod remote;
mod serve;
mod session;
mod signals;
mod terminate;
mod time;
mod watch;

use std::process::ExitCode;

/// Does what the arguments say.
pub fn main() -> ExitCode {
    let cli = args::Cli::from_command_line();
    let code = commands::dispatch(cli).unwrap_or_else(|error| {
        output::error(&error);
        exit::code_of(&error)
    });
    code.into()
}
