//! `podometer watch`.

use clap::Args;
use model::OrderId;

use super::PlaceArgs;

/// Show live charts of an order in the terminal, until it ends
///
/// The exit code is the order's end. Where standard output is no terminal there are plain lines instead: one for each
/// event, and a reading each second. `?` shows the keys.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  podometer watch leaf\n  podometer watch leaf --server http://127.0.0.1:7465\n  podometer watch leaf --cluster"
)]
pub(crate) struct WatchArgs {
    /// The order's id
    pub(crate) order: OrderId,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}
