//! What can go wrong with a store.

use std::{io, path::PathBuf};

use model::{OrderId, OrderUid, Status};
use thiserror::Error;

/// What can go wrong with a store.
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
        "{}: the store can't be opened or written; make the file and its folder writable for \
         this user (readers write there too), or name another one with --data DIR",
        path.display()
    )]
    Denied {
        /// The file.
        path: PathBuf,
        /// What the database says.
        source: Box<sqlx::Error>,
    },
    /// The file is no database, or a damaged one.
    #[error(
        "{}: the file is damaged or is no store; move it away to begin a new one, or try to save \
         what it holds with: sqlite3 FILE .recover",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the database says.
        source: Box<sqlx::Error>,
    },
    /// No space is left.
    #[error("{}: the disk is full; make room and try again", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// What the database says.
        source: Box<sqlx::Error>,
    },
    /// Other programs write to it all the time.
    #[error("{}: another program keeps the store locked ({doing}); try again when it is done", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the database says.
        source: Box<sqlx::Error>,
    },
    /// A later Podometer wrote it.
    #[error(
        "{}: the store has the form {version}, this Podometer knows forms up to {known}; \
         update Podometer, or name another data folder with --data DIR",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its migration that isn't known here.
        version: i64,
        /// The last migration that is.
        known: i64,
    },
    /// The tables can't be made or changed.
    #[error("{}: the store's tables can't be brought up to date", path.display())]
    Migrate {
        /// The file.
        path: PathBuf,
        /// What the database says.
        source: Box<sqlx::migrate::MigrateError>,
    },
    /// Anything else that the database says.
    #[error("{}: {doing} failed", path.display())]
    Database {
        /// The file.
        path: PathBuf,
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
    /// A batch holds a row of another execution.
    #[error("a batch of the execution {order_uid} holds a row of {found}")]
    ForeignItem {
        /// Whose batch it is.
        order_uid: OrderUid,
        /// Whose row it holds.
        found: OrderUid,
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
