//! The store that a cluster's orders are in.

use anyhow::{Context, Result};
use store::{Location, Migrations, ServerAddress, Store};

use super::{Cluster, secrets};

impl Cluster {
    /// Opens the store; through a port of a pod where it is in the cluster.
    ///
    /// # Errors
    /// There is none, or it can't be reached.
    pub(crate) async fn store(&self) -> Result<Store> {
        let secrets = self.secrets().await?.unwrap_or_default();
        let url = secrets.get(secrets::DATABASE_URL).with_context(|| {
            format!(
                "{} has no Podometer (no Secret {} with {}); bring it there with `podometer up`",
                self.place(),
                secrets::NAME,
                secrets::DATABASE_URL,
            )
        })?;
        let mut url =
            url::Url::parse(url).context("the database's address in the cluster is no URL")?;
        let (host, port) = (
            url.host_str().unwrap_or_default().to_owned(),
            url.port().unwrap_or(5432),
        );
        let service = host.split('.').next().unwrap_or_default();
        if let Some(address) = self.forward(service, port).await? {
            let changed =
                url.set_ip_host(address.ip()).is_ok() && url.set_port(Some(address.port())).is_ok();
            anyhow::ensure!(
                changed,
                "the database's address in the cluster can't be changed"
            );
        }
        let address: ServerAddress = url.as_str().parse()?;
        Ok(Store::open(&Location::from(address), Migrations::Run).await?)
    }
}
