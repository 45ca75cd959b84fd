//! The option of a service that is a program of its own.

use std::{net::SocketAddr, sync::Arc};

use prometheus_client::registry::Registry;

use crate::{Error, Server};

/// Where a service serves its metrics.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Listen {
    /// Serve metrics for Prometheus there, at /metrics [default: nowhere]
    #[arg(
        long = "metrics-listen",
        value_name = "ADDRESS:PORT",
        env = "METRICS_LISTEN",
        default_value = "",
        hide_default_value = true,
        value_parser = parse
    )]
    address: Address,
}

/// An address, or none: a variable that is set to nothing says so.
#[derive(Debug, Clone, Copy, Default)]
struct Address(Option<SocketAddr>);

fn parse(text: &str) -> Result<Address, String> {
    if text.trim().is_empty() {
        return Ok(Address(None));
    }
    let parsed = text.trim().parse().map(|address| Address(Some(address)));
    parsed.map_err(|_| "it is to be an IP address and a port, as in 0.0.0.0:9464".to_owned())
}

impl Listen {
    /// Begins to serve, if it is wanted.
    ///
    /// # Errors
    /// If the address is taken, or isn't this machine's.
    pub async fn serve(&self, registry: Registry) -> Result<Option<Server>, Error> {
        let Address(Some(address)) = self.address else {
            return Ok(None);
        };
        let server = Server::start(address, Arc::new(registry)).await?;
        tracing::info!("metrics: http://{}/metrics", server.address());
        Ok(Some(server))
    }

    /// Begins to serve, if it is wanted. That nobody can be served is said, and nothing more: the
    /// service's work is worth more than its metrics.
    pub async fn serve_or_warn(&self, registry: Registry) -> Option<Server> {
        self.serve(registry).await.unwrap_or_else(|error| {
            tracing::warn!("{error}");
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        listen: Listen,
    }

    #[test]
    fn an_empty_address_is_none_and_a_wrong_one_an_error() {
        let parse = |text| Program::try_parse_from(["x", "--metrics-listen", text]);
        assert_eq!(parse("").unwrap().listen.address.0, None);
        let address = parse("0.0.0.0:9464").unwrap().listen.address.0;
        assert_eq!(address.unwrap().port(), 9464);
        let error = parse("9464").unwrap_err().to_string();
        assert!(error.contains("as in 0.0.0.0:9464"), "{error}");
    }
}
