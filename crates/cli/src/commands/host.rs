//! What `run` and `exec` begin with.

use std::sync::Arc;

use anyhow::Result;
use orchestrator::{
    StdioPolicy,
    local::{Local, LocalOptions},
};
use store::{Abilities, Store};

use crate::{
    args::{BusArgs, MeasureArgs},
    data::DataFolder,
    metrics::Metrics,
    owner::{self, Owner},
    session::Host,
    signals,
};

/// Makes the data folder and opens the store; nothing was made before.
pub(super) async fn start(
    data: DataFolder,
    measure: MeasureArgs,
    bus: BusArgs,
    stdio: StdioPolicy,
    metrics: Metrics,
) -> Result<Arc<Host>> {
    let wish = signals::listen()?;
    data.create()?;
    let owner = Owner::take(&data)?;
    let store = Store::open(data.location(), data.migrations()).await?;
    if matches!(store.abilities(), Abilities::Plain | Abilities::Apache) {
        tracing::warn!("{}", store.abilities());
    }
    owner::tidy(&store, &data).await?;
    let launcher = Local::new(LocalOptions::default());
    Ok(Arc::new(Host {
        data,
        store,
        owner,
        launcher,
        measure,
        bus,
        stdio,
        wish,
        metrics,
    }))
}

/// Leaves the store as one file.
pub(super) async fn end(host: Arc<Host>) {
    host.store.close().await;
}
