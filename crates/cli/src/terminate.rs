//! Ending an order that a process on this machine runs.

use anyhow::{Context, Result};
use model::{OrderId, Status, attempt::Launcher};
use store::Store;

use crate::{data::DataFolder, load::Usage, owner, session};

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// What runs it is told to end it.
    Told,
    /// It ended before, like this.
    Over(Status),
}

/// Asks what runs an order to end it in good form; its end isn't waited for.
///
/// # Errors
/// If there is no such order, or what runs it doesn't look into this data folder.
pub(crate) async fn local(store: &Store, data: &DataFolder, id: &OrderId) -> Result<Ending> {
    owner::tidy_if_possible(store, data).await;
    let found = store.order(id).await?;
    let order = found.ok_or_else(|| Usage::UnknownOrder {
        order: id.clone(),
        data: data.location().to_string(),
    })?;
    if order.status.is_final() {
        return Ok(Ending::Over(order.status));
    }
    if order.launcher != Some(Launcher::Local) || !owner::is_here(data, &order)? {
        return Err(Usage::RunElsewhere { order: id.clone() }.into());
    }
    let folder = data.order(id);
    let failed = || format!("{} can't be written to", folder.display());
    session::request_end(&folder).with_context(failed)?;
    Ok(Ending::Told)
}
