//! What can be typed.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{chaos, cost, fidelity, ingest, load, podometer::Podometer, serve, steps};

/// Measures how exact Podometer is and what it costs.
#[derive(Debug, Parser)]
#[command(name = "bench", max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run known loads as tasks and compare what was stored with the truth
    Fidelity(FidelityArgs),
    /// What a reading and the runner cost
    Cost(CostArgs),
    /// The time between two tasks, and of an order of 20 tasks that do nothing
    Gap(GapArgs),
    /// The time to draw a run of 1,000,000 samples
    Chart(ChartArgs),
    /// How fast the real consumer stores what is in a real Kafka
    Ingest(IngestArgs),
    /// Kill and pause everything at random under load, and look whether all is stored once
    Chaos(ChaosArgs),
    /// The time between two steps on a Kubernetes cluster on which Podometer is up, beside bare Jobs
    Steps(StepsArgs),
    /// How many requests `podometer serve` answers, and whether any of many watchers misses anything
    Serve(ServeArgs),
    /// A known load; started as a task
    #[command(hide = true)]
    Load(load::LoadArgs),
}

#[derive(Debug, Args)]
pub(crate) struct FidelityArgs {
    /// Fewer repetitions, for every day
    #[arg(long)]
    pub(crate) short: bool,
    /// Chooses the moments at which memory is used
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Where Podometer reads
    #[arg(long, value_enum, default_value_t)]
    pub(crate) source: SourceArg,
    #[command(flatten)]
    pub(crate) binary: BinaryArgs,
}

/// Where Podometer reads its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum SourceArg {
    /// Each that this machine offers
    #[default]
    All,
    /// Version 1 cgroups
    CgroupV1,
    /// A version 2 cgroup
    CgroupV2,
    /// The process tree
    ProcessTree,
}

/// Which Podometer is measured.
#[derive(Debug, Args)]
pub(crate) struct BinaryArgs {
    /// The program to measure [default: the one beside this program, built anew under cargo]
    #[arg(long, value_name = "FILE")]
    podometer: Option<PathBuf>,
    /// Keep orders, stores and what was noted in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

impl BinaryArgs {
    pub(crate) fn podometer(&self) -> Result<Podometer> {
        Podometer::find(self.podometer.clone())
    }
}

#[derive(Debug, Args)]
pub(crate) struct CostArgs {
    /// How long the runner is watched, seconds
    #[arg(long, default_value_t = 60)]
    pub(crate) seconds: u64,
    /// Measure psrecord, too (installed with pip into a folder of its own)
    #[arg(long)]
    pub(crate) with_psrecord: bool,
    #[command(flatten)]
    pub(crate) binary: BinaryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct GapArgs {
    /// How often everything is done
    #[arg(long, default_value_t = 5)]
    pub(crate) repeat: u32,
    /// Measure Snakemake, too (installed with pip into a folder of its own)
    #[arg(long)]
    pub(crate) with_snakemake: bool,
    #[command(flatten)]
    pub(crate) binary: BinaryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ChartArgs {
    /// How many samples the run has
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) samples: u32,
    /// How often it is drawn
    #[arg(long, default_value_t = 5)]
    pub(crate) repeat: u32,
    /// Measure matplotlib, too (installed with pip into a folder of its own)
    #[arg(long)]
    pub(crate) with_matplotlib: bool,
    /// Keep the picture
    #[arg(long, value_name = "FILE.png")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct IngestArgs {
    /// How many samples are stored beside psql
    #[arg(long, default_value_t = 5_000_000)]
    pub(crate) samples: u64,
    /// In how many rounds, one way after the other in each
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: u64,
    /// How long the delay of 1,000 samples a second is watched, seconds
    #[arg(long, default_value_t = 30)]
    pub(crate) seconds: u64,
}

#[derive(Debug, Args)]
pub(crate) struct ChaosArgs {
    /// How many rounds
    #[arg(long, default_value_t = 100)]
    pub(crate) rounds: u64,
    /// Chooses what is hit when
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct StepsArgs {
    /// How many gaps are measured, in each way
    #[arg(long, default_value_t = 20)]
    pub(crate) steps: u32,
    /// How long a step of the bare Jobs, and of the order with prewarm, takes, seconds
    #[arg(long, default_value_t = 2)]
    pub(crate) seconds: u32,
    /// An image with a shell
    #[arg(long, default_value = "podometer/pause:1")]
    pub(crate) image: String,
    /// The namespace that `podometer up` has filled
    #[arg(long, short, default_value = "podometer")]
    pub(crate) namespace: String,
    /// How the cluster is reached [default: as kubectl does]
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) binary: BinaryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// How many requests
    #[arg(long, default_value_t = 15_000)]
    pub(crate) requests: u32,
    /// Over how long they come in, seconds
    #[arg(long, default_value_t = 10)]
    pub(crate) ramp_up: u64,
    /// Over how many connections
    #[arg(long, default_value_t = 32)]
    pub(crate) connections: u32,
    /// Post no orders
    #[arg(long)]
    pub(crate) reads_only: bool,
    /// How many watch
    #[arg(long, default_value_t = 200)]
    pub(crate) watchers: u32,
    /// How many orders run meanwhile
    #[arg(long, default_value_t = 20)]
    pub(crate) orders: u32,
    #[command(flatten)]
    pub(crate) binary: BinaryArgs,
}

impl Cli {
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self.command {
            Command::Fidelity(args) => fidelity::run(&args),
            Command::Cost(args) => cost::measuring(&args),
            Command::Gap(args) => cost::gap(&args),
            Command::Chart(args) => cost::chart(&args),
            Command::Ingest(args) => ingest::run(&args),
            Command::Chaos(args) => chaos::run(&args),
            Command::Steps(args) => steps::run(&args),
            Command::Serve(args) => serve::run(&args),
            Command::Load(args) => load::run(&args).map(|()| ExitCode::SUCCESS),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
