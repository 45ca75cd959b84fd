//! Means and peaks of each minute, and how long samples are kept.
//!
//! With the community licence the means are a continuous aggregate, which the database keeps. In a
//! file they are a view. On other servers they are a table: each batch notes which orders it touched
//! ([`stale`]), and [`Store::housekeep`] works out the minutes of those anew.

use std::time::Duration;

use model::Timestamp;

use crate::{
    Abilities, Error, Store,
    columns::Sql,
    database::{Database, Server, Transaction, code, made, sql},
};

/// The table where there are no continuous aggregates.
const TABLE: &str = include_str!("../../../migrations/timescaledb/minute/table.sql");
/// What only the community licence has. No test runs it: Debian builds TimescaleDB without that
/// part. A snapshot shows when it changes.
const COMMUNITY: &str = include_str!("../../../migrations/timescaledb/minute/community.sql");
/// The database doesn't have that feature.
const UNSUPPORTED: &str = "0A000";

const HOUSEKEEPING: &str = "housekeeping";

/// What a round of housekeeping did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Housekeeping {
    /// Minutes of attempts that were worked out anew.
    pub minutes: u64,
    /// Chunks (or, without TimescaleDB, samples) that were too old and are gone.
    pub dropped: u64,
}

/// Makes `sample_minute` where it isn't there.
pub(crate) async fn prepare(server: &Server) -> Sql<()> {
    let mut to = server.begin().await?;
    lock(
        &mut to,
        "select pg_advisory_xact_lock(hashtext('podometer minutes'))",
    )
    .await?;
    let is_there = sql("select to_regclass('sample_minute') is not null as there");
    if to.one(is_there).await?.get("there")? {
        return Ok(());
    }
    if server.abilities() == Abilities::Community {
        let home = home(&mut to).await?;
        match to.script(COMMUNITY.replace("HOME", &home)).await {
            Ok(()) => return to.commit().await,
            Err(error) if code(&error).as_deref() == Some(UNSUPPORTED) => {
                to.rollback().await?;
                to = server.begin().await?;
            }
            Err(error) => return Err(error),
        }
    }
    to.script(TABLE.to_owned()).await?;
    to.commit().await
}

async fn lock(to: &mut Transaction, text: &'static str) -> Sql<()> {
    to.all(sql(text)).await.map(drop)
}

/// The schema of TimescaleDB's functions, quoted.
async fn home(to: &mut Transaction) -> Sql<String> {
    let home = "select quote_ident(nspname) as home from pg_extension \
                join pg_namespace on pg_namespace.oid = extnamespace where extname = 'timescaledb'";
    to.one(sql(home)).await?.get("home")
}

/// Whether the minutes are a table that we keep.
fn is_ours(abilities: Abilities) -> bool {
    matches!(abilities, Abilities::Plain | Abilities::Apache)
}

/// Notes that samples of these orders, taken between these instants, were stored.
pub(crate) async fn stale(
    to: &mut Transaction,
    orders: &[i64],
    (earliest, latest): (Timestamp, Timestamp),
) -> Sql<()> {
    let orders: Vec<_> = orders.iter().map(i64::to_string).collect();
    // As a text, because an array is something that only one of the databases has.
    let insert = sql("insert into sample_stale (earliest, latest, order_ids) \
         values ($1, $2, string_to_array($3, ',')::integer[])")
    .bind(earliest)
    .bind(latest)
    .bind(orders.join(","));
    to.execute(insert).await.map(drop)
}

/// Forgets the minutes of an order.
pub(crate) async fn forget(to: &mut Transaction, order: i64) -> Sql<()> {
    let is_table =
        "select relkind = 'r' as is_table from pg_class where oid = to_regclass('sample_minute')";
    let row = to.optional(sql(is_table)).await?;
    if row.is_some_and(|row| row.get("is_table").unwrap_or(false)) {
        to.execute(sql("delete from sample_minute where order_id = $1").bind(order))
            .await?;
    }
    Ok(())
}

impl Store {
    /// Keeps the store in order: call it every minute or so. Works out the means of the minutes
    /// that changed, and forgets samples that are older than the retention, if one is set. If
    /// another service is at it, nothing is done.
    ///
    /// # Errors
    /// What the database says.
    pub async fn housekeep(&self, now: Timestamp) -> Result<Housekeeping, Error> {
        let bound = self.retention.and_then(|kept| before(now, kept));
        let done = match &self.database {
            Database::Sqlite(_) => self.delete_samples(bound).await,
            Database::Postgres(server) => keep(server, bound).await,
        };
        done.map_err(self.database.failed(HOUSEKEEPING))
    }

    async fn delete_samples(&self, bound: Option<Timestamp>) -> Sql<Housekeeping> {
        let Some(bound) = bound else {
            return Ok(Housekeeping::default());
        };
        let mut to = self.database.begin().await?;
        let dropped = delete(&mut to, bound).await?;
        to.commit().await?;
        self.database.shrink().await?;
        Ok(Housekeeping {
            minutes: 0,
            dropped,
        })
    }
}

