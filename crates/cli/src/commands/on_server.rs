//! `orders`, `status`, `chart`, `report`, `terminate` and `load`, asked of a `podometer serve`.

use std::{collections::BTreeSet, fs, time::Duration};

use anyhow::{Context, Result};
use model::OrderId;
use monitor_consumer::drawing::Drawable;
use reqwest::StatusCode;
use serde_json::Value;
use store::{OrderRow, RunRow};
use tokio::time::sleep;

use crate::{
    args::{ChartArgs, LoadArgs, OrdersArgs, PictureFormat, ReportArgs, Server, StatusArgs},
    data::DataFolder,
    exit::Code,
    load::{self, Usage},
    output::{
        self,
        json::{self, RunJson, WholeOrder},
        summary, table,
    },
    remote::{Error, Remote, wire::Detail},
    time,
};

/// How often the server is asked.
const POLL: Duration = Duration::from_millis(500);
/// How long it may be away while an order is followed.
const PATIENCE: Duration = Duration::from_mins(1);

/// All orders that the server knows, newest first.
pub(super) async fn orders(args: &OrdersArgs, server: &Server) -> Result<Code> {
    let rows = Remote::new(server)?.orders().await?;
    let text = if args.json {
        json::text(&rows)?
    } else {
        table::orders(&rows, time::now())
    };
    output::print(&text)?;
    Ok(Code::DONE)
}

/// How an order stands; with `--follow` until it ends.
pub(super) async fn status(args: &StatusArgs, server: &Server) -> Result<Code> {
    let remote = Remote::new(server)?;
    let mut detail = order(&remote, &args.order).await?;
    let mut code = Code::DONE;
    if args.follow {
        detail = follow(&remote, detail).await?;
        code = Code::of(detail.order.status);
    }
    let Detail { order, runs, .. } = detail;
    let text = if args.json {
        json::text(&whole(&remote, order, runs))?
    } else {
        summary::of_order(&order, &runs, &[], time::now())
    };
    output::print(&text)?;
    Ok(code)
}

/// The JSON of `status` here, with addresses in place of paths.
fn whole(remote: &Remote, order: OrderRow, runs: Vec<RunRow>) -> WholeOrder {
    let report = remote.at(&["orders", order.name.as_str(), "report.html"]);
    let with_chart = |run: RunRow| RunJson {
        charts: vec![chart_url(remote, &order.name, &run, "svg").to_string()],
        run,
    };
    WholeOrder {
        report: (!runs.is_empty()).then(|| report.to_string()),
        runs: runs.into_iter().map(with_chart).collect(),
        order,
    }
}

/// Waits for the order's end, and says what ended meanwhile.
async fn follow(remote: &Remote, mut detail: Detail) -> Result<Detail> {
    let mut said = 0;
    let mut last_answer = tokio::time::Instant::now();
    loop {
        let Detail {
            order: row, runs, ..
        } = &detail;
        let ended: Vec<_> = runs.iter().filter(|run| run.reason.is_some()).collect();
        for run in ended.iter().skip(said) {
            output::note(&table::end_of_run(row, run));
        }
        said = said.max(ended.len());
        if row.status.is_final() {
            return Ok(detail);
        }
        sleep(POLL).await;
        match remote.order(&row.name).await {
            Ok(next) => {
                detail = next;
                last_answer = tokio::time::Instant::now();
            }
            Err(error) if error.is_unreachable() && last_answer.elapsed() < PATIENCE => {}
            Err(error) => return Err(unknown(remote, &row.name, error)),
        }
    }
}

/// Fetches the pictures of an order's tasks.
pub(super) async fn chart(args: &ChartArgs, server: &Server, data: &DataFolder) -> Result<Code> {
    let remote = Remote::new(server)?;
    let detail = order(&remote, &args.order).await?;
    let runs = wanted(args, &detail)?;
    let folder = args
        .output
        .clone()
        .unwrap_or_else(|| data.order(&args.order).join("charts"));
    let ending = match args.format {
        PictureFormat::Svg => "svg",
        PictureFormat::Png => "png",
    };
    let mut pictures = Vec::new();
    if args.task.is_none() {
        let name = format!("chart.{ending}");
        let url = remote.at(&["orders", args.order.as_str(), &name]);
        pictures.push((format!("order.{ending}"), url));
    }
    for run in runs {
        let name = format!("{}.{ending}", Drawable::file_stem(run));
        pictures.push((name, chart_url(&remote, &args.order, run, ending)));
    }
    fs::create_dir_all(&folder)
        .with_context(|| format!("the folder {} can't be made", folder.display()))?;
    let mut drawn = Vec::new();
    for (name, url) in pictures {
        let path = folder.join(name);
        let picture = remote.bytes(url).await?;
        fs::write(&path, picture)
            .with_context(|| format!("{} can't be written", path.display()))?;
        drawn.push(path);
    }
    output::print(&output::lines(drawn.iter().map(|path| path.display())))?;
    Ok(Code::DONE)
}

