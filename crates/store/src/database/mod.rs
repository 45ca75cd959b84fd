//! Which database it is: the one place that knows.
//!
//! Everything else writes SQL that both databases take, as a [`statement`], and reads [`Row`]s
//! through [`crate::columns::Columns`]. What differs is here: how it is opened and migrated, how a
//! writing transaction begins, what its errors mean; in `ingest`, how many samples are written at
//! once; and where a statement needs two forms, it asks [`Database::is_server`] or
//! [`Transaction::is_server`].

mod migrating;
mod postgres;
mod row;
mod sockets;
mod sqlite;
mod statement;
mod time;

use std::path::Path;

use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection};

pub(crate) use self::{
    postgres::{Server, code},
    row::{Cell, Row},
    statement::{Statement, made, places, prepared, sql},
    time::Time,
};
use crate::{Abilities, Error, Location, Options, columns::Sql};

/// An open database.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    /// A file.
    Sqlite(sqlite::File),
    /// A server.
    Postgres(Server),
}

/// A transaction that writes. Dropped before its commit it leaves nothing behind.
pub(crate) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// Does the same with either database.
macro_rules! either {
    ($on:expr, $kind:ident, $it:ident => $sqlite:expr, $postgres:expr) => {
        match $on {
            $kind::Sqlite($it) => $sqlite,
            $kind::Postgres($it) => $postgres,
        }
    };
}

impl Database {
    /// Opens or makes the database's tables.
    pub(crate) async fn open(location: &Location, options: &Options) -> Result<Self, Error> {
        Ok(match location {
            Location::File(path) => Self::Sqlite(sqlite::File::create(path).await?),
            Location::Server(address) => Self::Postgres(Server::open(address, options).await?),
        })
    }

    /// Opens the database, whose tables must be there.
    pub(crate) async fn existing(location: &Location, options: &Options) -> Result<Self, Error> {
        match location {
            Location::File(path) => Ok(Self::Sqlite(sqlite::File::existing(path).await?)),
            Location::Server(_) => Self::open(location, options).await,
        }
    }

    pub(crate) fn is_server(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// The file, if it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(file) => Some(&file.path),
            Self::Postgres(_) => None,
        }
    }

    pub(crate) fn abilities(&self) -> Abilities {
        either!(self, Self, it => { let _ = it; Abilities::Sqlite }, it.abilities)
    }

    /// Begins a transaction that writes: in a file it waits for its turn here, never later.
    pub(crate) async fn begin(&self) -> Sql<Transaction> {
        Ok(match self {
            Self::Sqlite(file) => Transaction::Sqlite(file.begin().await?),
            Self::Postgres(server) => Transaction::Postgres(server.pool.begin().await?),
        })
    }

    /// All rows of a statement that reads.
    pub(crate) async fn all(&self, statement: Statement) -> Sql<Vec<Row>> {
        Ok(match self {
            Self::Sqlite(file) => statement
                .for_sqlite()?
                .fetch_all(&file.read)
                .await?
                .into_iter()
                .map(Row::Sqlite)
                .collect(),
            Self::Postgres(server) => statement
                .for_postgres()?
                .fetch_all(&server.pool)
                .await?
                .into_iter()
                .map(Row::Postgres)
                .collect(),
        })
    }

    /// Its one row, if there is one.
    pub(crate) async fn optional(&self, statement: Statement) -> Sql<Option<Row>> {
        Ok(self.all(statement).await?.into_iter().next())
    }

    /// Its one row.
    pub(crate) async fn one(&self, statement: Statement) -> Sql<Row> {
        self.optional(statement)
            .await?
            .ok_or(sqlx::Error::RowNotFound)
    }

    /// Gives the space of deleted rows back to the system; a server does so by itself.
    pub(crate) async fn shrink(&self) -> Sql<()> {
        match self {
            Self::Sqlite(file) => file.shrink().await,
            Self::Postgres(_) => Ok(()),
        }
    }

    /// What an error of the database means, for `map_err`.
    pub(crate) fn failed(&self, doing: &'static str) -> impl Fn(sqlx::Error) -> Error {
        move |error| match self {
            Self::Sqlite(file) => sqlite::classify(&file.path, doing, error),
            Self::Postgres(server) => postgres::classify(&server.place, doing, error),
        }
    }

    /// Takes the tables down to the form of `version`; 0 leaves none.
    pub(crate) async fn undo(&self, version: i64) -> Result<(), Error> {
        match self {
            Self::Sqlite(file) => file.undo(version).await,
            Self::Postgres(server) => server.undo(version).await,
        }
    }

    /// Ends all connections, so that a file stands alone.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(file) => file.close().await,
            Self::Postgres(server) => server.pool.close().await,
        }
    }
}

impl Transaction {
    pub(crate) fn is_server(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Runs a statement; how many rows it touched.
    pub(crate) async fn execute(&mut self, statement: Statement) -> Sql<u64> {
        Ok(match self {
            Self::Sqlite(at) => statement
                .for_sqlite()?
                .execute(sqlite(at))
                .await?
                .rows_affected(),
            Self::Postgres(at) => statement
                .for_postgres()?
                .execute(postgres(at))
                .await?
                .rows_affected(),
        })
    }

    /// All rows of a statement.
    pub(crate) async fn all(&mut self, statement: Statement) -> Sql<Vec<Row>> {
        Ok(match self {
            Self::Sqlite(at) => statement
                .for_sqlite()?
                .fetch_all(sqlite(at))
                .await?
                .into_iter()
                .map(Row::Sqlite)
                .collect(),
            Self::Postgres(at) => statement
                .for_postgres()?
                .fetch_all(postgres(at))
                .await?
                .into_iter()
                .map(Row::Postgres)
                .collect(),
        })
    }

    /// Its one row, if there is one.
    pub(crate) async fn optional(&mut self, statement: Statement) -> Sql<Option<Row>> {
        Ok(self.all(statement).await?.into_iter().next())
    }

    /// Its one row.
    pub(crate) async fn one(&mut self, statement: Statement) -> Sql<Row> {
        self.optional(statement)
            .await?
            .ok_or(sqlx::Error::RowNotFound)
    }

    /// Runs many statements that have no parameters.
    pub(crate) async fn script(&mut self, text: String) -> Sql<()> {
        let script = sqlx::raw_sql(sqlx::AssertSqlSafe(text));
        match self {
            Self::Sqlite(at) => script.execute(sqlite(at)).await.map(drop),
            Self::Postgres(at) => script.execute(postgres(at)).await.map(drop),
        }
    }

    pub(crate) async fn commit(self) -> Sql<()> {
        either!(self, Self, it => it.commit().await, it.commit().await)
    }

    /// Undoes all of it now, not some time after.
    pub(crate) async fn rollback(self) -> Sql<()> {
        either!(self, Self, it => it.rollback().await, it.rollback().await)
    }
}

fn sqlite<'a>(at: &'a mut sqlx::Transaction<'static, Sqlite>) -> &'a mut SqliteConnection {
    &mut *at
}

fn postgres<'a>(at: &'a mut sqlx::Transaction<'static, Postgres>) -> &'a mut PgConnection {
    &mut *at
}