fn before(now: Timestamp, kept: Duration) -> Option<Timestamp> {
    let kept_us = i64::try_from(kept.as_micros()).ok()?;
    now.0.checked_sub(kept_us).map(Timestamp)
}

async fn delete(to: &mut Transaction, bound: Timestamp) -> Sql<u64> {
    to.execute(sql("delete from sample_wide where time < $1").bind(bound))
        .await
}

/// The minutes first: so what is forgotten has its means.
async fn keep(server: &Server, bound: Option<Timestamp>) -> Sql<Housekeeping> {
    let mut to = server.begin().await?;
    let mine = sql("select pg_try_advisory_xact_lock(hashtext('podometer minutes')) as mine");
    if !to.one(mine).await?.get("mine")? {
        return Ok(Housekeeping::default());
    }
    let mut done = Housekeeping::default();
    if is_ours(server.abilities()) {
        done.minutes = refresh(&mut to, bound).await?;
    }
    if let Some(bound) = bound {
        done.dropped = drop_old(&mut to, server.abilities(), bound).await?;
    }
    to.commit().await?;
    Ok(done)
}

/// Works out the stale minutes anew; how many there are. Minutes whose samples are gone, or may be
/// soon, stay as they are.
async fn refresh(to: &mut Transaction, bound: Option<Timestamp>) -> Sql<u64> {
    let bound = bound.unwrap_or(Timestamp(i64::MIN));
    let stale = sql(
        "with gone as (delete from sample_stale returning earliest, latest, order_ids), \
         touched as (select o, min(earliest) as earliest, max(latest) as latest \
             from gone, unnest(order_ids) as o group by o) \
         select string_agg(o::text, ',') as orders, min(earliest) as earliest, max(latest) as latest \
         from touched where latest >= $1",
    )
    .bind(bound);
    let row = to.one(stale).await?;
    let Some(orders) = row.optional::<String>("orders")? else {
        return Ok(0);
    };
    let (earliest, latest): (Timestamp, Timestamp) = (row.get("earliest")?, row.get("latest")?);
    // Whole minutes, all of them after the bound.
    let from = minute(Timestamp(
        earliest.0.max(bound.0.saturating_add(MINUTE_US - 1)),
    ));
    let to_before = Timestamp(minute(latest).0 + MINUTE_US);
    to.execute(
        sql(
            "delete from sample_minute \
             where order_id = any(string_to_array($1, ',')::integer[]) and minute >= $2 and minute < $3",
        )
        .bind(orders.as_str())
        .bind(from)
        .bind(to_before),
    )
    .await?;
    to.execute(made(again(), true).bind(orders).bind(from).bind(to_before))
        .await
}

const MINUTE_US: i64 = 60_000_000;

fn minute(time: Timestamp) -> Timestamp {
    Timestamp(time.0.div_euclid(MINUTE_US) * MINUTE_US)
}

/// What has a mean and a peak.
const MEASURED: [&str; 5] = ["cpu", "memory", "memory_anon", "disk_read", "disk_write"];

/// The statement that works out minutes.
fn again() -> String {
    let names: Vec<_> = MEASURED
        .iter()
        .map(|c| format!("{c}_mean, {c}_max"))
        .collect();
    let values: Vec<_> = MEASURED
        .iter()
        .map(|c| format!("avg({c}), max({c})"))
        .collect();
    format!(
        "insert into sample_minute \
         (minute, samples, order_id, task_id, position, attempt, {}) \
         select date_bin('1 minute', time, '2000-01-01 00:00:00+00') as minute, count(*), \
         order_id, task_id, position, attempt, {} from sample_wide \
         where order_id = any(string_to_array($1, ',')::integer[]) and time >= $2 and time < $3 \
         group by 1, order_id, task_id, position, attempt",
        names.join(", "),
        values.join(", ")
    )
}

async fn drop_old(to: &mut Transaction, abilities: Abilities, bound: Timestamp) -> Sql<u64> {
    if abilities == Abilities::Plain {
        return delete(to, bound).await;
    }
    let home = home(to).await?;
    let gone = made(
        format!("select count(*) as gone from {home}.drop_chunks('sample_wide', older_than => $1)"),
        true,
    );
    to.one(gone.bind(bound))
        .await?
        .get::<i64>("gone")
        .map(|gone| gone as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_community_licence_is_asked_for_this() {
        insta::assert_snapshot!(COMMUNITY);
    }

    #[test]
    fn minutes_begin_at_full_ones() {
        assert_eq!(minute(Timestamp(119_999_999)), Timestamp(60_000_000));
        assert_eq!(minute(Timestamp(-1)), Timestamp(-60_000_000));
    }
}
