//! Orders and their runs.

use axum::{extract::State, http::Uri, response::Response};
use model::{OrderId, Status};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{OrderRow, SummaryFilter};

use super::{Shared, bytes_of, json_bytes, json_of};
use crate::{
    App,
    fresh::order_key,
    params::{Named, Query},
    problem::Problem,
    views::{self, OrderDetail, OrderList, RunList, RunView},
};

/// The most orders on a page.
const MOST: u32 = 1000;

/// Which orders.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// Only those that stand so.
    status: Option<Status>,
    /// Only those with this in their ids.
    name: Option<String>,
    /// How many at most.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// The `next` of the page before.
    #[schemars(regex(pattern = "^[0-9]{1,18}$"))]
    before: Option<String>,
}

pub(crate) async fn list(
    State(app): Shared,
    uri: Uri,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    let filter = filter(query)?;
    let key = uri.to_string();
    let page = app.fresh.get(key, async {
        let orders = app.store.summaries(&filter).await?;
        let next = orders.last().map(|last| last.order.id.to_string());
        let next = next.filter(|_| orders.len() == filter.limit as usize);
        bytes_of(&OrderList { orders, next })
    });
    page.await.map(json_bytes)
}

fn filter(query: ListQuery) -> Result<SummaryFilter, Problem> {
    let limit = query.limit.unwrap_or(100);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::bad(format!("in the query: limit is 1 to {MOST}")));
    }
    let is_sound = |text: &str| text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    let before = query
        .before
        .map(|text| text.parse().ok().filter(|_| is_sound(&text)))
        .map(|number| {
            number.ok_or_else(|| {
                Problem::bad("in the query: before is the `next` of the page before")
            })
        })
        .transpose()?;
    Ok(SummaryFilter {
        status: query.status,
        name: query.name.filter(|name| !name.is_empty()),
        before,
        limit,
    })
}

pub(crate) async fn one(
    State(app): Shared,
    Named(id): Named<OrderId>,
) -> Result<Response, Problem> {
    let key = order_key(&id);
    let detail = app
        .fresh
        .get(key, async { bytes_of(&detail(&app, &id).await?) });
    detail.await.map(json_bytes)
}

async fn detail(app: &App, id: &OrderId) -> Result<OrderDetail, Problem> {
    let no_order = || Problem::no_order(id);
    let row = app.store.order(id).await?.ok_or_else(no_order)?;
    let summary = app.store.summary(id).await?.ok_or_else(no_order)?;
    let is_seen = app.draw.is_seen(&row, None);
    Ok(OrderDetail {
        definition: views::definition(&row),
        plan: views::plan(&row, app.operate.catalogue()),
        runs: run_views(app, &row).await?,
        input_picture: is_seen.then(|| views::picture(id, "input")),
        summary,
    })
}

pub(crate) async fn runs(
    State(app): Shared,
    Named(id): Named<OrderId>,
) -> Result<Response, Problem> {
    let row = order(&app, &id).await?;
    let runs = run_views(&app, &row).await?;
    json_of(&RunList { runs })
}

async fn run_views(app: &App, order: &OrderRow) -> Result<Vec<RunView>, Problem> {
    let runs = app.store.runs(&order.name).await?;
    let views = runs
        .into_iter()
        .map(|run| RunView::new(order, run, &*app.draw));
    Ok(views.collect())
}

/// An order that must be there.
pub(super) async fn order(app: &App, id: &OrderId) -> Result<OrderRow, Problem> {
    let order = app.store.order(id).await?;
    order.ok_or_else(|| Problem::no_order(id))
}
