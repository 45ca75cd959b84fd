//! `podometer run`, and what it has in common with `exec`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, ValueEnum};
use model::{HumanDuration, attempt::Token};

use super::{Age, values};

const EXAMPLES: &str = "\
Examples:
  podometer run orders/leaf.json
  podometer run orders/photo.json --input a.jpg b.jpg     one order for each picture
  podometer run a.json b.json --json > runs.json
  podometer run slow.json --period 10s --no-charts
  podometer run mine.json --catalog tasks.json            with tasks of your own";

/// Run orders on this machine, one after another; measure, store and draw each task
///
/// Everything is checked before anything starts. An id that was used before takes the next free
/// number. Ctrl-C ends the order in good form, a second one at once.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArgs {
    /// The order files
    #[arg(required = true, value_name = "ORDER.json")]
    pub(crate) orders: Vec<PathBuf>,
    /// Make one order for each of these pictures instead of the order's own input
    #[arg(long, value_name = "PICTURE", num_args = 1..)]
    pub(crate) input: Vec<PathBuf>,
    /// Add the tasks of this file to the catalogue, or override those of the same name
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Vec<PathBuf>,
    /// How many orders run at a time; neighbours distort what is measured
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) parallel: u16,
    /// Print one JSON array of orders with their runs instead of the table
    #[arg(long)]
    pub(crate) json: bool,
    /// Serve metrics for Prometheus there while it runs, at /metrics; with port 0 it says which it got
    #[arg(long, value_name = "ADDRESS:PORT", env = "PODOMETER_METRICS_LISTEN")]
    #[arg(hide_env_values = true)]
    pub(crate) metrics_listen: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) measure: MeasureArgs,
    #[command(flatten)]
    pub(crate) bus: BusArgs,
}

/// How attempts are measured and ended.
#[derive(Debug, Clone, Args)]
pub(crate) struct MeasureArgs {
    /// The time between samples, 100ms to 60s; a task's start is always sampled more densely
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = values::period)]
    pub(crate) period: HumanDuration,
    /// How long processes that are told to end may take before they are killed
    #[arg(long, value_name = "DURATION", default_value = "5s")]
    pub(crate) grace: HumanDuration,
    /// Where the counters are read
    #[arg(long, value_enum, default_value_t)]
    pub(crate) source: SourceArg,
    /// Don't draw; `podometer report ORDER` does it later
    #[arg(long)]
    pub(crate) no_charts: bool,
}

/// Where the counters are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum SourceArg {
    /// In a cgroup of each attempt's own where one can be made, else in its process tree
    #[default]
    Auto,
    /// In a cgroup, or not at all
    Cgroup,
    /// In the process tree
    ProcessTree,
}

/// Which broker carries the messages.
#[derive(Debug, Clone, Args)]
pub(crate) struct BusArgs {
    /// A Kafka to use instead of the embedded broker
    #[arg(
        long,
        value_name = "HOST:PORT,...",
        env = "PODOMETER_BOOTSTRAP_SERVERS"
    )]
    #[arg(hide_env_values = true)]
    pub(crate) bootstrap_servers: Option<String>,
    /// An option of the Kafka clients, as librdkafka names it; no secrets, which others could read here
    #[arg(long, value_name = "KEY=VALUE", value_parser = values::key_value)]
    pub(crate) kafka_option: Vec<(String, Token)>,
    /// A properties file with options of the Kafka clients; it may name bootstrap.servers, too
    #[arg(long, value_name = "FILE", env = "PODOMETER_KAFKA_CONFIG")]
    #[arg(hide_env_values = true)]
    pub(crate) kafka_config: Vec<PathBuf>,
    /// How many copies Kafka keeps of new topics [default: what the broker says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=100))]
    pub(crate) topic_replication: Option<i32>,
    /// How long Kafka keeps the messages of new topics [default: what the broker says]
    #[arg(long, value_name = "AGE")]
    pub(crate) topic_retention: Option<Age>,
    /// How long an order's topics stay after it is stored
    #[arg(long, value_name = "AGE", default_value = "10m")]
    pub(crate) topic_grace: Age,
    /// What the names of all topics begin with
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    #[arg(value_parser = values::topic_prefix)]
    pub(crate) topic_prefix: String,
}
