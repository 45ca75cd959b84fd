//! A file of SQLite.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions, Sqlite, Transaction,
    migrate::{MigrateError, Migrator},
    pool::PoolOptions,
    sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use tokio::time::sleep;

use super::migrating::{self, MIGRATING};
use crate::Error;

type Pool = sqlx::Pool<Sqlite>;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// How long to wait for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause before a file is opened once more.
const OPEN_AGAIN: Duration = Duration::from_millis(20);
/// Readers beside the one writer.
const READERS: u32 = 4;

/// An open file: one connection that writes, several that read.
///
/// The database lets one writer in at a time; queueing for a single connection is cheaper and
/// fairer than polling for the file's lock.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(super) path: PathBuf,
    write: Pool,
    pub(super) read: Pool,
}

impl File {
    /// Opens or makes the file, and brings its tables up to date.
    pub(crate) async fn create(path: &Path) -> Result<Self, Error> {
        if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            tokio::fs::create_dir_all(folder)
                .await
                .map_err(|source| Error::Folder {
                    path: folder.to_owned(),
                    source,
                })?;
        }
        Self::connect(path, true).await
    }

    /// Opens the file, which must be there, and brings its tables up to date.
    pub(crate) async fn existing(path: &Path) -> Result<Self, Error> {
        match tokio::fs::try_exists(path).await {
            Ok(false) => Err(Error::NoStore {
                path: path.to_owned(),
            }),
            _ => Self::connect(path, false).await,
        }
    }

    async fn connect(path: &Path, create: bool) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(create)
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        let pool = |connections| {
            PoolOptions::<Sqlite>::new()
                .max_connections(connections)
                .acquire_timeout(BUSY_TIMEOUT * 2)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
        };
        let file = Self {
            path: path.to_owned(),
            write: open(path, &pool(1), &options).await?,
            read: pool(READERS).connect_lazy_with(options),
        };
        file.migrate().await?;
        Ok(file)
    }

    /// Brings the tables to the newest form. All of it is one transaction, so that processes that
    /// start together don't get into each other's way.
    async fn migrate(&self) -> Result<(), Error> {
        if self.is_current().await? {
            return Ok(());
        }
        let mut transaction = self.begin().await.map_err(self.failed(MIGRATING))?;
        migrating::up(&mut *transaction, &MIGRATIONS)
            .await
            .map_err(|e| self.migrate_error(e))?;
        transaction.commit().await.map_err(self.failed(MIGRATING))
    }

    /// Whether exactly the known migrations are applied: then nobody has to wait for a turn to
    /// write.
    async fn is_current(&self) -> Result<bool, Error> {
        let mut connection = self.write.acquire().await.map_err(self.failed(MIGRATING))?;
        // A new file has no list of what is applied.
        Ok(migrating::is_current(&mut *connection, &MIGRATIONS)
            .await
            .unwrap_or(false))
    }

    /// Takes the tables down to the form of `version`; 0 leaves none.
    pub(crate) async fn undo(&self, version: i64) -> Result<(), Error> {
        let mut transaction = self.begin().await.map_err(self.failed(MIGRATING))?;
        migrating::down(&mut *transaction, &MIGRATIONS, version)
            .await
            .map_err(|e| self.migrate_error(e))?;
        transaction.commit().await.map_err(self.failed(MIGRATING))
    }

    fn migrate_error(&self, error: MigrateError) -> Error {
        let place = self.path.display().to_string();
        migrating::meaning(error, place, &MIGRATIONS, self.failed(MIGRATING))
    }

    /// Begins a transaction that writes: it waits for its turn here, never later.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        self.write.begin_with("begin immediate").await
    }

    /// Gives the space of deleted rows back to the system.
    pub(crate) async fn shrink(&self) -> Result<(), sqlx::Error> {
        sqlx::query("pragma incremental_vacuum")
            .fetch_all(&self.write)
            .await
            .map(drop)
    }

    fn failed(&self, doing: &'static str) -> impl Fn(sqlx::Error) -> Error {
        move |error| classify(&self.path, doing, error)
    }

    /// Ends all connections, so that the file stands alone.
    pub(crate) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

/// Opens the one connection that writes. Who makes a file's journal a write-ahead one needs the file for
/// himself, and SQLite doesn't wait for that as it does for all else.
async fn open(
    path: &Path,
    pool: &PoolOptions<Sqlite>,
    options: &SqliteConnectOptions,
) -> Result<Pool, Error> {
    let give_up = Instant::now() + BUSY_TIMEOUT;
    loop {
        let opened = pool.clone().connect_with(options.clone()).await;
        match opened.map_err(|error| classify(path, "opening the store", error)) {
            Err(Error::Busy { .. }) if Instant::now() < give_up => sleep(OPEN_AGAIN).await,
            other => return other,
        }
    }
}

/// The primary result codes: <https://www.sqlite.org/rescode.html>.
pub(super) fn classify(path: &Path, doing: &'static str, error: sqlx::Error) -> Error {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .and_then(|code| code.parse::<i32>().ok())
        .map(|code| code & 0xff);
    let place = path.display().to_string();
    let source = Box::new(error);
    match code {
        Some(3 | 8 | 14 | 23) => Error::Denied { place, source },
        Some(5 | 6) => Error::Busy {
            place,
            doing,
            source,
        },
        Some(11 | 26) => Error::Damaged { place, source },
        Some(13) => Error::Full { place, source },
        _ => Error::Database {
            place,
            doing,
            source,
        },
    }
}
