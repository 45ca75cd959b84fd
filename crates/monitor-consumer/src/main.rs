//! `monitor-consumer` as a program of its own, for a cluster.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    monitor_consumer::Config::parse()
        .run()
        .unwrap_or_else(|error| {
            eprintln!("monitor-consumer: {error:#}");
            monitor_consumer::exit_code(&error)
        })
}
