//! What the database can do.

use std::fmt;

use sqlx::{Pool, Postgres};

/// What the database can do. It prints as one sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Abilities {
    /// A file of SQLite.
    Sqlite,
    /// PostgreSQL without TimescaleDB: samples are one table.
    Plain,
    /// TimescaleDB with its Apache licence: chunks by time.
    Apache,
    /// TimescaleDB with the community licence: also compression and continuous aggregates.
    Community,
}

impl Abilities {
    /// Those of a server.
    pub(crate) async fn of(pool: &Pool<Postgres>) -> Result<Self, sqlx::Error> {
        let licence: Option<Option<String>> = sqlx::query_scalar(
            "select current_setting('timescaledb.license', true) \
             from pg_extension where extname = 'timescaledb'",
        )
        .fetch_optional(pool)
        .await?;
        Ok(match licence {
            None => Self::Plain,
            Some(Some(licence)) if licence == "timescale" => Self::Community,
            Some(_) => Self::Apache,
        })
    }
}

impl fmt::Display for Abilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "The store is a file of SQLite.",
            Self::Plain => {
                "The database has no TimescaleDB: samples are kept in one table, without chunks and compression."
            }
            Self::Apache => {
                "The database has TimescaleDB without its community licence: samples are kept in \
                 chunks by time, without compression."
            }
            Self::Community => {
                "The database has TimescaleDB: samples are kept in chunks by time, compressed after a week."
            }
        })
    }
}
