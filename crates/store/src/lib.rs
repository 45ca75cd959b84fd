//! The store: everything that Podometer keeps, and all of SQL.
//!
//! A [`Store`] is an open database: a file of SQLite, or a server of PostgreSQL, with TimescaleDB or
//! without. Orders are [registered](Store::register) before anything of them is stored; samples, runs
//! and the order's end come in [batches](Batch) with the offsets that they were read at, each batch
//! one transaction. What is read comes back as [`OrderRow`], [`RunRow`] and [`StoredSample`].
//!
//! Several processes may use the same store at once.
//!
//! How to add a column: write new migrations, up and down, in `migrations/sqlite` and
//! `migrations/timescaledb` (an applied one is never edited); write it in `run_rows`, or in
//! `ingest::insert` and `ingest::copy`; read it in `runs` or `samples`; accept the schemas' new
//! snapshots.

mod abilities;
mod columns;
mod database;
mod delete;
mod error;
mod ingest;
mod interrupt;
mod location;
mod merge;
mod minute;
mod news;
mod orders;
mod run_rows;
mod runs;
mod sample_pages;
mod samples;
mod statistics;
mod summaries;
mod tasks;
mod topics;

use std::time::Duration;

pub use abilities::Abilities;
pub use error::Error;
pub use ingest::{Advance, Batch, Ingested, Item, Log};
pub use location::{Location, Migrations, Options, ServerAddress};
pub use minute::Housekeeping;
pub use news::{Beyond, NewSample, RunsFrom};
pub use orders::{NewOrder, OrderFilter, OrderRow};
pub use runs::{Given, RunRow};
pub use sample_pages::{SamplePages, Span};
pub use samples::{SampleFlags, StoredSample};
pub use statistics::Statistics;
pub use summaries::{OrderSummary, SummaryFilter};
pub use tasks::{TaskRow, TaskRun};
pub use topics::StoredTopic;

/// An open store. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    database: database::Database,
    known: ingest::Known,
    retention: Option<Duration>,
}

impl Store {
    /// Opens the store. A file and its folder are made if they aren't there; a database on a server
    /// must be there. The tables are brought up to date, on a server only if the options say
    /// [`Migrations::Run`].
    ///
    /// # Errors
    /// What hinders: [`Error::Folder`], [`Error::Denied`], [`Error::Damaged`], [`Error::Newer`] with
    /// a file; [`Error::Unreachable`], [`Error::Insecure`], [`Error::Login`], [`Error::NoDatabase`],
    /// [`Error::Forbidden`], [`Error::Outdated`], [`Error::Newer`] with a server.
    pub async fn open(location: &Location, options: impl Into<Options>) -> Result<Self, Error> {
        let options = options.into();
        Ok(Self {
            database: database::Database::open(location, &options).await?,
            known: ingest::Known::default(),
            retention: options.retention,
        })
    }

    /// Opens a store that must be there, for commands that only read.
    ///
    /// # Errors
    /// [`Error::NoStore`] or [`Error::Outdated`] if there is none, else as [`Store::open`].
    pub async fn open_existing(location: &Location) -> Result<Self, Error> {
        let options = Options::from(Migrations::Expect);
        Ok(Self {
            database: database::Database::existing(location, &options).await?,
            known: ingest::Known::default(),
            retention: None,
        })
    }

    /// What the database can do; say it once, where it is opened.
    pub fn abilities(&self) -> Abilities {
        self.database.abilities()
    }

    /// Takes the tables down to the form of `version` (0: none), with what they hold.
    ///
    /// # Errors
    /// [`Error::Migrate`].
    pub async fn migrate_down(&self, version: i64) -> Result<(), Error> {
        self.known.forget();
        self.database.undo(version).await
    }

    /// Ends all connections once their work is done, so that a file stands alone.
    pub async fn close(&self) {
        self.database.close().await;
    }
}
