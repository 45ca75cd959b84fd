//! `podometer serve`.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

/// The page and the HTTP API over what is stored here
///
/// Whoever reaches this machine's own address may use it. Beyond that a token is needed: from a file, or from the
/// environment variable `PODOMETER_TOKEN`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  podometer serve                               then open http://127.0.0.1:7465
  podometer serve --listen 0.0.0.0:7465 --token-file token.txt
  curl -H \"Authorization: Bearer $(cat token.txt)\" http://HOST:7465/api/orders")]
pub(crate) struct ServeArgs {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7465")]
    pub(crate) listen: SocketAddr,
    /// The file that holds the token, at least 16 characters; make one with: openssl rand -hex 32
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}
