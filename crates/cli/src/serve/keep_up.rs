//! Tells the store of what the monitors don't: orders that were handed to the cluster by others and wait, and those that
//! were ended before they began.

use std::time::Duration;

use anyhow::Result;
use model::{Order, OrderUid, Status, attempt::Launcher};
use orchestrator::kubernetes::record::OrderRecord;
use store::{Error, NewOrder, OrderRow, Store};
use tokio::time::sleep;

use crate::{cluster::Cluster, time};

/// How often it looks.
const LOOK: Duration = Duration::from_secs(2);

/// Looks again and again.
pub(crate) async fn keep_up(cluster: &Cluster, store: &Store) {
    let mut said = None;
    loop {
        let trouble = look(cluster, store).await.err().map(|e| format!("{e:#}"));
        if let Some(why) = trouble.as_ref().filter(|_| trouble != said) {
            tracing::warn!("orders that wait on the cluster may not be shown: {why}");
        }
        said = trouble;
        sleep(LOOK).await;
    }
}

async fn look(cluster: &Cluster, store: &Store) -> Result<()> {
    let waiting = cluster.queued().await?;
    let known = store.unfinished().await?;
    for found in &waiting {
        let is_known = |row: &OrderRow| row.order_uid == found.record.order_uid;
        if !known.iter().any(is_known) {
            make_known(store, &found.record).await?;
        }
    }
    // Those that wait for their turn need no second look.
    let is_waiting = |row: &OrderRow| {
        let mut uids = waiting.iter().map(|found| found.record.order_uid);
        uids.any(|uid| uid == row.order_uid)
    };
    let on_cluster = Some(Launcher::Kubernetes);
    for row in &known {
        if row.status == Status::Queued && row.launcher == on_cluster && !is_waiting(row) {
            note_end(cluster, store, row).await?;
        }
    }
    Ok(())
}

async fn make_known(store: &Store, record: &OrderRecord) -> Result<()> {
    let input = record.input.as_ref().map(|input| input.name.clone());
    let mut new = new_order(&record.order, &record.definition, input, record.order_uid);
    new.created_at = record.created_at;
    match store.register(new).await {
        // It has ended already, or its id is used in another namespace.
        Ok(_) | Err(Error::Exists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Notes the end of an order that never began: what has begun reaches the monitors, who say how it ended.
async fn note_end(cluster: &Cluster, store: &Store, row: &OrderRow) -> Result<()> {
    let Some(found) = cluster.order(&row.name).await? else {
        return Ok(());
    };
    let (status, state) = (found.status(), &found.state);
    let is_it = found.record.order_uid == row.order_uid;
    if is_it && status.is_final() && state.attempts.is_empty() {
        let at = state.ended_at.unwrap_or_else(time::now);
        let why = state.message.as_deref();
        store.set_status(row.order_uid, status, why, at).await?;
    }
    Ok(())
}

/// An order of a cluster, as the store takes it: it is new now.
pub(super) fn new_order(
    order: &Order,
    definition: &str,
    input: Option<String>,
    order_uid: OrderUid,
) -> NewOrder {
    NewOrder {
        wanted: order.id.clone(),
        again: false,
        order_uid,
        launcher: Launcher::Kubernetes,
        created_at: time::now(),
        input,
        definition: definition.to_owned(),
        tasks: order.tasks.len() as u32,
        owner: String::new(),
    }
}
