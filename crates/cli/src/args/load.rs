//! Handing orders to a cluster, reading what they say there, and ending them.

use std::path::PathBuf;

use clap::Args;
use model::{HumanDuration, OrderId, TaskName};

use super::{ClusterArgs, PlaceArgs, ServerArgs, values};

/// Hand orders to the cluster, or to a server
///
/// Everything is checked before anything is handed over. Orders wait until there is room for them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  podometer load orders/leaf.json && podometer status leaf --cluster --follow
  podometer load orders/photo.json --input a.jpg b.jpg     one order for each picture
  podometer load orders/*.json --again                     ids that were used take the next free number
  podometer load orders/leaf.json --server http://127.0.0.1:7465")]
pub(crate) struct LoadArgs {
    /// The order files
    #[arg(required = true, value_name = "ORDER.json")]
    pub(crate) orders: Vec<PathBuf>,
    /// Make one order for each of these pictures instead of the order's own input
    #[arg(long, value_name = "PICTURE", num_args = 1..)]
    pub(crate) input: Vec<PathBuf>,
    /// Add the tasks of this file to the catalogue, or override those of the same name
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Vec<PathBuf>,
    /// Let an id that was used before take the next free number
    #[arg(long)]
    pub(crate) again: bool,
    /// The time between samples, 100ms to 60s; a task's start is always sampled more densely
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = values::period)]
    pub(crate) period: HumanDuration,
    /// How long processes that are told to end may take before they are killed [default: 5s]
    #[arg(long, value_name = "DURATION")]
    pub(crate) grace: Option<HumanDuration>,
    /// Give the tasks no folder to share: for orders whose tasks pass on messages only
    #[arg(long)]
    pub(crate) no_workspace: bool,
    /// Make the next task's pod ready while a task runs, also where the order doesn't say so
    #[arg(long)]
    pub(crate) prewarm: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// End an order in good form, whichever process runs it
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  podometer terminate leaf\n  podometer terminate leaf --cluster --now\n  podometer terminate leaf --server http://127.0.0.1:7465"
)]
pub(crate) struct TerminateArgs {
    /// The order's id
    pub(crate) order: OrderId,
    /// At once, without a grace period; on a cluster only
    #[arg(long)]
    pub(crate) now: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// Print what the tasks of an order said on the cluster
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  podometer logs leaf\n  podometer logs leaf segment")]
pub(crate) struct LogsArgs {
    /// The order's id
    pub(crate) order: OrderId,
    /// Only this task
    pub(crate) task: Option<TaskName>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}
