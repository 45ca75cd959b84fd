//! What can go wrong with a store.

use std::{io, path::PathBuf};

use model::{OrderId, OrderUid, Status};
use thiserror::Error;

/// What can go wrong with a store. `place` is a file, or a server as `user@host:port/database`.
#[derive(Debug, Error)]
pub enum Error {
    /// Nothing was stored there yet.
    #[error(
        "there is no store at {}: run an order first (podometer run ORDER.json), \
         or name the data folder with --data DIR",
        path.display()
    )]
    NoStore {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Its folder can't be made.
    #[error("{}: the folder can't be made: {source}; name another one with --data DIR", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file, or its folder, can't be opened or written.
    #[error(
        "{place}: the store can't be opened or written; make the file and its folder writable for \
         this user (readers write there too), or name another one with --data DIR"
    )]
    Denied {
        /// The file.
        place: String,
        /// What the database says.
        source: Box<sqlx::Error>,
    },
    /// The file is no database, or a damaged one.
    #[error(
        "{place}: the file is damaged or is no store; move it away to begin a new one, or try to save \
         what it holds with: sqlite3 FILE .recover"
    )]
    Damaged {
        /// The file.
        place: String,
        /// What the database says.
        source: Box<sqlx::Error>,
    },
    /// The address of a server is none.
    #[error(
        "the database's address is not understood: {why}; it looks like \
         postgres://USER@HOST:PORT/DATABASE, with the password in a file that PGPASSFILE names"
    )]
    Address {
        /// What is wrong with it.
        why: String,
    },
    /// The server doesn't answer.
    #[error(
        "{place}: the database can't be reached ({}); check that it runs and that the \
         address is right (--database-url)",
        said(source)
    )]
    Unreachable {
        /// The server.
        place: String,
        /// What the system says.
        source: Box<sqlx::Error>,
    },
    /// No connection that is safe from listeners.
    #[error(
        "{place}: no secure connection to the database ({}); name the authority that signed its \
         certificate with PGSSLROOTCERT, or choose another sslmode in the address",
        said(source)
    )]
    Insecure {
        /// The server.
        place: String,
        /// What the TLS library says.
        source: Box<sqlx::Error>,
    },
    /// The server doesn't let us in.
    #[error(
        "{place}: the database does not let this user in ({}); check the user in the address and \
         the password (in it, or in the file that PGPASSFILE names)",
        said(source)
    )]
    Login {
        /// The server.
        place: String,
        /// What the server says.
        source: Box<sqlx::Error>,
    },
    /// The server has no such database.
    #[error(
        "{place}: there is no such database; make it first: createdb, or create database in psql"
    )]
    NoDatabase {
        /// The server.
        place: String,
        /// What the server says.
        source: Box<sqlx::Error>,
    },
    /// The server doesn't let us do it.
    #[error(
        "{place}: the user may not do that ({doing}: {}); let the owner of the database run \
         podometer migrate, and grant this user the use of the schema podometer and its tables",
        said(source)
    )]
    Forbidden {
        /// The server.
        place: String,
        /// What was tried.
        doing: &'static str,
        /// What the server says.
        source: Box<sqlx::Error>,
    },
    /// The tables are not those that this Podometer knows, and we aren't to change them.
    #[error(
        "{place}: the database has the form {found}, this Podometer needs the form {known}; \
         run: podometer migrate"
    )]
    Outdated {
        /// The server.
        place: String,
        /// Its last migration; 0 if there is none.
        found: i64,
        /// The last one that is known here.
        known: i64,
    },
    /// No space is left.
    #[error("{place}: the disk is full; make room and try again")]
    Full {
        /// The file or the server.
        place: String,
        /// What the database says.
        source: Box<sqlx::Error>,
    },
    /// Others write at the same time.
    #[error("{place}: another program keeps the store locked ({doing}); try again when it is done")]
    Busy {
        /// The file or the server.
        place: String,
        /// What was tried.
        doing: &'static str,
        /// What the database says.
        source: Box<sqlx::Error>,
    },
    /// A later Podometer wrote it.
    #[error(
        "{place}: the store has the form {version}, this Podometer knows forms up to {known}; \
         update Podometer, or name another store (--data DIR, --database-url URL)"
    )]
    Newer {
        /// The file or the server.
        place: String,
        /// Its migration that isn't known here.
        version: i64,
        /// The last migration that is.
        known: i64,
    },
    /// The tables can't be made or changed.
    #[error("{place}: the store's tables can't be brought up to date")]
    Migrate {
        /// The file or the server.
        place: String,
        /// What the database says.
        source: Box<sqlx::migrate::MigrateError>,
    },
    /// Anything else that the database says.
    #[error("{place}: {doing} failed")]
    Database {
        /// The file or the server.
        place: String,
        /// What was tried.
        doing: &'static str,
        /// What the database says.
        source: Box<sqlx::Error>,
    },
    /// The id is taken.
    #[error(
        "order {order} exists already; give it another id, or say --again to take the next free one"
    )]
    Exists {
        /// The id.
        order: OrderId,
    },
    /// Nobody registered the execution, or it was deleted since.
    #[error(
        "the execution {order_uid} is not in the store; it was deleted, or never loaded: load the order again"
    )]
    UnknownOrder {
        /// The execution.
        order_uid: OrderUid,
    },
    /// Only what has ended can be deleted.
    #[error("order {order} is {status}; end it first: podometer terminate {order}")]
    Unfinished {
        /// The order.
        order: OrderId,
        /// How it stands.
        status: Status,
    },
}

/// What a person needs of an error of the database: not where in the server's source it was raised.
pub(crate) fn said(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Tls(error) => error.to_string(),
        error => error.to_string(),
    }
}
