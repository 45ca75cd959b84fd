//! Writing samples, many rows to a statement.

use std::sync::LazyLock;

use model::{AttemptKey, Resource, Sample};
use sqlx::{Arguments, AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::{
    columns::{Sql, whole},
    database::{Connection, Db, Time},
};

/// A sample with the numbers that its row carries.
pub(crate) struct SampleRow<'a> {
    pub(crate) key: AttemptKey,
    pub(crate) task: i64,
    pub(crate) sample: &'a Sample,
}

/// Rows to a statement; each size is a prepared statement of its own.
const SIZES: [usize; 4] = [128, 16, 4, 1];
/// Columns beside the resources.
const OTHERS: usize = 9;

static STATEMENTS: LazyLock<[SqlStr; SIZES.len()]> = LazyLock::new(|| SIZES.map(statement));

fn statement(rows: usize) -> SqlStr {
    let names: Vec<_> = Resource::ALL.iter().map(|r| r.name()).collect();
    let row = format!("({})", vec!["?"; OTHERS + Resource::COUNT].join(", "));
    AssertSqlSafe(format!(
        "insert into sample_wide (order_id, task_id, position, attempt, seq, time, \
         cpu_lower_bound, is_final, missed_before, {}) values {} on conflict do nothing",
        names.join(", "),
        vec![row; rows].join(", ")
    ))
    .into_sql_str()
}

/// Writes the rows; one that is there already is left as it is. How many are new.
pub(crate) async fn insert(
    connection: &mut Connection,
    order: i64,
    mut rows: &[SampleRow<'_>],
) -> Sql<u64> {
    let mut new = 0;
    for (size, sql) in SIZES.into_iter().zip(STATEMENTS.iter()) {
        while let Some((chunk, rest)) = rows.split_at_checked(size) {
            let arguments = arguments(order, chunk).map_err(sqlx::Error::Encode)?;
            new += sqlx::query_with::<Db, _>(sql.clone(), arguments)
                .execute(&mut *connection)
                .await?
                .rows_affected();
            rows = rest;
        }
    }
    Ok(new)
}

fn arguments(
    order: i64,
    rows: &[SampleRow<'_>],
) -> Result<<Db as sqlx::Database>::Arguments, sqlx::error::BoxDynError> {
    let mut to = <Db as sqlx::Database>::Arguments::default();
    to.reserve(rows.len() * (OTHERS + Resource::COUNT), 0);
    for row in rows {
        let reading = &row.sample.reading;
        to.add(order)?;
        to.add(row.task)?;
        to.add(i64::from(row.key.position.0))?;
        to.add(i64::from(row.key.attempt.0))?;
        to.add(whole(reading.seq))?;
        to.add(Time(reading.time_us))?;
        to.add(reading.cpu_lower_bound)?;
        to.add(reading.is_final)?;
        to.add(whole(row.sample.missed_before))?;
        for resource in Resource::ALL {
            to.add(row.sample.values.get(*resource))?;
        }
    }
    Ok(to)
}
