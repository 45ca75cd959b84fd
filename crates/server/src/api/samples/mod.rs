//! Samples, read page by page and sent as they are read.

mod csv;
mod json;
mod parquet;
mod thin;

use std::{io, sync::Arc};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::stream;
use model::{Attempt, OrderId, Position, Resource, TaskName, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Value, json};
use store::{RunRow, Span, StoredSample};
use tokio::sync::mpsc;

pub(crate) use json::row as sample_row;

use super::{Shared, orders::order};
use crate::{
    App,
    params::{Named, Query},
    problem::Problem,
};

/// Samples that are read at once.
const PAGE: u32 = 2048;
/// Chunks that wait for a slow reader.
const AHEAD: usize = 2;

/// Which samples, and how.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SamplesQuery {
    /// Only this task's.
    task: Option<TaskName>,
    /// Only of the task at this place.
    #[schemars(with = "Option<u32>", range(max = 4_294_967_295u32))]
    position: Option<Position>,
    /// Only of this try.
    #[schemars(with = "Option<u32>", range(max = 4_294_967_295u32))]
    attempt: Option<Attempt>,
    /// Which resources, apart by commas or repeated; all, if none is named.
    #[serde(default)]
    #[schemars(schema_with = "resource_list")]
    resource: Option<String>,
    /// Only those at this instant or later, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    from: Option<String>,
    /// Only those at this instant or earlier, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    to: Option<String>,
    /// JSON if it isn't said.
    format: Option<Format>,
    /// At most so many of each run: of each stretch of time those with the lowest and the highest values.
    #[schemars(range(min = 2, max = 1_000_000))]
    max_points: Option<u32>,
}

/// Names of resources, apart by commas.
fn resource_list(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<_> = Resource::ALL
        .iter()
        .map(|resource| resource.name())
        .collect();
    let names = names.join("|");
    json_schema!({ "type": "string", "pattern": format!("^({names})(,({names}))*$") })
}

/// The form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Series by run.
    Json,
    /// A row per sample, with a head.
    Csv,
    /// The same as Parquet.
    Parquet,
}

