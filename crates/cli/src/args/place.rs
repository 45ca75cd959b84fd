//! Where a command looks: at a server of `podometer serve`, at a cluster, or here.

use std::{env, path::PathBuf};

use clap::Args;
use url::Url;

use super::{ClusterArgs, MaybeClusterArgs};
use crate::load::Usage;

const HEADING: &str = "Options of the server";

/// The variable that names a server.
pub(crate) const SERVER: &str = "PODOMETER_SERVER";

/// Which `podometer serve`, and what lets one in.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ServerArgs {
    /// Ask this `podometer serve` [env: `PODOMETER_SERVER`]
    #[arg(long, value_name = "URL", value_parser = address, help_heading = HEADING)]
    pub(crate) server: Option<Url>,
    /// The file that holds the server's token [env: `PODOMETER_TOKEN` holds the token itself]
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    pub(crate) token_file: Option<PathBuf>,
}

/// A server that is asked.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// Where it is.
    pub(crate) url: Url,
    /// Where its token is, if not in the environment.
    pub(crate) token_file: Option<PathBuf>,
}

/// Where a command that reads looks.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PlaceArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    cluster: MaybeClusterArgs,
}

/// Where that is.
#[derive(Debug)]
pub(crate) enum Place<'a> {
    /// The data folder here, or a database.
    Here,
    Cluster(&'a ClusterArgs),
    Server(Server),
}

/// What the options of all commands name on the command line; the environment names it more weakly.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Named {
    /// `--data`.
    pub(crate) data: bool,
    /// `--database-url`.
    pub(crate) database: bool,
}

impl PlaceArgs {
    /// Where the command looks: what the command line names goes before the environment.
    ///
    /// # Errors
    /// If it names two places.
    pub(crate) fn place(&self, named: Named) -> Result<Place<'_>, Usage> {
        let cluster = self.cluster.wanted();
        let server = self.server.wanted(cluster.is_some(), named)?;
        Ok(match (server, cluster) {
            (Some(server), _) => Place::Server(server),
            (None, Some(cluster)) => Place::Cluster(cluster),
            (None, None) => Place::Here,
        })
    }
}

impl ServerArgs {
    /// The server, if one is meant.
    ///
    /// # Errors
    /// If another place is named as well, or the environment's address is none.
    pub(crate) fn wanted(&self, is_cluster: bool, named: Named) -> Result<Option<Server>, Usage> {
        let server = |url: Url| Server {
            url,
            token_file: self.token_file.clone(),
        };
        match &self.server {
            Some(_) if is_cluster => Err(Usage::TwoPlaces("a cluster")),
            Some(_) if named.database => Err(Usage::TwoPlaces("a database")),
            Some(url) => Ok(Some(server(url.clone()))),
            None if is_cluster || named.database || named.data => Ok(None),
            None => Ok(from_environment()?.map(server)),
        }
    }
}

fn from_environment() -> Result<Option<Url>, Usage> {
    let text = env::var(SERVER).unwrap_or_default();
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    address(text).map(Some).map_err(Usage::ServerAddress)
}

fn address(text: &str) -> Result<Url, String> {
    let example = "write it as http://127.0.0.1:7465";
    let url = Url::parse(text).map_err(|error| format!("{error}; {example}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(format!("this is no http or https address; {example}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a token goes into PODOMETER_TOKEN or --token-file, not into the URL".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("leave out what begins with ? or #; {example}"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["http://127.0.0.1:7465", "https://a.example/podometer/"] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in [
            "127.0.0.1:7465",
            "ftp://a",
            "http://",
            "http://a:b@c",
            "http://a/?b",
            "",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
