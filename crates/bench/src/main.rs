//! Measures Podometer itself: how near its numbers are to the truth, and what it costs.
//!
//! A tool of the project, not of its users. `bench fidelity` runs known loads as tasks and compares
//! what Podometer stored with the truth; `bench cost`, `bench gap` and `bench chart` compare what it
//! costs with what is aimed at and with other tools. `docs/benchmarks.md` has the figures.
//!
//! Invariant: a truth comes from a cgroup that a load makes around itself or from what it says of
//! itself, never from `probe`.
//!
//! How to add a load: a variant of [`load::Kind`] and, to have it judged, a case in
//! `fidelity::cases`.

mod args;
mod cgroups;
mod chance;
mod chaos;
mod clock;
mod cost;
mod fidelity;
mod ingest;
mod load;
mod others;
mod podometer;
mod process;
mod serve;
mod stack;
mod steps;
mod table;
mod truth;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    args::Cli::parse().run().unwrap_or_else(|error| {
        eprintln!("bench: {error:#}");
        ExitCode::from(4)
    })
}
