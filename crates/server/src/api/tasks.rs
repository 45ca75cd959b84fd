//! Tasks over all orders, and what is measured.

use axum::{extract::State, response::Response};
use model::{Resource, TaskName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::TaskRow;

use super::{Shared, bytes_of, json_bytes, json_of};
use crate::{
    params::{Named, Query},
    problem::Problem,
    views::TaskRunView,
};

/// The most runs in one answer.
const MOST: u32 = 1000;

/// The tasks.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TaskList {
    /// By name.
    tasks: Vec<TaskRow>,
}

/// How many runs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunsQuery {
    /// How many at most; 100 if it isn't said.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
}

/// The runs of a task.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TaskRunList {
    /// Those of the newest order first.
    runs: Vec<TaskRunView>,
}

/// What is measured.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ResourceList {
    /// In the order of their columns.
    resources: Vec<ResourceView>,
}

/// One measured quantity.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ResourceView {
    /// Its name.
    name: &'static str,
    /// Its unit.
    unit: &'static str,
}

pub(crate) async fn list(State(app): Shared) -> Result<Response, Problem> {
    let tasks = app.fresh.get("tasks".to_owned(), async {
        let tasks = app.store.tasks().await?;
        bytes_of(&TaskList { tasks })
    });
    tasks.await.map(json_bytes)
}

pub(crate) async fn runs(
    State(app): Shared,
    Named(task): Named<TaskName>,
    Query(query): Query<RunsQuery>,
) -> Result<Response, Problem> {
    let limit = query.limit.unwrap_or(100);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::bad(format!("in the query: limit is 1 to {MOST}")));
    }
    let runs = app.store.task_runs(&task, limit).await?;
    let view = |run| TaskRunView { run, picture: None };
    let runs = runs.into_iter().map(view).collect();
    json_of(&TaskRunList { runs })
}

pub(crate) async fn resources() -> Result<Response, Problem> {
    let view = |resource: &Resource| ResourceView {
        name: resource.name(),
        unit: resource.unit().as_str(),
    };
    json_of(&ResourceList {
        resources: Resource::ALL.iter().map(view).collect(),
    })
}
