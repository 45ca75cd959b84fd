//! Storing what was read from a topic, once.

use std::collections::{BTreeSet, HashMap};

use model::{AttemptKey, OrderUid, Run, Sample, Status, TaskName, Timestamp};

use crate::{
    Error, Store,
    columns::Sql,
    database::Connection,
    orders, run_rows,
    sample_rows::{self, SampleRow},
    statistics,
};

/// Records of one execution, in the order in which they were read, with the offsets that they came
/// from.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Which broker, so that a new one's offsets aren't taken for an old one's.
    pub bus: String,
    /// The topic.
    pub topic: String,
    /// The execution.
    pub order_uid: OrderUid,
    /// The offset that it begins at: what [`Store::offset`] said, or 0 or less if it said none.
    pub expected: i64,
    /// The offset that comes after it.
    pub next: i64,
    /// What was read.
    pub items: Vec<Item>,
}

/// One record.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "most are the large one")]
pub enum Item {
    /// A sample.
    Sample {
        /// Whose.
        key: AttemptKey,
        /// The task's name.
        task: TaskName,
        /// The sample.
        sample: Sample,
    },
    /// What is known of a run.
    Run {
        /// Whose.
        key: AttemptKey,
        /// The task's name.
        task: TaskName,
        /// The run.
        run: Run,
    },
    /// How the order stands; from STOP how it ended.
    Status {
        /// How it stands.
        status: Status,
        /// What a person should know of it.
        message: Option<String>,
        /// Since when.
        at: Timestamp,
        /// Whether every sample of it is stored with this batch.
        storing_complete: bool,
    },
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ingested {
    /// It is stored.
    Stored {
        /// Samples that are new.
        samples: u64,
        /// Samples that were there already.
        duplicates: u64,
    },
    /// Someone else has moved the offset; nothing of it is stored.
    Fenced {
        /// Where reading has to go on; -1 if no offset is stored.
        stored_next: i64,
    },
}

impl Item {
    fn key(&self) -> Option<AttemptKey> {
        match self {
            Self::Sample { key, .. } | Self::Run { key, .. } => Some(*key),
            Self::Status { .. } => None,
        }
    }
}

const STORING: &str = "storing a batch of samples and runs";

impl Store {
    /// Stores a batch with its offsets, all of it or nothing, unless someone else has moved the
    /// offset since. What is there already is left as it is and counted; how later messages about
    /// a run complete earlier ones stands in the module `merge`. The first sample or run sets the
    /// order running; a final status stays.
    ///
    /// # Errors
    /// [`Error::UnknownOrder`] if the execution isn't registered, [`Error::ForeignItem`], or what
    /// the database says; then nothing of it is stored.
    pub async fn ingest(&self, batch: &Batch) -> Result<Ingested, Error> {
        let failed = self.database.failed(STORING);
        let order_uid = batch.order_uid;
        let foreign = |key: &AttemptKey| key.order_uid != order_uid;
        if let Some(key) = batch.items.iter().filter_map(Item::key).find(foreign) {
            let found = key.order_uid;
            return Err(Error::ForeignItem { order_uid, found });
        }
        let mut transaction = self.database.begin().await.map_err(&failed)?;
        let Some(order) = orders::number(&mut transaction, order_uid)
            .await
            .map_err(&failed)?
        else {
            return Err(Error::UnknownOrder { order_uid });
        };
        if !advance(&mut transaction, batch).await.map_err(&failed)? {
            let stored = next_offset(&mut *transaction, &batch.bus, &batch.topic, order_uid)
                .await
                .map_err(&failed)?;
            return Ok(Ingested::Fenced {
                stored_next: stored.unwrap_or(-1),
            });
        }
        let samples = write(&mut transaction, order, &batch.items)
            .await
            .map_err(&failed)?;
        transaction.commit().await.map_err(&failed)?;
        let given = |item: &&Item| matches!(item, Item::Sample { .. });
        Ok(Ingested::Stored {
            samples,
            duplicates: batch.items.iter().filter(given).count() as u64 - samples,
        })
    }

