//! Writing samples to a server by COPY, in its binary form:
//! <https://www.postgresql.org/docs/current/sql-copy.html>.

use std::sync::LazyLock;

use model::Resource;
use sqlx::PgConnection;

use super::{insert::missed, samples::SampleRow};
use crate::{
    columns::{Sql, whole},
    database::Time,
};

/// What is sent at once, bytes.
const CHUNK: usize = 256 * 1024;
/// More than a row takes: per column its length and at most eight bytes.
const ROW: usize = 2 + COLUMNS as usize * 12;
/// Columns beside the resources: before them and after them.
const COLUMNS: i16 = 6 + Resource::COUNT as i16 + 3;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const END: i16 = -1;
const NULL: i32 = -1;

/// The columns in the order of the encoder.
static NAMES: LazyLock<String> = LazyLock::new(|| {
    let resources: Vec<_> = Resource::ALL.iter().map(|r| r.name()).collect();
    format!(
        "time, seq, order_id, task_id, position, attempt, {}, missed_before, cpu_lower_bound, is_final",
        resources.join(", ")
    )
});

/// Writes rows that are new, and fails if one isn't. How many there are.
pub(super) async fn copy(to: &mut PgConnection, rows: &[SampleRow<'_>]) -> Sql<u64> {
    send(to, "sample_wide", rows).await
}

/// Writes rows into another table of these columns; how many there are.
pub(super) async fn copy_to(
    to: &mut PgConnection,
    table: &str,
    rows: &[SampleRow<'_>],
) -> Sql<u64> {
    send(to, table, rows).await
}

/// What rows take in the form in which they are sent, bytes.
pub(crate) fn bytes(rows: &[SampleRow<'_>]) -> u64 {
    let mut buffer = Vec::with_capacity(ROW);
    let of_a_row = |row| {
        buffer.clear();
        encode(row, &mut buffer);
        buffer.len() as u64
    };
    rows.iter().map(of_a_row).sum()
}

/// Writes rows, some of which may be there already; how many are new.
pub(super) async fn merge(to: &mut PgConnection, rows: &[SampleRow<'_>]) -> Sql<u64> {
    sqlx::raw_sql(
        "create temp table if not exists podometer_incoming (like podometer.sample_wide) \
         on commit delete rows",
    )
    .execute(&mut *to)
    .await?;
    send(to, "pg_temp.podometer_incoming", rows).await?;
    let insert = format!(
        "insert into sample_wide ({0}) select {0} from pg_temp.podometer_incoming on conflict do nothing",
        *NAMES
    );
    Ok(sqlx::query(sqlx::AssertSqlSafe(insert))
        .execute(to)
        .await?
        .rows_affected())
}

async fn send(to: &mut PgConnection, table: &str, rows: &[SampleRow<'_>]) -> Sql<u64> {
    let copy = format!("copy {table} ({}) from stdin (format binary)", *NAMES);
    let mut copy = to.copy_in_raw(&copy).await?;
    let mut buffer = Vec::with_capacity(CHUNK + ROW);
    buffer.extend_from_slice(SIGNATURE);
    for row in rows {
        encode(row, &mut buffer);
        if buffer.len() >= CHUNK {
            copy.send(buffer.as_slice()).await?;
            buffer.clear();
        }
    }
    buffer.extend_from_slice(&END.to_be_bytes());
    copy.send(buffer.as_slice()).await?;
    copy.finish().await
}

/// A row is put together in one piece: the buffer is then looked at once a row, not twice a value.
fn encode(row: &SampleRow<'_>, to: &mut Vec<u8>) {
    let reading = &row.sample.reading;
    let mut bytes = Row::new();
    bytes.put(COLUMNS.to_be_bytes());
    bytes.field(Time(reading.time_us).since_2000().to_be_bytes());
    bytes.field(whole(reading.seq).to_be_bytes());
    // The numbers are given by columns of this width, and the counts were checked.
    let key = &row.key;
    for number in [
        row.order,
        row.task,
        i64::from(key.position.0),
        i64::from(key.attempt.0),
    ] {
        bytes.field((number as i32).to_be_bytes());
    }
    for resource in Resource::ALL {
        match row.sample.values.get(*resource) {
            Some(value) => bytes.field(value.to_be_bytes()),
            None => bytes.put(NULL.to_be_bytes()),
        }
    }
    bytes.field(missed(row).to_be_bytes());
    bytes.field([u8::from(reading.cpu_lower_bound)]);
    bytes.field([u8::from(reading.is_final)]);
    to.extend_from_slice(&bytes.bytes[..bytes.length]);
}

/// The bytes of a row.
struct Row {
    bytes: [u8; ROW],
    length: usize,
}

impl Row {
    fn new() -> Self {
        Self {
            bytes: [0; ROW],
            length: 0,
        }
    }

    #[inline]
    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        self.bytes[self.length..self.length + N].copy_from_slice(&bytes);
        self.length += N;
    }

    /// A value with its length before it.
    #[inline]
    fn field<const N: usize>(&mut self, bytes: [u8; N]) {
        self.put((N as i32).to_be_bytes());
        self.put(bytes);
    }
}
