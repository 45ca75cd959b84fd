//! Offsets: locked and compared at a batch's beginning, moved at its end.
//!
//! Of two consumers of a log one waits here for the other, and then sees that it came too late.

use std::collections::{HashMap, HashSet};

use super::{Advance, Log};
use crate::{
    columns::{Columns, Sql},
    database::{Row, Statement, Transaction, made, places},
};

/// Logs to a statement.
const ROWS: usize = 256;

pub(super) fn chunks<T>(logs: &[T]) -> impl Iterator<Item = &[T]> {
    logs.chunks(ROWS)
}

/// Reads the offsets of logs; `locking` is what follows the statement.
pub(super) fn select(logs: &[Log], locking: &str) -> Statement {
    let text = format!(
        "select bus, topic, partition, generation, next_offset from ingest_offset \
         where (bus, topic, partition, generation) in (values {}) \
         order by bus, topic, partition, generation {locking}",
        places(logs.len(), 4)
    );
    logs.iter().fold(made(text, logs.len() == 1), bind)
}

fn bind(statement: Statement, log: &Log) -> Statement {
    statement
        .bind(log.bus.as_str())
        .bind(log.topic.as_str())
        .bind(log.partition)
        .bind(log.generation.as_str())
}

/// Adds the offsets that rows hold.
pub(super) fn read(rows: &[Row], to: &mut HashMap<Log, i64>) -> Sql<()> {
    for row in rows {
        to.insert(log(row)?, row.get("next_offset")?);
    }
    Ok(())
}

fn log(row: &Row) -> Sql<Log> {
    let row = Columns(row);
    Ok(Log {
        bus: row.get("bus")?,
        topic: row.get("topic")?,
        partition: row.count("partition")?,
        generation: row.get("generation")?,
    })
}

/// Locks the offsets; those that aren't where the batch expects them, with where they are. All
/// consumers lock in the same order.
pub(super) async fn fence(to: &mut Transaction, advances: &[Advance]) -> Sql<Vec<(usize, i64)>> {
    let stored = locked(to, advances).await?;
    let is_expected = |advance: &Advance| match stored.get(&advance.log) {
        Some(next) => *next == advance.expected,
        None => advance.expected <= 0,
    };
    if !advances.iter().all(is_expected) {
        return Ok(differing(advances, &stored));
    }
    let is_new = |advance: &&Advance| !stored.contains_key(&advance.log);
    let new: Vec<_> = advances.iter().filter(is_new).collect();
    let begun = begin(to, new).await?;
    let is_late = |advance: &Advance| is_new(&advance) && !begun.contains(&advance.log);
    if !advances.iter().any(is_late) {
        return Ok(Vec::new());
    }
    // Somebody else began them at the same time, and was first.
    let now = locked(to, advances).await?;
    let late = advances.iter().enumerate().filter(|(_, a)| is_late(a));
    Ok(late
        .map(|(place, a)| (place, now.get(&a.log).copied().unwrap_or(-1)))
        .collect())
}

fn differing(advances: &[Advance], stored: &HashMap<Log, i64>) -> Vec<(usize, i64)> {
    let differing = |(place, advance): (usize, &Advance)| match stored.get(&advance.log) {
        Some(next) => (*next != advance.expected).then_some((place, *next)),
        None => (advance.expected > 0).then_some((place, -1)),
    };
    advances.iter().enumerate().filter_map(differing).collect()
}

async fn locked(to: &mut Transaction, advances: &[Advance]) -> Sql<HashMap<Log, i64>> {
    let mut logs: Vec<_> = advances.iter().map(|a| a.log.clone()).collect();
    logs.sort();
    // Whoever writes to a file has all of it locked.
    let locking = if to.is_server() { "for update" } else { "" };
    let mut stored = HashMap::new();
    for some in chunks(&logs) {
        let rows = to.all(select(some, locking)).await?;
        read(&rows, &mut stored)?;
    }
    Ok(stored)
}

/// Makes the rows of logs that have none; which ones had none.
async fn begin(to: &mut Transaction, mut new: Vec<&Advance>) -> Sql<HashSet<Log>> {
    new.sort_by(|a, b| a.log.cmp(&b.log));
    write(to, &new, "do nothing").await
}

/// Moves the offsets of logs that are locked.
pub(super) async fn move_on(to: &mut Transaction, advances: &[Advance]) -> Sql<()> {
    let moved: Vec<_> = advances.iter().collect();
    let done =
        "(bus, topic, partition, generation) do update set next_offset = excluded.next_offset";
    write(to, &moved, done).await.map(drop)
}

/// Writes offsets; the logs whose rows were written.
async fn write(
    to: &mut Transaction,
    advances: &[&Advance],
    on_conflict: &str,
) -> Sql<HashSet<Log>> {
    let mut written = HashSet::new();
    for some in chunks(advances) {
        let text = format!(
            "insert into ingest_offset (bus, topic, partition, generation, next_offset) values {} \
             on conflict {on_conflict} returning bus, topic, partition, generation",
            places(some.len(), 5)
        );
        let insert = some
            .iter()
            .fold(made(text, some.len() == 1), |insert, advance| {
                bind(insert, &advance.log).bind(advance.next)
            });
        for row in &to.all(insert).await? {
            written.insert(log(row)?);
        }
    }
    Ok(written)
}
