//! `podometer serve`.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

use super::{BusArgs, MaybeClusterArgs, MeasureArgs};

/// Where the page is if nobody says so.
pub(crate) const ADDRESS: &str = "127.0.0.1:7465";

/// The page and the HTTP API; orders that are loaded there run here
///
/// Whoever reaches this machine's own address may use it. Beyond that a token is needed: from a file, or from the
/// environment variable `PODOMETER_TOKEN`.
///
/// With --cluster it shows what is on a cluster and hands orders over to it, through ports of pods that it
/// forwards itself.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  podometer serve                               then open http://127.0.0.1:7465
  podometer serve --cluster
  podometer serve --listen 0.0.0.0:7465 --token-file token.txt
  curl -H \"Authorization: Bearer $(cat token.txt)\" http://HOST:7465/api/orders")]
pub(crate) struct ServeArgs {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = ADDRESS)]
    pub(crate) listen: SocketAddr,
    /// The file that holds the token, at least 16 characters; make one with: openssl rand -hex 32
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Add the tasks of this file to the catalogue, or override those of the same name
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Vec<PathBuf>,
    /// How many orders run here at a time; neighbours distort what is measured
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) parallel: u16,
    /// Where tokens of orders come from; in a pod, which may read no Secrets
    #[arg(long, env = "PODOMETER_SECRET", hide = true, hide_env_values = true)]
    pub(crate) secret: Option<String>,
    #[command(flatten)]
    pub(crate) measure: MeasureArgs,
    #[command(flatten)]
    pub(crate) bus: BusArgs,
    #[command(flatten)]
    pub(crate) cluster: MaybeClusterArgs,
}
