//! `orders` and `status` of what is on a cluster.

use std::time::Duration;

use anyhow::Result;
use model::{OrderId, Status};
use orchestrator::kubernetes::record::Phase;
use serde_json::json;
use store::{OrderFilter, OrderRow, RunRow};
use tokio::time::sleep;

use crate::{
    args::{ClusterArgs, OrdersArgs, StatusArgs},
    cluster::{Cluster, Found},
    exit::Code,
    output::{self, json as as_json, summary, table},
    time,
};

/// How often the cluster is asked.
const POLL: Duration = Duration::from_millis(500);

/// All orders that the store or the cluster knows, newest first.
pub(super) async fn orders(args: &OrdersArgs, which: &ClusterArgs) -> Result<Code> {
    let cluster = Cluster::connect(which).await?;
    let store = cluster.store().await?;
    let mut rows = store.orders(OrderFilter::default()).await?;
    store.close().await;
    for found in cluster.orders().await? {
        match rows
            .iter_mut()
            .find(|row| row.order_uid == found.record.order_uid)
        {
            Some(row) => complete(row, &found),
            None => rows.push(row_of(&found)),
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.created_at));
    let text = if args.json {
        as_json::text(&rows)?
    } else {
        table::orders(&rows, time::now())
    };
    output::print(&text)?;
    Ok(Code::DONE)
}

/// An order of the cluster; the store knows it as soon as the first of it is stored.
pub(crate) fn row_of(found: &Found) -> OrderRow {
    let record = &found.record;
    let mut row = OrderRow {
        id: 0,
        name: record.order.id.clone(),
        order_uid: record.order_uid,
        status: Status::Queued,
        message: None,
        created_at: record.created_at,
        started_at: None,
        ended_at: None,
        launcher: None,
        input: None,
        definition: record.definition.clone(),
        tasks: None,
        storing_complete: false,
        owner: String::new(),
    };
    complete(&mut row, found);
    row
}

/// What the cluster knows better than the store.
pub(crate) fn complete(row: &mut OrderRow, found: &Found) {
    let (record, state) = (&found.record, &found.state);
    row.created_at = record.created_at;
    row.tasks = Some(record.order.tasks.len() as u32);
    row.launcher = Some(model::attempt::Launcher::Kubernetes);
    if !row.status.is_final() {
        row.status = found.status();
        row.message.clone_from(&state.message);
        row.ended_at = row.ended_at.or(state.ended_at);
    }
}

/// How an order stands; with `--follow` until it ends.
pub(super) async fn status(args: &StatusArgs, which: &ClusterArgs) -> Result<Code> {
    let cluster = Cluster::connect(which).await?;
    if args.follow {
        follow(&cluster, &args.order).await?;
    }
    let found = cluster.order(&args.order).await?;
    let store = cluster.store().await?;
    let stored = store.order(&args.order).await?;
    let runs = store.runs(&args.order).await?;
    store.close().await;
    let row = match (stored, &found) {
        (Some(mut row), Some(found)) => {
            complete(&mut row, found);
            row
        }
        (Some(row), None) => row,
        (None, Some(found)) => row_of(found),
        (None, None) => {
            return cluster
                .order_or_usage(&args.order)
                .await
                .map(|_| Code::DONE);
        }
    };
    let troubles = match &found {
        Some(found) if !row.status.is_final() => cluster.troubles(found).await?,
        _ => Vec::new(),
    };
    let code = if args.follow {
        Code::of(row.status)
    } else {
        Code::DONE
    };
    output::print(&text(&row, &runs, &troubles, args.json)?)?;
    Ok(code)
}

fn text(row: &OrderRow, runs: &[RunRow], troubles: &[String], wants_json: bool) -> Result<String> {
    if wants_json {
        let mut whole = serde_json::to_value(row)?;
        whole["runs"] = serde_json::to_value(runs)?;
        whole["waiting"] = json!(troubles);
        return as_json::text(&whole);
    }
    Ok(summary::of_order(row, runs, troubles, time::now()))
}

/// Waits for the order's end, and says what happens meanwhile.
async fn follow(cluster: &Cluster, order: &OrderId) -> Result<()> {
    let (mut said, mut phase, mut troubles) = (0, None, Vec::new());
    loop {
        // One that is over for a day is in the store alone.
        let Some(found) = cluster.order(order).await? else {
            return Ok(());
        };
        let (tasks, state) = (&found.record.order.tasks, &found.state);
        if phase != Some(state.phase) && state.phase == Phase::Queued {
            output::note(&format!("{order}: waits for its turn"));
        }
        phase = Some(state.phase);
        let ended = state
            .attempts
            .iter()
            .filter_map(|one| Some((one, one.end.as_ref()?)));
        for (one, end) in ended.clone().skip(said) {
            let Some(task) = tasks.get(one.position.0 as usize) else {
                continue;
            };
            let result = table::result(end.reason, end.exit_code, end.signal, end.censored);
            let place = format!("task {}/{}", one.position.0 + 1, tasks.len());
            output::note(&format!("{order}: {place} {} {result}", task.name));
        }
        said = ended.count();
        if state.phase == Phase::Over {
            return Ok(());
        }
        let now = cluster.troubles(&found).await?;
        for trouble in now.iter().filter(|trouble| !troubles.contains(*trouble)) {
            output::note(&format!("{order}: {trouble}"));
        }
        troubles = now;
        sleep(POLL).await;
    }
}
