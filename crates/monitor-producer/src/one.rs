//! A process for one order, which has topics of its own: it ends when the order is over.

use anyhow::{Context, Result};
use bus::Bus;
use clap::Args;
use model::{
    OrderHandle, OrderId, OrderTopics, OrderUid,
    attempt::{TOKEN_VARIABLE, Token},
};

use crate::{MonitorProducer, Options};

/// Which order it is.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// Serve this order alone, on topics of its own, and end when it is over (its token comes by the
    /// environment alone: `PODOMETER_TOKEN`)
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
    pub(crate) fn handle(&self, prefix: &str) -> Result<Option<OrderHandle>> {
        let (Some(order), Some(order_uid)) = (&self.order, self.order_uid) else {
            return Ok(None);
        };
        let token = std::env::var(TOKEN_VARIABLE)
            .with_context(|| format!("the order's token is missing: set {TOKEN_VARIABLE}"))?;
        anyhow::ensure!(!token.trim().is_empty(), "{TOKEN_VARIABLE} is empty");
        Ok(Some(OrderHandle {
            order: order.clone(),
            order_uid,
            topics: OrderTopics::own(prefix, order),
            token: Token(token.trim().to_owned()),
        }))
    }
}

/// Serves the order until it is over. What a predecessor has left, killed at whatever instant, is found
/// in the order's messages and in its runners.
pub(crate) async fn serve(bus: &Bus, handle: OrderHandle, options: Options) -> Result<()> {
    bus.create_topics(&handle.topics).await?;
    let service = MonitorProducer::start(bus, options)?;
    let order = handle.order.clone();
    service.serve(handle).await?;
    tracing::info!(%order, "over");
    service.stop().await;
    Ok(())
}
