//! What is drawn.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use model::{Attempt, OrderId, Position, TaskName};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{OrderRow, RunRow};

use super::{Shared, orders::order};
use crate::{
    App, Drawing, Form, Seen,
    params::{Named, Query},
    problem::Problem,
};

/// Which of a task's runs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChartQuery {
    /// The task's place, if it stands in the order more than once.
    position: Option<Position>,
    /// The try.
    attempt: Option<Attempt>,
}

const SVG: &str = "image/svg+xml";
const PNG: &str = "image/png";

pub(crate) async fn run(
    State(app): Shared,
    Named((id, chart)): Named<(OrderId, String)>,
    Query(query): Query<ChartQuery>,
) -> Result<Response, Problem> {
    let (name, form, kind) = match chart.rsplit_once('.') {
        Some((name, "svg")) => (name, Form::Svg, SVG),
        Some((name, "png")) => (name, Form::Png, PNG),
        _ => return Err(Problem::not_found("a chart is TASK.svg or TASK.png")),
    };
    let order = order(&app, &id).await?;
    let no_run = || Problem::not_found(format!("order {id} has no such run of a task {name}"));
    let task: TaskName = name.parse().map_err(|_| no_run())?;
    let runs = app.store.runs(&id).await?;
    let run = wanted(&runs, &task, &query).ok_or_else(no_run)?;
    let what = Drawing::Run(run.position, run.attempt, form);
    drawn(&app, &order, what, kind).await
}

/// The newest attempt of the first place, if nothing else is said.
fn wanted<'a>(runs: &'a [RunRow], task: &TaskName, query: &ChartQuery) -> Option<&'a RunRow> {
    let of_task = || runs.iter().filter(|run| run.task == *task);
    let place = query
        .position
        .or_else(|| of_task().map(|run| run.position).min())?;
    of_task()
        .filter(|run| run.position == place)
        .filter(|run| query.attempt.is_none_or(|attempt| run.attempt == attempt))
        .max_by_key(|run| run.attempt)
}

pub(crate) async fn order_svg(app: Shared, id: Named<OrderId>) -> Result<Response, Problem> {
    of_order(app, id, Drawing::Order(Form::Svg), SVG).await
}

pub(crate) async fn order_png(app: Shared, id: Named<OrderId>) -> Result<Response, Problem> {
    of_order(app, id, Drawing::Order(Form::Png), PNG).await
}

pub(crate) async fn report(app: Shared, id: Named<OrderId>) -> Result<Response, Problem> {
    of_order(app, id, Drawing::Report, "text/html; charset=utf-8").await
}

pub(crate) async fn small(
    app: Shared,
    Named((id, name)): Named<(OrderId, String)>,
) -> Result<Response, Problem> {
    let run = |name: &str| {
        let (position, attempt) = name.split_once('-')?;
        Some(Seen::Run(position.parse().ok()?, attempt.parse().ok()?))
    };
    let seen = match name.as_str() {
        "input" => Some(Seen::Input),
        name => run(name),
    };
    let seen =
        seen.ok_or_else(|| Problem::not_found("a picture is `input`, or POSITION-ATTEMPT"))?;
    of_order(app, Named(id), Drawing::Small(seen), PNG).await
}

async fn of_order(
    State(app): Shared,
    Named(id): Named<OrderId>,
    what: Drawing,
    kind: &'static str,
) -> Result<Response, Problem> {
    let order = order(&app, &id).await?;
    drawn(&app, &order, what, kind).await
}

async fn drawn(
    app: &App,
    order: &OrderRow,
    what: Drawing,
    kind: &'static str,
) -> Result<Response, Problem> {
    let bytes = match app.drawings.get(order.order_uid, what) {
        Some(kept) => kept,
        None => draw(app, order, what).await?,
    };
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if matches!(what, Drawing::Report) {
        // It has a style and pictures of its own, and nothing that runs.
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(
                "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox",
            ),
        );
    }
    Ok(response)
}

async fn draw(app: &App, order: &OrderRow, what: Drawing) -> Result<Bytes, Problem> {
    let _turn = app.drawings.turns.acquire().await;
    // Whoever had the turn before may have drawn the same.
    if let Some(kept) = app.drawings.get(order.order_uid, what) {
        return Ok(kept);
    }
    let drawn = app.draw.draw(order.name.clone(), what).await?;
    let drawn = drawn.map(Bytes::from).ok_or_else(|| {
        Problem::not_found(format!(
            "order {} has nothing of that kind to be drawn",
            order.name
        ))
    })?;
    if order.status.is_final() && order.storing_complete {
        app.drawings.keep(order.order_uid, what, drawn.clone());
    }
    Ok(drawn)
}
