//! Reading samples.

use std::sync::LazyLock;

use model::{Attempt, OrderId, OrderUid, Position, Resource, Timestamp, Values};

use crate::{
    Error, Span, Store,
    columns::Sql,
    database::{Cell, Row, Statement, sql},
};

/// A sample as it is stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StoredSample {
    /// When it was taken.
    pub time: Timestamp,
    /// Its sequence number within the attempt.
    pub seq: u64,
    /// The values.
    pub values: Values,
    /// What should be known of them.
    pub flags: SampleFlags,
}

/// What should be known of a sample's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SampleFlags {
    /// Whether more processor time may have been used.
    pub cpu_lower_bound: bool,
    /// Whether it was taken after the command's end.
    pub is_final: bool,
    /// How many readings right before it were missed.
    pub missed_before: u64,
}

pub(crate) const READING: &str = "reading the table sample_wide";
/// Rows that are held at once where all are gone through.
pub(crate) const PAGE: u32 = 8192;

/// The columns in the order in which [`StoredSample::read`] takes them: by place, because a look-up
/// by name, 25 times a row, costs as much as the rest of reading.
pub(crate) static COLUMNS: LazyLock<String> = LazyLock::new(|| {
    let resources: Vec<_> = Resource::ALL.iter().map(|r| r.name()).collect();
    format!(
        "time, seq, task_id, cpu_lower_bound, is_final, missed_before, {}",
        resources.join(", ")
    )
});

/// How far the reading of an attempt's samples has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    time: Timestamp,
    seq: i64,
    task: i64,
}

impl Place {
    /// Before all samples.
    pub(crate) const START: Self = Self {
        time: Timestamp(i64::MIN),
        seq: -1,
        task: -1,
    };

    /// That of a row.
    pub(crate) fn of(row: &Row) -> Sql<Self> {
        Ok(Self {
            time: row.get("time")?,
            seq: row.get("seq")?,
            task: row.get("task_id")?,
        })
    }

    /// Binds the parameters from `$4` on of a statement made by [`following`].
    pub(crate) fn bind(self, page: Statement, limit: u32) -> Statement {
        page.bind(self.time)
            .bind(self.task)
            .bind(self.seq)
            .bind(limit)
    }
}

/// The statement that reads the samples that follow a [`Place`], of the order that `order` finds by
/// `$1`, the position `$2` and the attempt `$3`. The bounds (`and time ...`) may use `$8` and `$9`.
///
/// Each database reads them in the order of the key that it has: a file by their sequence numbers,
/// a server by time. An attempt's clock never goes back, so that is the same order. The order of the
/// server's columns is that of its key, whose other parts are given.
pub(crate) fn following(columns: &str, order: &str, bounds: &str, is_server: bool) -> String {
    let place = if is_server {
        "time >= $4 and (time, task_id, seq) > ($4, $5, $6) order by time, task_id, seq"
    } else {
        "(seq, time, task_id) > ($6, $4, $5) order by seq, time, task_id"
    };
    format!(
        "select {columns} from sample_wide \
         where order_id = {order} and position = $2 and attempt = $3 {bounds} and {place} limit $7"
    )
}

impl StoredSample {
    pub(crate) fn read(row: &Row) -> Sql<Self> {
        let mut values = Values::default();
        for (place, resource) in (6..).zip(Resource::ALL) {
            values.set(*resource, f64::of(row, place)?);
        }
        Ok(Self {
            time: row.get(0)?,
            seq: row.get::<i64>(1)? as u64,
            values,
            flags: SampleFlags {
                cpu_lower_bound: row.get(3)?,
                is_final: row.get(4)?,
                missed_before: row.get::<i64>(5)? as u64,
            },
        })
    }
}

impl Store {
    /// The samples of an attempt in the order of their sequence numbers.
    ///
    /// # Errors
    /// What the database says.
    pub async fn samples(
        &self,
        order: &OrderId,
        position: Position,
        attempt: Attempt,
    ) -> Result<Vec<StoredSample>, Error> {
        let mut samples = Vec::new();
        self.each_sample(order, position, attempt, |sample| samples.push(sample))
            .await?;
        Ok(samples)
    }

    /// Goes through the samples of an attempt in the order of their sequence numbers, with a
    /// bounded number of them in memory. How many there were.
    ///
    /// # Errors
    /// What the database says.
    pub async fn each_sample(
        &self,
        order: &OrderId,
        position: Position,
        attempt: Attempt,
        mut take: impl FnMut(StoredSample),
    ) -> Result<u64, Error> {
        let mut count = 0;
        let mut pages = self
            .sample_pages(order, position, attempt, Span::ALL, PAGE)
            .await?;
        while let Some(page) = pages.next().await? {
            count += page.len() as u64;
            page.into_iter().for_each(&mut take);
        }
        Ok(count)
    }

    /// Between which instants the samples of a run lie, if it has ended: so the server looks into
    /// those chunks only, of which there may be thousands.
    pub(crate) async fn between(
        &self,
        order: &OrderId,
        position: Position,
        attempt: Attempt,
    ) -> Sql<Option<(Timestamp, Timestamp)>> {
        if !self.database.is_server() {
            return Ok(None);
        }
        let run = sql("select first_sample_at, last_sample_at from run \
             where order_id = (select id from orders where name = $1) \
             and position = $2 and attempt = $3")
        .bind(order.as_str())
        .bind(position.0)
        .bind(attempt.0);
        let Some(row) = self.database.optional(run).await? else {
            return Ok(None);
        };
        let first = row.optional("first_sample_at")?;
        Ok(first.zip(row.optional("last_sample_at")?))
    }

    /// How many samples of an execution are stored.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sample_count(&self, order_uid: OrderUid) -> Result<u64, Error> {
        let count = sql("select count(*) as count from sample_wide \
             where order_id = (select id from orders where order_uid = $1)")
        .bind(order_uid.to_string());
        self.database
            .one(count)
            .await
            .and_then(|row| row.get::<i64>("count"))
            .map(|count| count as u64)
            .map_err(self.database.failed(READING))
    }
}