/// What is answered, for the document.
pub(super) fn content() -> [(&'static str, Value); 3] {
    let cell = json!({ "type": ["string", "number", "boolean", "null"] });
    let series = json!({
        "type": "object",
        "required": ["position", "task", "attempt", "rows"],
        "properties": {
            "position": { "type": "integer", "minimum": 0 },
            "task": { "type": "string" },
            "attempt": { "type": "integer", "minimum": 1 },
            "rows": { "type": "array", "items": { "type": "array", "items": cell } },
        },
    });
    let json = json!({
        "type": "object",
        "required": ["order", "columns", "series"],
        "properties": {
            "order": { "type": "string" },
            "columns": { "type": "array", "items": { "type": "string" } },
            "series": { "type": "array", "items": series },
        },
    });
    let bytes = json!({ "type": "string", "format": "binary" });
    [
        ("application/json", json),
        ("text/csv", json!({ "type": "string" })),
        (parquet::MEDIA_TYPE, bytes),
    ]
}

/// What writes samples in a form. What it has written is taken from it by and by.
trait Write: Send {
    /// A run begins.
    fn run(&mut self, run: &RunRow);
    /// Samples of it.
    fn rows(&mut self, run: &RunRow, samples: &[StoredSample]) -> io::Result<()>;
    /// All is said.
    fn end(&mut self) -> io::Result<()>;
    /// What was written since the last time.
    fn take(&mut self) -> Bytes;
}

/// What was asked for, checked.
struct Wanted {
    order: OrderId,
    runs: Vec<RunRow>,
    resources: Vec<Resource>,
    span: Span,
    max_points: Option<usize>,
}

pub(crate) async fn samples(
    State(app): Shared,
    Named(id): Named<OrderId>,
    Query(query): Query<SamplesQuery>,
) -> Result<Response, Problem> {
    let format = query.format.unwrap_or(Format::Json);
    let wanted = wanted(&app, id, query).await?;
    let (write, kind): (Box<dyn Write>, _) = match format {
        Format::Json => (Box::new(json::Json::new(&wanted)), "application/json"),
        Format::Csv => (Box::new(csv::Csv::new(&wanted)), "text/csv; charset=utf-8"),
        Format::Parquet => (
            Box::new(parquet::Parquet::new(&wanted)?),
            parquet::MEDIA_TYPE,
        ),
    };
    let name = format!(
        "attachment; filename=\"{}.{}\"",
        wanted.order,
        ending(format)
    );
    let (to, from) = mpsc::channel(AHEAD);
    tokio::spawn(send(app, wanted, write, to));
    let chunks = stream::unfold(from, async |mut from| Some((from.recv().await?, from)));
    let mut response = Body::from_stream(chunks).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if format != Format::Json
        && let Ok(name) = HeaderValue::from_str(&name)
    {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

fn ending(format: Format) -> &'static str {
    match format {
        Format::Json => "json",
        Format::Csv => "csv",
        Format::Parquet => "parquet",
    }
}

async fn wanted(app: &App, id: OrderId, query: SamplesQuery) -> Result<Wanted, Problem> {
    let instant = |name: &str, text: Option<String>| {
        text.map(|text| text.parse::<Timestamp>())
            .transpose()
            .map_err(|error| {
                Problem::bad(format!(
                    "in the query: {name} is no instant of RFC 3339: {error}"
                ))
            })
    };
    let (from, to) = (instant("from", query.from)?, instant("to", query.to)?);
    let max_points = query.max_points.map(|most| most as usize);
    if max_points.is_some_and(|most| !(2..=1_000_000).contains(&most)) {
        return Err(Problem::bad("in the query: max_points is 2 to 1000000"));
    }
    let resources = resources(query.resource.as_deref())?;
    order(app, &id).await?;
    let mut runs = app.store.runs(&id).await?;
    runs.retain(|run| {
        query.task.as_ref().is_none_or(|task| run.task == *task)
            && query
                .position
                .is_none_or(|position| run.position == position)
            && query.attempt.is_none_or(|attempt| run.attempt == attempt)
    });
    Ok(Wanted {
        order: id,
        runs,
        resources,
        span: Span {
            from: from.unwrap_or(Span::ALL.from),
            to: to.unwrap_or(Span::ALL.to),
        },
        max_points,
    })
}

/// Each once, in the order in which they are asked for; all, if none is named.
fn resources(list: Option<&str>) -> Result<Vec<Resource>, Problem> {
    let Some(list) = list else {
        return Ok(Resource::ALL.to_vec());
    };
    let mut found = Vec::new();
    for name in list.split(',') {
        let resource: Resource = name
            .parse()
            .map_err(|error| Problem::bad(format!("in the query: resource: {error}")))?;
        if !found.contains(&resource) {
            found.push(resource);
        }
    }
    Ok(found)
}

type Chunks = mpsc::Sender<io::Result<Bytes>>;

/// Reads and sends. Once nobody listens any more it ends.
async fn send(app: Arc<App>, wanted: Wanted, mut write: Box<dyn Write>, to: Chunks) {
    if let Err(error) = send_all(&app, &wanted, &mut *write, &to).await {
        tracing::warn!("samples of {} broke off: {error}", wanted.order);
        // The reader sees a broken answer, never a short one.
        let _ = to.send(Err(error)).await;
    }
}

async fn send_all(
    app: &App,
    wanted: &Wanted,
    write: &mut dyn Write,
    to: &Chunks,
) -> io::Result<()> {
    for run in &wanted.runs {
        write.run(run);
        let (position, attempt) = (run.position, run.attempt);
        let store = &app.store;
        let mut thin = match wanted.max_points {
            None => None,
            Some(most) => {
                let stored = store
                    .samples_between(&wanted.order, position, attempt, wanted.span)
                    .await;
                let stored = stored.map_err(io::Error::other)? as usize;
                (stored > most).then(|| thin::Thin::new(most, stored, &wanted.resources))
            }
        };
        let pages = store
            .sample_pages(&wanted.order, position, attempt, wanted.span, PAGE)
            .await;
        let mut pages = pages.map_err(io::Error::other)?;
        while let Some(page) = pages.next().await.map_err(io::Error::other)? {
            match &mut thin {
                None => write.rows(run, &page)?,
                Some(thin) => {
                    let left: Vec<_> = page.iter().flat_map(|sample| thin.take(sample)).collect();
                    write.rows(run, &left)?;
                }
            }
            if !pass_on(write, to).await {
                return Ok(());
            }
        }
        if let Some(thin) = thin {
            write.rows(run, &thin.end())?;
        }
    }
    write.end()?;
    pass_on(write, to).await;
    Ok(())
}

/// False if nobody listens any more.
async fn pass_on(write: &mut dyn Write, to: &Chunks) -> bool {
    let bytes = write.take();
    bytes.is_empty() || to.send(Ok(bytes)).await.is_ok()
}

/// Seconds since the run's start; `None` if that isn't known. The baseline comes right before it.
fn elapsed(run: &RunRow, sample: &StoredSample) -> Option<f64> {
    Some(sample.time.seconds_since(run.started_at?))
}

/// What each row says before its values: how many readings since the row before were missed, whether more processor time
/// may have been used, and whether it was taken after the command's end.
const OF_ALL: [&str; 6] = [
    "time",
    "elapsed_seconds",
    "seq",
    "missed_before",
    "cpu_lower_bound",
    "is_final",
];

/// The names of the columns of a sample.
pub(crate) fn columns(resources: &[Resource]) -> impl Iterator<Item = &'static str> {
    let names = resources.iter().map(|resource| resource.name());
    OF_ALL.into_iter().chain(names)
}
