//! Orders with what their runs amount to, a page of them in one query.

use model::{OrderId, Position, Status, TaskName};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    Error, OrderRow, Store,
    columns::{Columns, Sql},
    database::{Row, Statement, made},
    orders::READING,
};

/// An order with what its runs amount to so far.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct OrderSummary {
    /// The order. Its definition is empty: it may be long.
    #[serde(flatten)]
    pub order: OrderRow,
    /// How many of its tasks are completed.
    pub done: u32,
    /// The task that is running now.
    pub task: Option<TaskName>,
    /// Its place.
    pub position: Option<Position>,
    /// From its first task's start to its end, seconds; `None` until it has ended.
    pub duration_seconds: Option<f64>,
    /// Processor time of the runs that have ended, seconds; `None` if that of one isn't known.
    pub cpu_seconds: Option<f64>,
    /// Whether that may be more: a run's is a lower bound.
    pub cpu_lower_bound: bool,
    /// The highest peak of anonymous memory of its runs, bytes.
    pub memory_anon_peak_bytes: Option<u64>,
    /// Whether none can have been higher: the peak of each run is known and the kernel's own.
    pub memory_anon_peak_exact: bool,
}

/// Which orders, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SummaryFilter {
    /// Only those that stand so.
    pub status: Option<Status>,
    /// Only those with this in their ids.
    pub name: Option<String>,
    /// Only those whose number is below this one: the last one's of the page before.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

/// All columns but the definition.
const COLUMNS: &str = "id, name, order_uid, status, message, created_at, started_at, ended_at, \
     launcher, input, '' as definition, tasks, storing_complete, owner";

/// The statement that reads the summaries of the orders that `which` (a condition) selects.
fn select(which: &str) -> String {
    format!(
        "with page as (select {COLUMNS} from orders where {which} order by id desc limit $1), \
         used as (select run.order_id, \
           count(distinct case when reason = 'completed' then position end) as done, \
           count(reason) as ended, \
           count(case when reason is not null then cpu_seconds end) as cpu_known, \
           sum(case when reason is not null then cpu_seconds end) as cpu_seconds, \
           count(case when reason is not null and cpu_lower_bound then 1 end) as cpu_bounds, \
           max(memory_anon_peak_bytes) as memory_anon_peak_bytes, \
           count(case when memory_anon_peak_exact then memory_anon_peak_bytes end) as exact, \
           count(*) as runs, \
           max(case when reason is null then position end) as position \
           from page join run on run.order_id = page.id group by run.order_id) \
         select page.*, used.done, used.ended, used.cpu_known, used.cpu_seconds, \
           used.cpu_bounds, used.memory_anon_peak_bytes, used.exact, used.runs, used.position, \
           (select max(task.name) from run join task on task.id = run.task_id \
            where run.order_id = page.id and run.position = used.position) as running_task \
         from page left join used on used.order_id = page.id order by page.id desc"
    )
}

impl OrderSummary {
    fn read(row: &Row) -> Sql<Self> {
        let order = OrderRow::read(row)?;
        let row = Columns(row);
        let ended: Option<i64> = row.optional("ended")?;
        let is_known = ended.is_some_and(|n| n > 0) && ended == row.optional("cpu_known")?;
        let (runs, exact) = (row.optional::<i64>("runs")?, row.optional::<i64>("exact")?);
        let is_open = !order.status.is_final();
        let duration = order.ended_at.zip(order.started_at);
        Ok(Self {
            done: row.optional_count("done")?.unwrap_or(0),
            task: row.optional_word("running_task")?.filter(|_| is_open),
            position: row
                .optional_count("position")?
                .map(Position)
                .filter(|_| is_open),
            duration_seconds: duration.map(|(end, start)| end.seconds_since(start)),
            cpu_seconds: row.optional("cpu_seconds")?.filter(|_| is_known),
            cpu_lower_bound: row.optional::<i64>("cpu_bounds")?.is_some_and(|n| n > 0),
            memory_anon_peak_bytes: row.optional_count("memory_anon_peak_bytes")?,
            memory_anon_peak_exact: runs.is_some_and(|n| n > 0) && runs == exact,
            order,
        })
    }
}

impl Store {
    /// A page of orders, the newest number first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn summaries(&self, filter: &SummaryFilter) -> Result<Vec<OrderSummary>, Error> {
        let which = match (filter.status, &filter.name) {
            (None, None) => "id < $2",
            (Some(_), None) => "id < $2 and status = $3",
            (None, Some(_)) => "id < $2 and name like $3 escape '!'",
            (Some(_), Some(_)) => "id < $2 and status = $3 and name like $4 escape '!'",
        };
        let mut page = made(select(which), true)
            .bind(filter.limit)
            .bind(filter.before.unwrap_or(i64::MAX));
        if let Some(status) = filter.status {
            page = page.bind(status.as_str());
        }
        if let Some(name) = &filter.name {
            page = page.bind(pattern(name));
        }
        self.read_summaries(page).await
    }

    /// One order.
    ///
    /// # Errors
    /// What the database says.
    pub async fn summary(&self, name: &OrderId) -> Result<Option<OrderSummary>, Error> {
        let one = made(select("name = $2"), true).bind(1).bind(name.as_str());
        Ok(self.read_summaries(one).await?.pop())
    }

    /// The orders that somebody who watches must look at: those with a number above `after`, those
    /// that are under way, and those of `numbers`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn summaries_to_watch(
        &self,
        after: i64,
        numbers: &[i64],
    ) -> Result<Vec<OrderSummary>, Error> {
        let open = "(id > $2 or status in ('queued', 'running'))".to_owned();
        let which = if numbers.is_empty() {
            open
        } else {
            let list = (3..numbers.len() + 3).map(|n| format!("${n}"));
            format!(
                "({open} or id in ({}))",
                list.collect::<Vec<_>>().join(", ")
            )
        };
        let mut orders = made(select(&which), numbers.is_empty())
            .bind(i64::MAX)
            .bind(after);
        for number in numbers {
            orders = orders.bind(*number);
        }
        self.read_summaries(orders).await
    }

    /// The highest number of an order; 0 if there is none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn newest_order(&self) -> Result<i64, Error> {
        let newest = crate::database::sql("select coalesce(max(id), 0) as newest from orders");
        self.database
            .one(newest)
            .await
            .and_then(|row| row.get("newest"))
            .map_err(self.database.failed(READING))
    }

    async fn read_summaries(&self, statement: Statement) -> Result<Vec<OrderSummary>, Error> {
        self.database
            .all(statement)
            .await
            .and_then(|rows| rows.iter().map(OrderSummary::read).collect())
            .map_err(self.database.failed(READING))
    }
}

/// What `like` compares with: ids have small letters only, and one database heeds case, the other
/// doesn't.
fn pattern(part: &str) -> String {
    let mut pattern = String::from("%");
    for letter in part.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}
