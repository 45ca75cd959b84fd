//! The store: everything that Podometer keeps, and all of SQL.
//!
//! A [`Store`] is an open database, here a file of SQLite. Orders are [registered](Store::register)
//! before anything of them is stored; samples, runs and the order's end come in [batches](Batch)
//! with the offsets that they were read at, each batch one transaction. What is read comes back as
//! [`OrderRow`], [`RunRow`] and [`StoredSample`].
//!
//! Several processes may use the same file at once.
//!
//! How to add a column: write a new migration, up and down, in `migrations/sqlite` (an applied one
//! is never edited); write it in `run_rows` or `sample_rows`; read it in `runs` or `samples`; accept
//! the schema's new snapshot.

mod columns;
mod database;
mod delete;
mod error;
mod ingest;
mod interrupt;
mod merge;
mod orders;
mod run_rows;
mod runs;
mod sample_rows;
mod samples;
mod statistics;

use std::path::Path;

pub use error::Error;
pub use ingest::{Batch, Ingested, Item};
pub use orders::{NewOrder, OrderFilter, OrderRow};
pub use runs::{Given, RunRow};
pub use samples::{SampleFlags, StoredSample};
pub use statistics::Statistics;

/// An open store. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    database: database::Database,
}

impl Store {
    /// Opens the store, with its folder and file made if they aren't there, and brings its tables
    /// up to date.
    ///
    /// # Errors
    /// [`Error::Folder`], [`Error::Denied`], [`Error::Damaged`], [`Error::Newer`].
    pub async fn open(path: &Path) -> Result<Self, Error> {
        let database = database::Database::create(path).await?;
        Ok(Self { database })
    }

    /// Opens a store that must be there, for commands that only read.
    ///
    /// # Errors
    /// [`Error::NoStore`] if there is none, else as [`Store::open`].
    pub async fn open_existing(path: &Path) -> Result<Self, Error> {
        let database = database::Database::existing(path).await?;
        Ok(Self { database })
    }

    /// Takes the tables down to the form of `version` (0: none), with what they hold.
    ///
    /// # Errors
    /// [`Error::Migrate`].
    pub async fn migrate_down(&self, version: i64) -> Result<(), Error> {
        self.database.undo(version).await
    }

    /// Ends all connections once their work is done, so that the file stands alone.
    pub async fn close(&self) {
        self.database.close().await;
    }
}
