//! `podometer run`.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Result;
use model::Status;
use orchestrator::StdioPolicy;
use store::RunRow;

use super::host;
use crate::{
    args::RunArgs,
    data::DataFolder,
    exit::Code,
    load,
    metrics::Metrics,
    output::{
        self,
        json::{self, OrderJson},
        progress::Progress,
        summary, table,
    },
    session::{Batch, Done, Host, Line, run_all},
};

pub(super) async fn run(args: RunArgs, data: DataFolder, quiet: bool) -> Result<Code> {
    let orders = load::orders(&args)?;
    let metrics = Metrics::default();
    let _served = serve(args.metrics_listen, &metrics, quiet).await?;
    let host = host::start(data, args.measure, args.bus, StdioPolicy::Files, metrics).await?;
    let line = Line::of(orders);
    let batch = run_all(&host, &line, args.parallel.into(), &Progress::new(quiet)).await;
    let said = say(&host, &batch, args.json).await;
    let code = code(&batch, host.wish.is_to_end());
    host::end(host).await;
    said?;
    match batch.error {
        Some(error) => Err(error),
        None => Ok(code),
    }
}

/// Serves metrics, if that is wanted, until what comes back is dropped.
async fn serve(
    at: Option<SocketAddr>,
    metrics: &Metrics,
    quiet: bool,
) -> Result<Option<metrics::Server>> {
    let Some(at) = at else { return Ok(None) };
    let server = metrics::Server::start(at, Arc::new(metrics.registry())).await?;
    if !quiet {
        output::note(&format!("metrics: http://{}/metrics", server.address()));
    }
    Ok(Some(server))
}

fn code(batch: &Batch, is_to_end: bool) -> Code {
    let bad = |done: &Done| done.outcome.status != Status::Succeeded;
    match (is_to_end, batch.done.iter().any(bad)) {
        (true, _) => Code::INTERRUPTED,
        (false, true) => Code::ORDER_FAILED,
        (false, false) => Code::DONE,
    }
}

/// Says what came of the orders, and what did not come.
async fn say(host: &Host, batch: &Batch, as_json: bool) -> Result<()> {
    let mut list = Vec::new();
    for done in &batch.done {
        let runs = host.store.runs(&done.id).await?;
        if as_json {
            let (status, message) = (done.outcome.status, done.outcome.message.clone());
            let folder = &done.folder.shown;
            list.push(OrderJson::new(
                done.id.clone(),
                status,
                message,
                runs,
                folder,
            ));
        } else {
            output::print(&text(done, &runs))?;
        }
        if let Some(error) = &done.finished.draw_error {
            let id = &done.id;
            output::note(&format!("order {id} could not be drawn: {error}"));
        }
    }
    if as_json {
        output::print(&json::text(&list)?)?;
    }
    if batch.not_started > 0 {
        output::note(&format!(
            "orders that were not started: {}",
            batch.not_started
        ));
    }
    Ok(())
}

fn text(done: &Done, runs: &[RunRow]) -> String {
    let message = done.outcome.message.as_deref();
    let message = message
        .map(|message| format!(": {message}"))
        .unwrap_or_default();
    let mut text = format!("order {} {}{message}\n", done.id, done.outcome.status);
    text.push_str(&table::runs(runs));
    let mut lines = summary::notes(runs, is_complete(done));
    if done.finished.report.is_some() {
        let report = done.folder.shown.join("report.html");
        lines.push(format!("report: {}", report.display()));
    }
    text.push_str(&output::lines(lines));
    text
}

fn is_complete(done: &Done) -> bool {
    done.outcome.storing_complete && done.finished.stored
}
