//! `monitor-producer` as a program of its own, for a cluster.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    monitor_producer::Config::parse()
        .run()
        .unwrap_or_else(|error| {
            eprintln!("monitor-producer: {error:#}");
            monitor_producer::exit_code(&error)
        })
}
