//! Writing samples into a file, many rows to a statement.

use std::sync::LazyLock;

use model::Resource;
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use super::samples::SampleRow;
use crate::{
    columns::{Sql, whole},
    database::{Statement, Transaction, places, prepared},
};

/// Rows to a statement; each size is a prepared statement of its own.
const SIZES: [usize; 4] = [128, 16, 4, 1];
/// Columns beside the resources.
const OTHERS: usize = 9;

static STATEMENTS: LazyLock<[SqlStr; SIZES.len()]> = LazyLock::new(|| {
    SIZES.map(|rows| {
        // Parameters without names are bound without being looked for.
        let row = format!("({})", vec!["?"; OTHERS + Resource::COUNT].join(", "));
        statement(&vec![row; rows].join(", "))
    })
});

static ONE: LazyLock<SqlStr> = LazyLock::new(|| statement(&places(1, OTHERS + Resource::COUNT)));

fn statement(rows: &str) -> SqlStr {
    let names: Vec<_> = Resource::ALL.iter().map(|r| r.name()).collect();
    AssertSqlSafe(format!(
        "insert into sample_wide (order_id, task_id, position, attempt, seq, time, \
         cpu_lower_bound, is_final, missed_before, {}) values {rows} on conflict do nothing",
        names.join(", "),
    ))
    .into_sql_str()
}

/// Writes the rows; one that is there already is left as it is. How many are new.
pub(super) async fn insert(to: &mut Transaction, mut rows: &[SampleRow<'_>]) -> Sql<u64> {
    let mut new = 0;
    for (size, text) in SIZES.into_iter().zip(STATEMENTS.iter()) {
        while let Some((some, rest)) = rows.split_at_checked(size) {
            new += to
                .execute(some.iter().fold(prepared(text.clone()), bind))
                .await?;
            rows = rest;
        }
    }
    Ok(new)
}

/// Writes one row into either database; whether it is new.
pub(super) async fn insert_one(to: &mut Transaction, row: &SampleRow<'_>) -> Sql<bool> {
    Ok(to.execute(bind(prepared(ONE.clone()), row)).await? == 1)
}

fn bind(to: Statement, row: &SampleRow<'_>) -> Statement {
    let reading = &row.sample.reading;
    let to = to
        .bind(row.order)
        .bind(row.task)
        .bind(row.key.position.0)
        .bind(row.key.attempt.0)
        .bind(whole(reading.seq))
        .bind(reading.time_us)
        .bind(reading.cpu_lower_bound)
        .bind(reading.is_final)
        .bind(missed(row));
    let values = &row.sample.values;
    Resource::ALL
        .iter()
        .fold(to, |to, resource| to.bind(values.get(*resource)))
}

/// How many readings were missed before it, as far as the narrower column reaches.
pub(super) fn missed(row: &SampleRow<'_>) -> i32 {
    i32::try_from(row.sample.missed_before).unwrap_or(i32::MAX)
}
