//! The commands that look at what is stored, or forget it.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use clap_complete::Shell;
use model::{OrderId, TaskName};

use super::{Age, PlaceArgs};

/// List the orders, newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  podometer orders\n  podometer orders --json | jq '.[].id'")]
pub(crate) struct OrdersArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// Show how an order stands, and its runs
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  podometer status leaf\n  podometer status leaf --follow && echo it succeeded\n  podometer status leaf --cluster\n  podometer status leaf --server http://127.0.0.1:7465"
)]
pub(crate) struct StatusArgs {
    /// The order's id
    pub(crate) order: OrderId,
    /// Wait until it ends; the exit code is its end
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// Draw the tasks of an order
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  podometer chart leaf\n  podometer chart leaf --task segment --format png --output pictures"
)]
pub(crate) struct ChartArgs {
    /// The order's id
    pub(crate) order: OrderId,
    /// Only this task, all of its attempts
    #[arg(long)]
    pub(crate) task: Option<TaskName>,
    /// The form of the pictures
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: PictureFormat,
    /// Where the pictures go [default: the order's folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// The form of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum PictureFormat {
    /// Scalable
    #[default]
    Svg,
    /// Pixels
    Png,
}

/// Write one HTML file with everything about an order
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  podometer report leaf\n  podometer report leaf --output leaf.html\n  podometer report leaf --pipeline"
)]
pub(crate) struct ReportArgs {
    /// The order's id
    pub(crate) order: OrderId,
    /// The file [default: report.html in the order's folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Print instead what it took to carry the order's samples to the store, beside one batch at the end
    #[arg(long, conflicts_with = "output")]
    pub(crate) pipeline: bool,
    /// Print that as JSON
    #[arg(long, requires = "pipeline")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// Forget orders with all that was measured and drawn
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  podometer delete leaf leaf-2\n  podometer delete --older-than 30d",
    group = ArgGroup::new("which").required(true).args(["orders", "older_than"])
)]
pub(crate) struct DeleteArgs {
    /// The orders' ids
    #[arg(value_name = "ORDER")]
    pub(crate) orders: Vec<OrderId>,
    /// All that ended longer ago than this
    #[arg(long, value_name = "AGE")]
    pub(crate) older_than: Option<Age>,
}

/// Bring the tables of the store up to date
///
/// `run` and the services do so by themselves, unless they are told not to.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  podometer migrate --database-url postgres://podometer@db/podometer\n  podometer migrate --down 0 --database-url postgres://podometer@db/podometer"
)]
pub(crate) struct MigrateArgs {
    /// Take the tables down to the form of this version, with what they hold; 0 leaves none
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["chunk_interval"])]
    pub(crate) down: Option<i64>,
    /// The time that one chunk of samples covers, where the tables are made in TimescaleDB [default: 1h]
    #[arg(long, value_name = "DURATION")]
    pub(crate) chunk_interval: Option<Age>,
}

/// Print what makes a shell complete the commands
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  podometer completions bash > ~/.local/share/bash-completion/completions/podometer"
)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}
