//! `orchestrator`: takes orders through their tasks on a cluster. See the library.

use std::process::ExitCode;

use clap::Parser;
use orchestrator::kubernetes::{Program, exit_code};

fn main() -> ExitCode {
    match Program::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            exit_code(&error)
        }
    }
}
