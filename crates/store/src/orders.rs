//! Orders: taking an id, looking them up, ending them, forgetting them.

use model::{OrderId, OrderUid, Status, Timestamp, attempt::Launcher};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    Error, Store,
    columns::{Columns, Sql},
    database::{Row, Statement, Transaction, sql},
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub created_at: Timestamp,
    /// When its first task started.
    #[serde(
        serialize_with = "optional_rfc3339",
        deserialize_with = "from_optional_rfc3339"
    )]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(
        serialize_with = "optional_rfc3339",
        deserialize_with = "from_optional_rfc3339"
    )]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub ended_at: Option<Timestamp>,
    /// What starts its tasks; `None` while nobody has registered it.
    pub launcher: Option<Launcher>,
    /// Its input: a path, or text.
    pub input: Option<String>,
    /// The order as it was loaded, JSON; `{}` while nobody has registered it.
    #[serde(skip)]
    pub definition: String,
    /// How many tasks it has; `None` while nobody has registered it.
    pub tasks: Option<u32>,
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

pub(crate) fn from_rfc3339<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(D::Error::custom)
}

pub(crate) fn from_optional_rfc3339<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| text.parse().map_err(D::Error::custom))
        .transpose()
}

impl OrderRow {
    pub(crate) fn read(row: &Row) -> Sql<Self> {
        let row = Columns(row);
        Ok(Self {
            id: row.get("id")?,
            name: row.word("name")?,
            order_uid: row.word("order_uid")?,
            status: row.word("status")?,
            message: row.optional("message")?,
            created_at: row.time("created_at")?,
            started_at: row.optional_time("started_at")?,
            ended_at: row.optional_time("ended_at")?,
            launcher: launcher(&row.get::<String>("launcher")?),
            input: row.optional("input")?,
            definition: row.get("definition")?,
            // An order has at least one task.
            tasks: Some(row.count("tasks")?).filter(|tasks| *tasks > 0),
            storing_complete: row.get("storing_complete")?,
            owner: row.get("owner")?,
        })
    }
}

pub(crate) const READING: &str = "reading the table orders";
const WRITING: &str = "writing the table orders";

/// What stands for the launcher of an order that nobody has registered.
const UNKNOWN: &str = "unknown";

fn launcher(word: &str) -> Option<Launcher> {
    [Launcher::Local, Launcher::Kubernetes]
        .into_iter()
        .find(|known| known.as_str() == word)
}

impl Store {
    /// Makes an order known under the id that it asks for, or, if that is taken and `again` is
    /// set, under the next free one (`leaf-1-2`, `leaf-1-3`, ...). Whoever comes first has it, also
    /// among processes. If samples of the execution came before it, it keeps the id that it got then.
    ///
    /// # Errors
    /// [`Error::Exists`] if the id is taken and `again` isn't set.
    pub async fn register(&self, order: NewOrder) -> Result<OrderId, Error> {
        let failed = self.database.failed(WRITING);
        let mut transaction = self.database.begin().await.map_err(&failed)?;
        if let Some(name) = adopt(&mut transaction, &order).await.map_err(&failed)? {
            transaction.commit().await.map_err(&failed)?;
            return Ok(name);
        }
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
        let limit = filter.limit.map_or(i64::MAX, i64::from);
        let orders = match filter.status {
            Some(status) => sql(
                "select * from orders where status = $2 order by created_at desc, id desc limit $1",
            )
            .bind(limit)
            .bind(status.as_str()),
            None => {
                sql("select * from orders order by created_at desc, id desc limit $1").bind(limit)
            }
        };
        self.read_orders(orders).await
    }

    async fn read_orders(&self, orders: Statement) -> Result<Vec<OrderRow>, Error> {
        self.database
            .all(orders)
            .await
            .and_then(|rows| rows.iter().map(OrderRow::read).collect())
            .map_err(self.database.failed(READING))
    }

    /// The order of that id.
    ///
    /// # Errors
    /// What the database says.
    pub async fn order(&self, name: &OrderId) -> Result<Option<OrderRow>, Error> {
        let order = sql("select * from orders where name = $1").bind(name.as_str());
        Ok(self.read_orders(order).await?.pop())
    }

    /// The order of that execution.
    ///
    /// # Errors
    /// What the database says.
    pub async fn order_by_uid(&self, order_uid: OrderUid) -> Result<Option<OrderRow>, Error> {
        let order = sql("select * from orders where order_uid = $1").bind(order_uid.to_string());
        Ok(self.read_orders(order).await?.pop())
    }

