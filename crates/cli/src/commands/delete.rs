//! `podometer delete`.

use anyhow::Result;
use model::{OrderId, Timestamp};

use super::{open, order};
use crate::{args::DeleteArgs, data::DataFolder, exit::Code, output, time};

pub(super) async fn run(args: &DeleteArgs, data: &DataFolder) -> Result<Code> {
    let store = open(data).await?;
    // All must be there and over before any is forgotten.
    for id in &args.orders {
        let row = order(&store, data, id).await?;
        if !row.status.is_final() {
            return Err(store::Error::Unfinished {
                order: row.name,
                status: row.status,
            }
            .into());
        }
    }
    let mut gone: Vec<OrderId> = Vec::new();
    for id in &args.orders {
        if store.delete(id).await? {
            gone.push(id.clone());
        }
    }
    if let Some(age) = args.older_than {
        let before = Timestamp(time::now().0.saturating_sub(age.0.as_micros() as i64));
        gone.extend(store.delete_older_than(before).await?);
    }
    store.close().await;
    // The store goes first: what it doesn't know is in nobody's way.
    for id in &gone {
        data.remove_order(id)?;
    }
    output::print(&output::lines(&gone))?;
    Ok(Code::DONE)
}