/// The runs whose pictures are wanted.
fn wanted<'a>(args: &ChartArgs, detail: &'a Detail) -> Result<Vec<&'a RunRow>> {
    let is_wanted = |run: &&RunRow| args.task.as_ref().is_none_or(|task| run.task == *task);
    let runs: Vec<_> = detail.runs.iter().filter(is_wanted).collect();
    match &args.task {
        Some(task) if runs.is_empty() && !detail.runs.is_empty() => {
            let known: BTreeSet<_> = detail.runs.iter().map(|run| run.task.as_str()).collect();
            Err(Usage::UnknownTask {
                order: args.order.clone(),
                task: task.clone(),
                known: known.into_iter().collect::<Vec<_>>().join(", "),
            }
            .into())
        }
        _ if runs.is_empty() => Err(no_runs(detail)),
        _ => Ok(runs),
    }
}

/// Fetches the report of an order.
pub(super) async fn report(args: &ReportArgs, server: &Server, data: &DataFolder) -> Result<Code> {
    if args.pipeline {
        return Err(Usage::PipelineOfServer.into());
    }
    let remote = Remote::new(server)?;
    let detail = order(&remote, &args.order).await?;
    if detail.runs.is_empty() {
        return Err(no_runs(&detail));
    }
    let url = remote.at(&["orders", args.order.as_str(), "report.html"]);
    let page = remote.bytes(url).await?;
    let file = args
        .output
        .clone()
        .unwrap_or_else(|| data.order(&args.order).join("report.html"));
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent)
            .with_context(|| format!("the folder {} can't be made", parent.display()))?;
    }
    fs::write(&file, page).with_context(|| format!("{} can't be written", file.display()))?;
    output::print(&format!("{}\n", file.display()))?;
    Ok(Code::DONE)
}

/// Tells an order to end.
pub(super) async fn terminate(id: &OrderId, server: &Server) -> Result<Code> {
    let remote = Remote::new(server)?;
    let status = order(&remote, id).await?.order.status;
    if status.is_final() {
        output::print(&format!("order {id} is over: {status}\n"))?;
        return Ok(Code::DONE);
    }
    remote.terminate(id).await?;
    let url = remote.url();
    output::print(&format!(
        "order {id} is told to end; `podometer status {id} --server {url} --follow` waits for it\n"
    ))?;
    Ok(Code::DONE)
}

/// Hands orders to the server.
pub(super) async fn load(args: &LoadArgs, server: &Server) -> Result<Code> {
    for (option, is_given) in [
        ("--catalog", !args.catalog.is_empty()),
        ("--no-workspace", args.no_workspace),
        ("--grace", args.grace.is_some()),
    ] {
        if is_given {
            return Err(Usage::NotForServer { option }.into());
        }
    }
    // The server checks the rest: it knows what it can run.
    let orders = load::for_server(args)?;
    let remote = Remote::new(server)?;
    if !remote.session().await?.can_load {
        let url = remote.url().to_string();
        return Err(Usage::ServerTakesNone { url }.into());
    }
    let mut options = vec![("again", args.again.to_string())];
    options.push(("prewarm", args.prewarm.to_string()));
    options.push(("period", args.period.to_string()));
    for prepared in &orders {
        let mut definition = prepared.definition.clone();
        let input = match &prepared.input {
            Some(path) => {
                let name = path
                    .file_name()
                    .and_then(|name| name.to_str())
                    .unwrap_or("input");
                let bytes = fs::read(path);
                let bytes = bytes.with_context(|| format!("{} can't be read", path.display()))?;
                definition = without_input(&definition)?;
                Some((name, bytes))
            }
            None => None,
        };
        let answer = remote.load(&definition, input, &options).await;
        let loaded = answer.map_err(|error| not_loaded(&remote, &prepared.order.id, error))?;
        // At once: a later one may be refused.
        output::print(&format!("{}\n", loaded.id))?;
    }
    Ok(Code::DONE)
}

fn not_loaded(remote: &Remote, id: &OrderId, error: Error) -> anyhow::Error {
    if error.is(StatusCode::CONFLICT) {
        let (order, url) = (id.clone(), remote.url().to_string());
        return Usage::TakenOnServer { order, url }.into();
    }
    anyhow::Error::from(error).context(format!("order {id}"))
}

/// An order whose input travels beside it: a path of this machine means nothing to the server.
fn without_input(definition: &str) -> Result<String> {
    let mut order: Value = serde_json::from_str(definition).context("reading the order again")?;
    if let Some(fields) = order.as_object_mut() {
        fields.remove("input");
    }
    serde_json::to_string_pretty(&order).context("writing the order")
}

/// An order that must be there.
async fn order(remote: &Remote, id: &OrderId) -> Result<Detail> {
    let found = remote.order(id).await;
    found.map_err(|error| unknown(remote, id, error))
}

fn unknown(remote: &Remote, id: &OrderId, error: Error) -> anyhow::Error {
    if error.is(StatusCode::NOT_FOUND) {
        let (order, data) = (id.clone(), remote.url().to_string());
        return Usage::UnknownOrder { order, data }.into();
    }
    error.into()
}

fn no_runs(detail: &Detail) -> anyhow::Error {
    Usage::NoRuns {
        order: detail.order.name.clone(),
        status: detail.order.status,
    }
    .into()
}

fn chart_url(remote: &Remote, order: &OrderId, run: &RunRow, ending: &str) -> url::Url {
    let name = format!("{}.{ending}", run.task);
    let mut url = remote.at(&["orders", order.as_str(), "charts", &name]);
    url.query_pairs_mut()
        .append_pair("position", &run.position.0.to_string())
        .append_pair("attempt", &run.attempt.0.to_string());
    url
}