    /// The orders that are queued or running, oldest first, so that those can be found whose owner
    /// is gone.
    ///
    /// # Errors
    /// What the database says.
    pub async fn unfinished(&self) -> Result<Vec<OrderRow>, Error> {
        let open = "select * from orders where status in ('queued', 'running') order by id";
        self.read_orders(sql(open)).await
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

/// Completes an order that was made known by its samples; its id.
async fn adopt(to: &mut Transaction, order: &NewOrder) -> Sql<Option<OrderId>> {
    let update = sql(
        "update orders set created_at = $2, launcher = $3, input = $4, definition = $5, \
         tasks = $6, owner = $7 where order_uid = $1 and launcher = $8 returning name",
    )
    .bind(order.order_uid.to_string())
    .bind(order.created_at)
    .bind(order.launcher.as_str())
    .bind(order.input.as_deref())
    .bind(order.definition.as_str())
    .bind(order.tasks)
    .bind(order.owner.as_str())
    .bind(UNKNOWN);
    let row = to.optional(update).await?;
    row.map(|row| Columns(&row).word("name")).transpose()
}

async fn insert(to: &mut Transaction, name: &OrderId, order: &NewOrder) -> Sql<bool> {
    let insert = sql("insert into orders \
         (name, order_uid, status, created_at, launcher, input, definition, tasks, owner) \
         values ($1, $2, 'queued', $3, $4, $5, $6, $7, $8) on conflict (name) do nothing")
    .bind(name.as_str())
    .bind(order.order_uid.to_string())
    .bind(order.created_at)
    .bind(order.launcher.as_str())
    .bind(order.input.as_deref())
    .bind(order.definition.as_str())
    .bind(order.tasks)
    .bind(order.owner.as_str());
    Ok(to.execute(insert).await? == 1)
}

/// The number of an execution; one that isn't known becomes known under the id that came with it,
/// or the next free one. So a store that was put back to before its registration still takes its
/// rows.
pub(crate) async fn number_or_new(
    to: &mut Transaction,
    order_uid: OrderUid,
    wanted: &OrderId,
    seen_at: Timestamp,
) -> Sql<i64> {
    let mut name = wanted.clone();
    let mut next = 1;
    loop {
        if let Some(number) = number(to, order_uid).await? {
            return Ok(number);
        }
        let insert = sql("insert into orders \
             (name, order_uid, status, created_at, launcher, definition, tasks, owner) \
             values ($1, $2, 'queued', $3, $4, '{}', 0, '') on conflict do nothing")
        .bind(name.as_str())
        .bind(order_uid.to_string())
        .bind(created_at(order_uid).unwrap_or(seen_at))
        .bind(UNKNOWN);
        to.execute(insert).await?;
        next += 1;
        name = wanted.numbered(next);
    }
}

/// An execution's number of version 7 says when it was made, to the millisecond.
fn created_at(order_uid: OrderUid) -> Option<Timestamp> {
    let (seconds, nanos) = order_uid.0.get_timestamp()?.to_unix();
    let us = i64::try_from(seconds).ok()?.checked_mul(1_000_000)?;
    Some(Timestamp(us + i64::from(nanos / 1000)))
}

/// The number of an execution.
pub(crate) async fn number(to: &mut Transaction, order_uid: OrderUid) -> Sql<Option<i64>> {
    let number = sql("select id from orders where order_uid = $1").bind(order_uid.to_string());
    let row = to.optional(number).await?;
    row.map(|row| row.get("id")).transpose()
}

/// Its first task started.
pub(crate) async fn begun(to: &mut Transaction, id: i64, at: Timestamp) -> Sql<()> {
    let update = sql(
        "update orders set status = 'running', started_at = coalesce(started_at, $2) \
         where id = $1 and status = 'queued'",
    )
    .bind(id)
    .bind(at);
    to.execute(update).await.map(drop)
}

/// It stands so from now on, unless it has ended.
pub(crate) async fn stands(
    to: &mut Transaction,
    id: i64,
    status: Status,
    message: Option<&str>,
    at: Timestamp,
) -> Sql<bool> {
    let text = match status {
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
    let update = sql(text)
        .bind(id)
        .bind(status.as_str())
        .bind(message)
        .bind(at);
    Ok(to.execute(update).await? == 1)
}

/// Every sample of it is stored.
pub(crate) async fn complete(to: &mut Transaction, id: i64) -> Sql<()> {
    let update = sql("update orders set storing_complete = true where id = $1").bind(id);
    to.execute(update).await.map(drop)
}
