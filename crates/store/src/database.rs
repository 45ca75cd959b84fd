//! Which database it is: the one place that knows.
//!
//! Everything else writes SQL that both databases take (`$1`, `on conflict`, `returning`), binds
//! instants as [`Time`] and reads rows through [`crate::columns::Columns`]. What differs is here:
//! how it is opened and migrated, how a writing transaction begins, what its errors mean; and in
//! `sample_rows`, how many rows are written at once.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use model::Timestamp;
use sqlx::{
    ConnectOptions, Decode, Encode, Sqlite, Transaction, Type,
    encode::IsNull,
    error::BoxDynError,
    migrate::{Migrate, MigrateError, Migrator},
    pool::PoolOptions,
    sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::Error;

pub(crate) type Db = Sqlite;
pub(crate) type Pool = sqlx::Pool<Db>;
pub(crate) type Connection = <Db as sqlx::Database>::Connection;
pub(crate) type Row = <Db as sqlx::Database>::Row;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// Where it is noted which ones are applied.
const TABLE: &str = "_sqlx_migrations";
const MIGRATING: &str = "bringing the tables up to date";

/// How long to wait for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// Readers beside the one writer.
const READERS: u32 = 4;

/// An open database: one connection that writes, several that read.
///
/// The database lets one writer in at a time; queueing for a single connection is cheaper and
/// fairer than polling for the file's lock.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    path: PathBuf,
    write: Pool,
    read: Pool,
}

impl Database {
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
            PoolOptions::<Db>::new()
                .max_connections(connections)
                .acquire_timeout(BUSY_TIMEOUT * 2)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
        };
        let write = pool(1)
            .connect_with(options.clone())
            .await
            .map_err(|e| classify(path, "opening the store", e))?;
        let database = Self {
            path: path.to_owned(),
            write,
            read: pool(READERS).connect_lazy_with(options),
        };
        database.migrate().await?;
        Ok(database)
    }

    /// Brings the tables to the newest form. All of it is one transaction, so that processes that
    /// start together don't get into each other's way.
    async fn migrate(&self) -> Result<(), Error> {
        if self.is_current().await? {
            return Ok(());
        }
        let mut transaction = self.begin().await.map_err(self.failed(MIGRATING))?;
        MIGRATIONS
            .run_direct(None, &mut *transaction, false)
            .await
            .map_err(|e| self.migrate_error(e))?;
        transaction.commit().await.map_err(self.failed(MIGRATING))
    }

    /// Whether exactly the known migrations are applied: then nobody has to wait for a turn to
    /// write.
    async fn is_current(&self) -> Result<bool, Error> {
        let mut connection = self.write.acquire().await.map_err(self.failed(MIGRATING))?;
        let Ok(applied) = connection.list_applied_migrations(TABLE).await else {
            return Ok(false);
        };
        let known = MIGRATIONS
            .iter()
            .filter(|m| m.migration_type.is_up_migration());
        Ok(known
            .map(|m| (m.version, &m.checksum))
            .eq(applied.iter().map(|m| (m.version, &m.checksum))))
    }

    /// Takes the tables down to the form of `version`; 0 leaves none.
    pub(crate) async fn undo(&self, version: i64) -> Result<(), Error> {
        let mut transaction = self.begin().await.map_err(self.failed(MIGRATING))?;
        let applied = transaction
            .list_applied_migrations(TABLE)
            .await
            .map_err(|e| self.migrate_error(e))?;
        let down = MIGRATIONS
            .iter()
            .rev()
            .filter(|m| m.migration_type.is_down_migration() && m.version > version)
            .filter(|m| applied.iter().any(|a| a.version == m.version));
        for migration in down {
            transaction
                .revert(TABLE, migration)
                .await
                .map_err(|e| self.migrate_error(e))?;
        }
        transaction.commit().await.map_err(self.failed(MIGRATING))
    }

    fn migrate_error(&self, error: MigrateError) -> Error {
        let path = self.path.clone();
        match error {
            MigrateError::VersionMissing(version) => Error::Newer {
                path,
                version,
                known: MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0),
            },
            MigrateError::Execute(e) => classify(&path, MIGRATING, e),
            source => Error::Migrate {
                path,
                source: Box::new(source),
            },
        }
    }

    /// Begins a transaction that writes: it waits for its turn here, never later.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Db>, sqlx::Error> {
        self.write.begin_with("begin immediate").await
    }

    /// For statements that read.
    pub(crate) fn reader(&self) -> &Pool {
        &self.read
    }

    /// Gives the space of deleted rows back to the system.
    pub(crate) async fn shrink(&self) -> Result<(), sqlx::Error> {
        sqlx::query("pragma incremental_vacuum")
            .fetch_all(&self.write)
            .await
            .map(drop)
    }

    /// What an error of the database means, for `map_err`.
    pub(crate) fn failed(&self, doing: &'static str) -> impl Fn(sqlx::Error) -> Error {
        move |error| classify(&self.path, doing, error)
    }

    /// Ends all connections, so that the file stands alone.
    pub(crate) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

/// The primary result codes: <https://www.sqlite.org/rescode.html>.
fn classify(path: &Path, doing: &'static str, error: sqlx::Error) -> Error {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .and_then(|code| code.parse::<i32>().ok())
        .map(|code| code & 0xff);
    let path = path.to_owned();
    let source = Box::new(error);
    match code {
        Some(3 | 8 | 14 | 23) => Error::Denied { path, source },
        Some(5 | 6) => Error::Busy {
            path,
            doing,
            source,
        },
        Some(11 | 26) => Error::Damaged { path, source },
        Some(13) => Error::Full { path, source },
        _ => Error::Database {
            path,
            doing,
            source,
        },
    }
}

/// An instant as the database keeps it: here whole microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time(pub(crate) Timestamp);

impl Type<Db> for Time {
    fn type_info() -> <Db as sqlx::Database>::TypeInfo {
        <i64 as Type<Db>>::type_info()
    }

    fn compatible(ty: &<Db as sqlx::Database>::TypeInfo) -> bool {
        <i64 as Type<Db>>::compatible(ty)
    }
}

impl<'q> Encode<'q, Db> for Time {
    fn encode_by_ref(
        &self,
        buffer: &mut <Db as sqlx::Database>::ArgumentBuffer,
    ) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<'q, Db>>::encode_by_ref(&self.0.0, buffer)
    }
}

impl<'r> Decode<'r, Db> for Time {
    fn decode(value: <Db as sqlx::Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
        <i64 as Decode<'r, Db>>::decode(value).map(|us| Self(Timestamp(us)))
    }
}
