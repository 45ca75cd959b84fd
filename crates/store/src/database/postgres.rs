//! A server of PostgreSQL, with or without TimescaleDB.

use std::{borrow::Cow, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, Postgres,
    error::DatabaseError,
    migrate::{MigrateError, Migrator},
    pool::PoolOptions,
};
use tokio::time::timeout;

use super::{
    Transaction,
    migrating::{self, MIGRATING},
    sockets,
};
use crate::{Abilities, Error, Migrations, Options, ServerAddress, minute};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/timescaledb");

/// How long a server may take to let us in.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a statement waits for a connection: whoever tries again wants to say so soon.
const ACQUIRE: Duration = Duration::from_secs(4);
/// Enough for the loop that stores, the housekeeping and a few readers.
const CONNECTIONS: u32 = 5;
/// Who brings the tables up to date holds this lock, so that many may start at once.
const LOCK: &str = "select pg_advisory_xact_lock(hashtext('podometer migrate'))";
const OPENING: &str = "opening the database";

/// An open server.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// Which one, for messages.
    pub(super) place: String,
    pub(super) pool: sqlx::Pool<Postgres>,
    pub(super) abilities: Abilities,
}

impl Server {
    pub(super) async fn open(address: &ServerAddress, options: &Options) -> Result<Self, Error> {
        let place = address.to_string();
        let failed = |error| classify(&place, OPENING, error);
        // The first connection is made by hand: a pool would try again and again, and then say only
        // that it took too long.
        let greeting = timeout(PATIENCE, PgConnection::connect_with(&address.0)).await;
        greeting
            .unwrap_or_else(|late| Err(sqlx::Error::Io(late.into())))
            .map_err(failed)?
            .close()
            .await
            .map_err(failed)?;
        let port = address.0.get_port();
        let pool = PoolOptions::new()
            .max_connections(CONNECTIONS)
            .after_connect(move |_, _| {
                sockets::set_up(port);
                Box::pin(async { Ok(()) })
            })
            .acquire_timeout(ACQUIRE)
            // Whoever waits says so.
            .acquire_slow_threshold(Duration::MAX)
            .connect_lazy_with((*address.0).clone().disable_statement_logging());
        let mut server = Self {
            place: place.clone(),
            pool,
            abilities: Abilities::Plain,
        };
        if !server.is_current().await? {
            server.make_current(options).await?;
        }
        server.abilities = Abilities::of(&server.pool).await.map_err(failed)?;
        if options.migrations == Migrations::Run {
            minute::prepare(&server).await.map_err(failed)?;
        }
        Ok(server)
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        self.pool.begin().await.map(Transaction::Postgres)
    }

    pub(crate) fn abilities(&self) -> Abilities {
        self.abilities
    }

    async fn is_current(&self) -> Result<bool, Error> {
        let mut connection = self.pool.acquire().await.map_err(self.failed())?;
        let is_new: bool =
            sqlx::query_scalar("select to_regclass('podometer._sqlx_migrations') is null")
                .fetch_one(&mut *connection)
                .await
                .map_err(self.failed())?;
        if is_new {
            return Ok(false);
        }
        migrating::is_current(&mut *connection, &MIGRATIONS)
            .await
            .map_err(|e| self.migrate_error(e))
    }

    async fn make_current(&self, options: &Options) -> Result<(), Error> {
        if options.migrations == Migrations::Run {
            return self.migrate(options.chunk_interval).await;
        }
        let known = migrating::newest(&MIGRATIONS);
        let mut connection = self.pool.acquire().await.map_err(self.failed())?;
        // No table, no migrations.
        let found = migrating::applied(&mut *connection).await.unwrap_or(0);
        let place = self.place.clone();
        Err(if found > known {
            Error::Newer {
                place,
                version: found,
                known,
            }
        } else {
            Error::Outdated {
                place,
                found,
                known,
            }
        })
    }

    /// Brings the tables to the newest form, in one transaction.
    async fn migrate(&self, chunk_interval: Duration) -> Result<(), Error> {
        let failed = self.failed();
        let mut transaction = self.pool.begin().await.map_err(&failed)?;
        sqlx::query(LOCK)
            .execute(&mut *transaction)
            .await
            .map_err(&failed)?;
        // Asked first, so that who may not make schemas can use one that was made for them.
        let is_there: bool = sqlx::query_scalar("select to_regnamespace('podometer') is not null")
            .fetch_one(&mut *transaction)
            .await
            .map_err(&failed)?;
        if !is_there {
            sqlx::query("create schema podometer")
                .execute(&mut *transaction)
                .await
                .map_err(&failed)?;
        }
        sqlx::query("select set_config('podometer.chunk_interval', $1, true)")
            .bind(format!("{} seconds", chunk_interval.as_secs().max(60)))
            .execute(&mut *transaction)
            .await
            .map_err(&failed)?;
        migrating::up(&mut *transaction, &MIGRATIONS)
            .await
            .map_err(|e| self.migrate_error(e))?;
        transaction.commit().await.map_err(&failed)
    }

    pub(super) async fn undo(&self, version: i64) -> Result<(), Error> {
        let failed = self.failed();
        let mut transaction = self.pool.begin().await.map_err(&failed)?;
        sqlx::query(LOCK)
            .execute(&mut *transaction)
            .await
            .map_err(&failed)?;
        migrating::down(&mut *transaction, &MIGRATIONS, version)
            .await
            .map_err(|e| self.migrate_error(e))?;
        transaction.commit().await.map_err(&failed)
    }

    fn failed(&self) -> impl Fn(sqlx::Error) -> Error {
        |error| classify(&self.place, MIGRATING, error)
    }

    fn migrate_error(&self, error: MigrateError) -> Error {
        migrating::meaning(error, self.place.clone(), &MIGRATIONS, self.failed())
    }
}

/// The SQLSTATE of an error, if the server sent it.
pub(crate) fn code(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error().and_then(DatabaseError::code)
}

/// What an error of the server means: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
pub(super) fn classify(place: &str, doing: &'static str, error: sqlx::Error) -> Error {
    use sqlx::Error as E;
    let code = code(&error).unwrap_or_default().into_owned();
    let is_away = matches!(
        error,
        E::Io(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::Protocol(_)
    );
    let is_insecure = matches!(error, E::Tls(_));
    let (place, source) = (place.to_owned(), Box::new(error));
    match code.as_str() {
        "57P01" | "57P02" | "57P03" | "25P03" => Error::Unreachable { place, source },
        "3D000" => Error::NoDatabase { place, source },
        "42501" => Error::Forbidden {
            place,
            doing,
            source,
        },
        "53100" => Error::Full { place, source },
        "40001" | "40P01" | "55P03" | "57014" | "53300" => Error::Busy {
            place,
            doing,
            source,
        },
        _ if code.starts_with("08") || is_away => Error::Unreachable { place, source },
        _ if code.starts_with("28") => Error::Login { place, source },
        _ if is_insecure => Error::Insecure { place, source },
        _ => Error::Database {
            place,
            doing,
            source,
        },
    }
}
