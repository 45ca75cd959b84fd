//! `podometer orders`.

use anyhow::Result;
use store::OrderFilter;

use super::open;
use crate::{
    args::OrdersArgs,
    data::DataFolder,
    exit::Code,
    output::{self, json, table},
    time,
};

pub(super) async fn run(args: &OrdersArgs, data: &DataFolder) -> Result<Code> {
    let store = open(data).await?;
    let orders = store.orders(OrderFilter::default()).await?;
    let text = if args.json {
        json::text(&orders)?
    } else {
        table::orders(&orders, time::now())
    };
    store.close().await;
    output::print(&text)?;
    Ok(Code::DONE)
}
