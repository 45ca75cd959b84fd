//! Tells the store of what the monitors don't: orders that were handed to the cluster by others and wait, and those that
//! were ended before they began.

use std::time::Duration;

use anyhow::Result;
use model::{Order, OrderUid, Status, attempt::Launcher};
use store::{Error, NewOrder, Store};
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
    for found in cluster.queued().await? {
        let record = &found.record;
        if store.order_by_uid(record.order_uid).await?.is_none() {
            let input = record.input.as_ref().map(|input| input.name.clone());
            let mut new = new_order(&record.order, &record.definition, input, record.order_uid);
            new.created_at = record.created_at;
            match store.register(new).await {
                // An order of another namespace, or one that is being handed over by this server.
                Ok(_) | Err(Error::Exists { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    let on_cluster = |launcher| launcher == Some(Launcher::Kubernetes);
    for row in store.unfinished().await? {
        if row.status != Status::Queued || !on_cluster(row.launcher) {
            continue;
        }
        let Some(found) = cluster.order(&row.name).await? else {
            continue;
        };
        let (status, state) = (found.status(), &found.state);
        // What has begun reaches the monitors, who say how it ended.
        if found.record.order_uid == row.order_uid && status.is_final() && state.attempts.is_empty()
        {
            let at = state.ended_at.unwrap_or_else(time::now);
            let why = state.message.as_deref();
            store.set_status(row.order_uid, status, why, at).await?;
        }
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