    /// The offset of the next record to be stored, if any of the topic was.
    ///
    /// # Errors
    /// What the database says.
    pub async fn offset(
        &self,
        bus: &str,
        topic: &str,
        order_uid: OrderUid,
    ) -> Result<Option<i64>, Error> {
        next_offset(self.database.reader(), bus, topic, order_uid)
            .await
            .map_err(self.database.failed("reading the table ingest_offset"))
    }
}

async fn next_offset<'c>(
    executor: impl sqlx::Executor<'c, Database = crate::database::Db>,
    bus: &str,
    topic: &str,
    order_uid: OrderUid,
) -> Sql<Option<i64>> {
    sqlx::query_scalar(
        "select next_offset from ingest_offset where bus = $1 and topic = $2 and order_uid = $3",
    )
    .bind(bus)
    .bind(topic)
    .bind(order_uid.to_string())
    .fetch_optional(executor)
    .await
}

/// Moves the offset on, if it is the expected one. This comes first in the transaction, so that
/// of two consumers one waits here for the other, and then sees that it came too late.
async fn advance(connection: &mut Connection, batch: &Batch) -> Sql<bool> {
    let order_uid = batch.order_uid.to_string();
    let moved = sqlx::query(
        "update ingest_offset set next_offset = $5 \
         where bus = $1 and topic = $2 and order_uid = $3 and next_offset = $4",
    )
    .bind(&batch.bus)
    .bind(&batch.topic)
    .bind(&order_uid)
    .bind(batch.expected)
    .bind(batch.next)
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if moved == 1 || batch.expected > 0 {
        return Ok(moved == 1);
    }
    let made = sqlx::query(
        "insert into ingest_offset (bus, topic, order_uid, next_offset) values ($1, $2, $3, $4) \
         on conflict (bus, topic, order_uid) do nothing",
    )
    .bind(&batch.bus)
    .bind(&batch.topic)
    .bind(&order_uid)
    .bind(batch.next)
    .execute(connection)
    .await?
    .rows_affected();
    Ok(made == 1)
}

/// Writes the items; how many samples are new.
async fn write(connection: &mut Connection, order: i64, items: &[Item]) -> Sql<u64> {
    if let Some(at) = items.iter().find_map(began) {
        orders::begun(connection, order, at).await?;
    }
    let tasks = attempts(connection, order, items).await?;
    let rows: Vec<SampleRow<'_>> = items
        .iter()
        .filter_map(|item| match item {
            Item::Sample { key, task, sample } => Some(SampleRow {
                key: *key,
                task: tasks.get(task).copied().unwrap_or(0),
                sample,
            }),
            _ => None,
        })
        .collect();
    let new = sample_rows::insert(connection, order, &rows).await?;
    for item in items {
        match item {
            Item::Sample { .. } => {}
            Item::Run { key, run, .. } => {
                run_rows::add(connection, order, *key, run.clone()).await?;
            }
            Item::Status {
                status,
                message,
                at,
                storing_complete,
            } => {
                orders::stands(connection, order, *status, message.as_deref(), *at).await?;
                if *storing_complete {
                    orders::complete(connection, order).await?;
                }
            }
        }
    }
    for key in items.iter().filter_map(Item::key).collect::<BTreeSet<_>>() {
        statistics::refresh(connection, order, key).await?;
    }
    Ok(new)
}

/// When the order began, as far as an item tells.
fn began(item: &Item) -> Option<Timestamp> {
    match item {
        Item::Sample { sample, .. } => Some(sample.reading.time_us),
        Item::Run { run, .. } => run
            .started_at
            .or_else(|| run.end.as_ref().map(|e| e.ended_at)),
        Item::Status { .. } => None,
    }
}

/// Makes sure that every attempt of the batch has its row; the numbers of its tasks.
async fn attempts<'i>(
    connection: &mut Connection,
    order: i64,
    items: &'i [Item],
) -> Sql<HashMap<&'i TaskName, i64>> {
    let mut tasks = HashMap::new();
    let mut seen = BTreeSet::new();
    for item in items {
        let (Item::Sample { key, task, .. } | Item::Run { key, task, .. }) = item else {
            continue;
        };
        let number = match tasks.get(task) {
            Some(number) => *number,
            None => run_rows::task_number(connection, task).await?,
        };
        tasks.insert(task, number);
        if seen.insert(*key) {
            run_rows::known(connection, order, *key, number).await?;
        }
    }
    Ok(tasks)
}
