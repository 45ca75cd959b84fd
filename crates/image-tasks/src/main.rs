//! The example tasks as a program of their own, for a container image that
//! holds nothing else.

use std::process::ExitCode;

use clap::Parser;
use image_tasks::ImageTask;

/// Podometer's example tasks: real image processing on pictures of leaves.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    task: ImageTask,
}

fn main() -> ExitCode {
    match image_tasks::run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(image_tasks::exit_code(&error))
        }
    }
}
