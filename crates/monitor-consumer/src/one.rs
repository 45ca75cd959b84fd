//! A process for one order, which has topics of its own: it ends when the order is stored.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use bus::Bus;
use clap::Args;
use model::{OrderHandle, OrderId, OrderTopics, OrderUid, attempt::Token};
use store::Store;

use crate::{MonitorConsumer, Options, ingest};

/// Which order it is.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// Serve this order alone, on topics of its own, and end when it is stored
    #[arg(
        long,
        value_name = "ID",
        env = "PODOMETER_ORDER",
        requires = "order_uid"
    )]
    order: Option<OrderId>,
    /// Which execution of it
    #[arg(
        long,
        value_name = "UUID",
        env = "PODOMETER_ORDER_UID",
        requires = "order"
    )]
    order_uid: Option<OrderUid>,
}

impl One {
    /// The order, if there is to be one.
    pub(crate) fn handle(&self, prefix: &str) -> Option<OrderHandle> {
        let (order, order_uid) = (self.order.clone()?, self.order_uid?);
        Some(OrderHandle {
            topics: OrderTopics::own(prefix, &order),
            order,
            order_uid,
            // It speaks with no runner.
            token: Token(String::new()),
        })
    }
}

/// Stores the order until it is over and TERMINATE is sent, or until `signal`; returns which it was. What
/// a predecessor has stored, killed at whatever instant, is known by the store.
pub(crate) async fn serve(
    bus: &Bus,
    store: &Store,
    handle: OrderHandle,
    options: Options,
    signal: impl Future<Output = ()>,
) -> Result<bool> {
    bus.create_topics(&handle.topics).await?;
    let (order, uid) = (handle.order.clone(), handle.order_uid);
    if is_over(bus, store, &handle).await? {
        tracing::info!(%order, "was stored already");
        return Ok(true);
    }
    let service = MonitorConsumer::start(bus, store.clone(), options)?;
    service.add(handle, PathBuf::new()).await;
    let finished = tokio::select! {
        finished = service.finished(uid) => Some(finished),
        () = signal => None,
    };
    service.stop().await;
    let Some(finished) = finished else {
        return Ok(false);
    };
    ensure!(
        finished.stored,
        "order {order} is stored by another process, or its topic can't be read; what was said above \
         tells which"
    );
    tracing::info!(%order, "stored");
    Ok(true)
}

/// Whether a predecessor has done everything: the order's end is stored, and so are all records. The
/// last one isn't noted as stored before TERMINATE has been sent.
async fn is_over(bus: &Bus, store: &Store, handle: &OrderHandle) -> Result<bool> {
    let Some(row) = store.order_by_uid(handle.order_uid).await? else {
        return Ok(false);
    };
    if !row.status.is_final() {
        return Ok(false);
    }
    let stored = store.offsets(&[ingest::own_log(bus, handle)]).await?;
    let ends = bus.end_offsets(&handle.topics.resource).await?;
    let stored = stored.into_iter().next().flatten();
    Ok(stored
        .zip(ends.first())
        .is_some_and(|(stored, end)| stored >= *end))
}
