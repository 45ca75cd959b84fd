//! Reading samples.

use std::sync::LazyLock;

use model::{Attempt, OrderId, OrderUid, Position, Resource, Timestamp, Values};

use sqlx::{AssertSqlSafe, Row as _, SqlSafeStr, SqlStr};

use crate::{
    Error, Store,
    columns::{Sql, whole},
    database::{Row, Time},
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

const READING: &str = "reading the table sample_wide";
/// Rows that are held at once where all are gone through.
pub(crate) const PAGE: u32 = 8192;

/// The columns in the order in which [`StoredSample::read`] takes them: by place, because a look-up
/// by name, 25 times a row, costs as much as the rest of reading.
static PAGE_OF: LazyLock<SqlStr> = LazyLock::new(|| {
    let resources: Vec<_> = Resource::ALL.iter().map(|r| r.name()).collect();
    AssertSqlSafe(format!(
        "select time, seq, cpu_lower_bound, is_final, missed_before, {} from sample_wide \
         where order_id = (select id from orders where name = $1) \
         and position = $2 and attempt = $3 and (seq, time) > ($4, $5) \
         order by seq, time limit $6",
        resources.join(", ")
    ))
    .into_sql_str()
});

impl StoredSample {
    fn read(row: &Row) -> Sql<Self> {
        let mut values = Values::default();
        for (place, resource) in (5..).zip(Resource::ALL) {
            values.set(*resource, row.try_get(place)?);
        }
        Ok(Self {
            time: row.try_get::<Time, _>(0)?.0,
            seq: row.try_get::<i64, _>(1)? as u64,
            values,
            flags: SampleFlags {
                cpu_lower_bound: row.try_get(2)?,
                is_final: row.try_get(3)?,
                missed_before: row.try_get::<i64, _>(4)? as u64,
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
        let mut after = (-1, Timestamp(i64::MIN));
        loop {
            let page = self.page(order, position, attempt, after).await?;
            let Some(last) = page.last() else {
                return Ok(count);
            };
            after = (whole(last.seq), last.time);
            count += page.len() as u64;
            page.into_iter().for_each(&mut take);
        }
    }

    async fn page(
        &self,
        order: &OrderId,
        position: Position,
        attempt: Attempt,
        after: (i64, Timestamp),
    ) -> Result<Vec<StoredSample>, Error> {
        sqlx::query(PAGE_OF.clone())
            .bind(order.as_str())
            .bind(i64::from(position.0))
            .bind(i64::from(attempt.0))
            .bind(after.0)
            .bind(Time(after.1))
            .bind(i64::from(PAGE))
            .fetch_all(self.database.reader())
            .await
            .and_then(|rows| rows.iter().map(StoredSample::read).collect())
            .map_err(self.database.failed(READING))
    }

    /// How many samples of an execution are stored.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sample_count(&self, order_uid: OrderUid) -> Result<u64, Error> {
        sqlx::query_scalar::<_, i64>(
            "select count(*) from sample_wide \
             where order_id = (select id from orders where order_uid = $1)",
        )
        .bind(order_uid.to_string())
        .fetch_one(self.database.reader())
        .await
        .map(|count| count as u64)
        .map_err(self.database.failed(READING))
    }
}
