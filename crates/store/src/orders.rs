//! Orders: taking an id, looking them up, ending them, forgetting them.

use model::{OrderId, OrderUid, Status, Timestamp, attempt::Launcher};
use serde::{Serialize, Serializer};
use sqlx::AssertSqlSafe;

use crate::{
    Error, Store,
    columns::{Columns, Sql},
    database::{Connection, Row, Time},
};

/// An order that is about to be known.
#[derive(Debug, Clone, PartialEq)]
pub struct NewOrder {
    /// The id that is asked for.
    pub wanted: OrderId,
    /// Whether the next free id will do if that one is taken.
    pub again: bool,
    /// The execution.
    pub order_uid: OrderUid,
    /// What starts its tasks.
    pub launcher: Launcher,
    /// Now.
    pub created_at: Timestamp,
    /// Its input: a path, or text.
    pub input: Option<String>,
    /// The order as it was loaded, JSON.
    pub definition: String,
    /// How many tasks it has.
    pub tasks: u32,
    /// Who takes it through its tasks, so that it can be found out whether they still live.
    pub owner: String,
}

/// An order as it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OrderRow {
    /// The number that its samples and runs carry.
    #[serde(skip)]
    pub id: i64,
    /// The id that people use.
    #[serde(rename = "id")]
    pub name: OrderId,
    /// The execution.
    pub order_uid: OrderUid,
    /// How it stands.
    pub status: Status,
    /// What a person should know of its end.
    pub message: Option<String>,
    /// When it was registered.
    #[serde(serialize_with = "rfc3339")]
    pub created_at: Timestamp,
    /// When its first task started.
    #[serde(serialize_with = "optional_rfc3339")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(serialize_with = "optional_rfc3339")]
    pub ended_at: Option<Timestamp>,
    /// What starts its tasks.
    pub launcher: Launcher,
    /// Its input: a path, or text.
    pub input: Option<String>,
    /// The order as it was loaded, JSON.
    #[serde(skip)]
    pub definition: String,
    /// How many tasks it has.
    pub tasks: u32,
    /// Whether every sample of it is stored.
    pub storing_complete: bool,
    /// Who takes it through its tasks.
    #[serde(skip)]
    pub owner: String,
}

/// Which orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OrderFilter {
    /// Only those that stand so.
    pub status: Option<Status>,
    /// At most so many.
    pub limit: Option<u32>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
pub(crate) fn rfc3339<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(time)
}

#[allow(clippy::ref_option, reason = "serde calls it so")]
pub(crate) fn optional_rfc3339<S: Serializer>(
    time: &Option<Timestamp>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => to.collect_str(time),
        None => to.serialize_none(),
    }
}

impl OrderRow {
    fn read(row: &Row) -> Sql<Self> {
        let row = Columns(row);
        Ok(Self {
            id: row.get("id")?,
            name: row.word("name")?,
            order_uid: row.word("order_uid")?,
            status: row.word("status")?,
            message: row.get("message")?,
            created_at: row.time("created_at")?,
            started_at: row.optional_time("started_at")?,
            ended_at: row.optional_time("ended_at")?,
            launcher: match row.get("launcher")? {
                "kubernetes" => Launcher::Kubernetes,
                _ => Launcher::Local,
            },
            input: row.get("input")?,
            definition: row.get("definition")?,
            tasks: row.count("tasks")?,
            storing_complete: row.get("storing_complete")?,
            owner: row.get("owner")?,
        })
    }
}

const READING: &str = "reading the table orders";
const WRITING: &str = "writing the table orders";

const INSERT: &str = "insert into orders \
    (name, order_uid, status, created_at, launcher, input, definition, tasks, owner) \
    values ($1, $2, 'queued', $3, $4, $5, $6, $7, $8) on conflict (name) do nothing";

impl Store {
    /// Makes an order known under the id that it asks for, or, if that is taken and `again` is
    /// set, under the next free one (`leaf-1-2`, `leaf-1-3`, ...). Whoever comes first has it, also
    /// among processes.
    ///
    /// # Errors
    /// [`Error::Exists`] if the id is taken and `again` isn't set.
    pub async fn register(&self, order: NewOrder) -> Result<OrderId, Error> {
        let failed = self.database.failed(WRITING);
        let mut transaction = self.database.begin().await.map_err(&failed)?;
        let mut name = order.wanted.clone();
        let mut number = 1;
        while !insert(&mut transaction, &name, &order)
            .await
            .map_err(&failed)?
        {
            if !order.again {
                return Err(Error::Exists { order: name });
            }
            number += 1;
            name = order.wanted.numbered(number);
        }
        transaction.commit().await.map_err(&failed)?;
        Ok(name)
    }

