//! `podometer status`.

use std::time::Duration;

use anyhow::Result;
use store::{OrderRow, RunRow, Store};
use tokio::time::sleep;

use super::{open, order};
use crate::{
    args::StatusArgs,
    data::DataFolder,
    exit::Code,
    output::{
        self,
        json::{self, OrderJson, WholeOrder},
        summary, table,
    },
    owner, time,
};

/// How often the store is asked.
const POLL: Duration = Duration::from_millis(250);

pub(super) async fn run(args: &StatusArgs, data: &DataFolder) -> Result<Code> {
    let store = open(data).await?;
    let row = if args.follow {
        follow(&store, data, args).await?
    } else {
        order(&store, data, &args.order).await?
    };
    let runs = store.runs(&row.name).await?;
    store.close().await;
    let code = if args.follow {
        Code::of(row.status)
    } else {
        Code::DONE
    };
    output::print(&text(row, runs, args.json, data)?)?;
    Ok(code)
}

/// Waits for the order's end, and says what ended meanwhile.
async fn follow(store: &Store, data: &DataFolder, args: &StatusArgs) -> Result<OrderRow> {
    let mut said = 0;
    loop {
        let row = order(store, data, &args.order).await?;
        let runs = store.runs(&row.name).await?;
        let ended: Vec<_> = runs.iter().filter(|run| run.reason.is_some()).collect();
        for run in ended.iter().skip(said) {
            output::note(&table::end_of_run(&row, run));
        }
        said = said.max(ended.len());
        if row.status.is_final() {
            return Ok(row);
        }
        sleep(POLL).await;
        // Its owner may have been killed meanwhile.
        owner::tidy_if_possible(store, data).await;
    }
}

fn text(row: OrderRow, runs: Vec<RunRow>, as_json: bool, data: &DataFolder) -> Result<String> {
    let folder = data.order(&row.name);
    if as_json {
        let OrderJson { report, runs, .. } = OrderJson::new(
            row.name.clone(),
            row.status,
            row.message.clone(),
            runs,
            &folder,
        );
        return json::text(&WholeOrder {
            order: row,
            report,
            runs,
        });
    }
    Ok(summary::of_order_in(&row, &runs, &folder, time::now()))
}
