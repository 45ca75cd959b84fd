//! Tasks over all orders.

use model::{OrderId, Status, TaskName, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    Error, RunRow, Store,
    columns::{Columns, Sql},
    database::{Row, made, sql},
    orders::optional_rfc3339,
    runs,
};

/// A task with what there is of it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TaskRow {
    /// Its name.
    pub task: TaskName,
    /// How many runs.
    pub runs: u64,
    /// Of how many orders.
    pub orders: u64,
    /// When the last one started.
    #[serde(serialize_with = "optional_rfc3339")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub last_started_at: Option<Timestamp>,
}

/// A run of a task, with its order.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TaskRun {
    /// The order's id.
    pub order: OrderId,
    /// How it stands.
    pub order_status: Status,
    /// The run.
    #[serde(flatten)]
    pub run: RunRow,
}

impl TaskRow {
    fn read(row: &Row) -> Sql<Self> {
        let row = Columns(row);
        Ok(Self {
            task: row.word("name")?,
            runs: row.count("runs")?,
            orders: row.count("orders")?,
            last_started_at: row.optional_time("last_started_at")?,
        })
    }
}

impl TaskRun {
    fn read(row: &Row) -> Sql<Self> {
        let names = Columns(row);
        Ok(Self {
            order: names.word("order_name")?,
            order_status: names.word("order_status")?,
            run: RunRow::read(row)?,
        })
    }
}

impl Store {
    /// All tasks that have runs, by name.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tasks(&self) -> Result<Vec<TaskRow>, Error> {
        let tasks = sql(
            "select task.name, count(*) as runs, count(distinct run.order_id) as orders, \
             max(run.started_at) as last_started_at \
             from run join task on task.id = run.task_id where task.id > 0 \
             group by task.id, task.name order by task.name",
        );
        self.database
            .all(tasks)
            .await
            .and_then(|rows| rows.iter().map(TaskRow::read).collect())
            .map_err(self.database.failed(runs::READING))
    }

    /// The runs of a task over all orders, those of the newest order first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn task_runs(&self, task: &TaskName, limit: u32) -> Result<Vec<TaskRun>, Error> {
        let text = runs::select(
            "orders.name as order_name, orders.status as order_status,",
            "join orders on orders.id = run.order_id \
             where run.task_id = (select id from task where name = $1) \
             order by run.order_id desc, run.position desc, run.attempt desc limit $2",
        );
        let statement = made(text, true).bind(task.as_str()).bind(limit);
        self.database
            .all(statement)
            .await
            .and_then(|rows| rows.iter().map(TaskRun::read).collect())
            .map_err(self.database.failed(runs::READING))
    }
}
