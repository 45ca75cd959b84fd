//! The endpoints.

mod charts;
mod events;
mod load;
mod orders;
mod samples;
mod session;
mod tasks;

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    extract::State,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

pub(crate) use samples::{columns, sample_row};

use crate::{App, openapi::Documented, page, problem::Problem, views};

/// What a handler is given of the server.
type Shared = State<Arc<App>>;

/// The OpenAPI document.
pub fn openapi() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| documented().1)
}

/// All that is answered.
pub(crate) fn routes() -> Router<Arc<App>> {
    documented()
        .0
        .route("/api/openapi.json", get(document))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .fallback(get(page::file))
}

fn text_schema() -> Value {
    json!({ "type": "string" })
}

fn picture(kind: &'static str) -> [(&'static str, Value); 1] {
    [(kind, text_schema())]
}

const NO_ORDER: (u16, &str) = (404, "There is no such order");

/// The table of routes.
fn documented() -> (Router<Arc<App>>, Value) {
    let api = Documented::new();
    let api = order_routes(api);
    let api = drawing_routes(api);
    other_routes(api).finish()
}

fn order_routes(api: Documented) -> Documented {
    api.route(&Method::GET, "/api/orders", get(orders::list), |it| {
        it.about("The orders, newest first, a page at a time")
            .query::<orders::ListQuery>()
            .json::<views::OrderList>(200, "A page")
            .problems(&[])
    })
    .route(&Method::POST, "/api/orders", post(load::load), |it| {
        let it = it
            .about("Loads an order; its input can't be a path: it comes along as a part, or is no string")
            .query::<load::LoadQuery>();
        load::describe_body(it)
            .json::<load::LoadedView>(201, "It is loaded")
            .header(201, "Location", "Where the order is")
            .problems(&[
                (409, "The id was used before, and `again` isn't set"),
                (413, "The order is longer than 1 MiB, or the input than 64 MiB"),
                (415, "It is neither JSON nor multipart/form-data"),
                (429, "Too many were posted; Retry-After says when to try again"),
            ])
    })
    .route(&Method::GET, "/api/orders/{id}", get(orders::one), |it| {
        it.about("An order with its tasks and runs")
            .json::<views::OrderDetail>(200, "The order")
            .problems(&[NO_ORDER])
    })
    .route(&Method::DELETE, "/api/orders/{id}", delete(load::terminate), |it| {
        it.about("Ends an order in good form")
            .json::<load::TerminatedView>(202, "It is being ended")
            .problems(&[NO_ORDER, (409, "It has ended already"), (429, "Too many were ended")])
    })
    .route(&Method::GET, "/api/orders/{id}/runs", get(orders::runs), |it| {
        it.about("The runs of an order")
            .json::<views::RunList>(200, "The runs")
            .problems(&[NO_ORDER])
    })
    .route(&Method::GET, "/api/orders/{id}/samples", get(samples::samples), |it| {
        it.about("The samples of an order's runs, as they are read from the store")
            .query::<samples::SamplesQuery>()
            .content(200, "The samples", &samples::content())
            .problems(&[NO_ORDER])
    })
}

fn drawing_routes(api: Documented) -> Documented {
    let nothing = (404, "There is no such order, or nothing to draw of it");
    api.route(&Method::GET, "/api/orders/{id}/charts/{chart}", get(charts::run), |it| {
        it.about("What a task used over time: its newest attempt at its first place, if nothing else is said")
            .query::<charts::ChartQuery>()
            .content(200, "The chart", &[("image/svg+xml", text_schema()), ("image/png", text_schema())])
            .problems(&[nothing])
    })
    .route(&Method::GET, "/api/orders/{id}/chart.svg", get(charts::order_svg), |it| {
        it.about("When the tasks of an order ran, and what they used")
            .content(200, "The chart", &picture("image/svg+xml"))
            .problems(&[nothing])
    })
    .route(&Method::GET, "/api/orders/{id}/chart.png", get(charts::order_png), |it| {
        it.about("The same in pixels")
            .content(200, "The chart", &picture("image/png"))
            .problems(&[nothing])
    })
    .route(&Method::GET, "/api/orders/{id}/report.html", get(charts::report), |it| {
        it.about("Everything about an order on one page")
            .content(200, "The report", &picture("text/html"))
            .problems(&[nothing])
    })
    .route(&Method::GET, "/api/orders/{id}/pictures/{name}", get(charts::small), |it| {
        it.about("A small copy of a picture: `input`, or POSITION-ATTEMPT of the run that wrote it")
            .content(200, "The picture", &picture("image/png"))
            .problems(&[(404, "There is no such order, or no picture that can be seen from here")])
    })
}

fn other_routes(api: Documented) -> Documented {
    api.route(&Method::GET, "/api/tasks", get(tasks::list), |it| {
        it.about("The tasks that have runs")
            .json::<tasks::TaskList>(200, "The tasks, by name")
            .problems(&[])
    })
    .route(&Method::GET, "/api/tasks/{task}/runs", get(tasks::runs), |it| {
        it.about("The runs of a task over all orders, those of the newest order first")
            .query::<tasks::RunsQuery>()
            .json::<tasks::TaskRunList>(200, "The runs; none if the task has none")
            .problems(&[(404, "That is no task's name")])
    })
    .route(&Method::GET, "/api/resources", get(tasks::resources), |it| {
        it.about("What is measured")
            .json::<tasks::ResourceList>(200, "The resources, in the order of their columns")
            .problems(&[])
    })
    .route(&Method::GET, "/api/events", get(events::events), |it| {
        it.about(
            "What is new, as server-sent events: `order` (a summary), `run`, `samples` and `reset` (read anew \
             what you show). Read by the other endpoints only after this one has answered",
        )
        .query::<events::EventsQuery>()
        .content(200, "The events, without end", &picture("text/event-stream"))
        .problems(&[(429, "Too many watch already")])
    })
    .route(&Method::GET, "/api/session", get(session::get), |it| {
        it.about("What this server is, and whether it knows the caller")
            .json::<session::SessionView>(200, "The session")
            .problems(&[])
    })
    .route(&Method::POST, "/api/session", post(session::sign_in), |it| {
        let mut it = it.about("Signs a browser in: sets a cookie that scripts can't read");
        let schema = it.schema::<session::SignIn>().to_value();
        it.body(&[("application/json", schema)])
            .content(204, "It is signed in", &[])
            .header(204, "Set-Cookie", "The session")
            .problems(&[
                (413, "No token is that long"),
                (415, "It is no JSON"),
                (429, "Too many tokens were tried; Retry-After says when to try again"),
            ])
    })
    .route(&Method::DELETE, "/api/session", delete(session::sign_out), |it| {
        it.about("Signs a browser out")
            .content(204, "It is signed out", &[])
            .problems(&[])
    })
}

async fn document() -> Response {
    json_bytes(openapi().to_string().into())
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(app): Shared) -> Result<&'static str, Problem> {
    app.store.newest_order().await?;
    Ok("ready\n")
}

async fn metrics(State(app): Shared) -> Response {
    let text = (app.metrics_text)().await;
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// A value as the bytes of its JSON.
fn bytes_of(value: &impl Serialize) -> Result<Bytes, Problem> {
    serde_json::to_vec(value).map(Bytes::from).map_err(|error| {
        tracing::error!("an answer can't be written: {error}");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the answer can't be written; the server's log says why",
        )
    })
}

fn json_bytes(bytes: Bytes) -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], bytes).into_response()
}

fn json_of(value: &impl Serialize) -> Result<Response, Problem> {
    bytes_of(value).map(json_bytes)
}