    /// The orders, newest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn orders(&self, filter: OrderFilter) -> Result<Vec<OrderRow>, Error> {
        let rows = match filter.status {
            Some(status) => sqlx::query(
                "select * from orders where status = $2 order by created_at desc, id desc limit $1",
            )
            .bind(filter.limit.map_or(i64::MAX, i64::from))
            .bind(status.as_str()),
            None => sqlx::query("select * from orders order by created_at desc, id desc limit $1")
                .bind(filter.limit.map_or(i64::MAX, i64::from)),
        }
        .fetch_all(self.database.reader())
        .await
        .and_then(|rows| rows.iter().map(OrderRow::read).collect());
        rows.map_err(self.database.failed(READING))
    }

    /// The order of that id.
    ///
    /// # Errors
    /// What the database says.
    pub async fn order(&self, name: &OrderId) -> Result<Option<OrderRow>, Error> {
        self.order_where("name", name.to_string()).await
    }

    /// The order of that execution.
    ///
    /// # Errors
    /// What the database says.
    pub async fn order_by_uid(&self, order_uid: OrderUid) -> Result<Option<OrderRow>, Error> {
        self.order_where("order_uid", order_uid.to_string()).await
    }

    async fn order_where(&self, column: &str, value: String) -> Result<Option<OrderRow>, Error> {
        sqlx::query(AssertSqlSafe(format!(
            "select * from orders where {column} = $1"
        )))
        .bind(value)
        .fetch_optional(self.database.reader())
        .await
        .and_then(|row| row.as_ref().map(OrderRow::read).transpose())
        .map_err(self.database.failed(READING))
    }

    /// The orders that are queued or running, oldest first, so that those can be found whose owner
    /// is gone.
    ///
    /// # Errors
    /// What the database says.
    pub async fn unfinished(&self) -> Result<Vec<OrderRow>, Error> {
        sqlx::query("select * from orders where status in ('queued', 'running') order by id")
            .fetch_all(self.database.reader())
            .await
            .and_then(|rows| rows.iter().map(OrderRow::read).collect())
            .map_err(self.database.failed(READING))
    }

    /// Notes how an order stands, for one that never reached the monitors. A final status stays.
    /// Says whether anything changed.
    ///
    /// # Errors
    /// What the database says.
    pub async fn set_status(
        &self,
        order_uid: OrderUid,
        status: Status,
        message: Option<&str>,
        at: Timestamp,
    ) -> Result<bool, Error> {
        let failed = self.database.failed(WRITING);
        let mut transaction = self.database.begin().await.map_err(&failed)?;
        let Some(id) = number(&mut transaction, order_uid).await.map_err(&failed)? else {
            return Err(Error::UnknownOrder { order_uid });
        };
        let changed = stands(&mut transaction, id, status, message, at)
            .await
            .map_err(&failed)?;
        transaction.commit().await.map_err(&failed)?;
        Ok(changed)
    }
}

async fn insert(connection: &mut Connection, name: &OrderId, order: &NewOrder) -> Sql<bool> {
    let done = sqlx::query(INSERT)
        .bind(name.as_str())
        .bind(order.order_uid.to_string())
        .bind(Time(order.created_at))
        .bind(order.launcher.as_str())
        .bind(order.input.as_deref())
        .bind(order.definition.as_str())
        .bind(i64::from(order.tasks))
        .bind(order.owner.as_str())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The number of an execution.
pub(crate) async fn number(connection: &mut Connection, order_uid: OrderUid) -> Sql<Option<i64>> {
    sqlx::query_scalar("select id from orders where order_uid = $1")
        .bind(order_uid.to_string())
        .fetch_optional(connection)
        .await
}

/// Its first task started.
pub(crate) async fn begun(connection: &mut Connection, id: i64, at: Timestamp) -> Sql<()> {
    sqlx::query(
        "update orders set status = 'running', started_at = coalesce(started_at, $2) \
         where id = $1 and status = 'queued'",
    )
    .bind(id)
    .bind(Time(at))
    .execute(connection)
    .await
    .map(drop)
}

/// It stands so from now on, unless it has ended.
pub(crate) async fn stands(
    connection: &mut Connection,
    id: i64,
    status: Status,
    message: Option<&str>,
    at: Timestamp,
) -> Sql<bool> {
    let sql = match status {
        Status::Queued => return Ok(false),
        Status::Running => {
            "update orders set status = $2, message = $3, started_at = coalesce(started_at, $4) \
             where id = $1 and status = 'queued'"
        }
        Status::Succeeded | Status::Failed | Status::Terminated => {
            "update orders set status = $2, message = $3, ended_at = $4 \
             where id = $1 and status in ('queued', 'running')"
        }
    };
    let done = sqlx::query(sql)
        .bind(id)
        .bind(status.as_str())
        .bind(message)
        .bind(Time(at))
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Every sample of it is stored.
pub(crate) async fn complete(connection: &mut Connection, id: i64) -> Sql<()> {
    sqlx::query("update orders set storing_complete = true where id = $1")
        .bind(id)
        .execute(connection)
        .await
        .map(drop)
}
