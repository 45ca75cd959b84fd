//! Where a store is, and how it is opened.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use sqlx::postgres::PgConnectOptions;

use crate::Error;

/// Where a store is.
#[derive(Debug, Clone)]
pub enum Location {
    /// A file of SQLite.
    File(PathBuf),
    /// A database of PostgreSQL, with or without TimescaleDB.
    Server(ServerAddress),
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<ServerAddress> for Location {
    fn from(address: ServerAddress) -> Self {
        Self::Server(address)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Server(address) => address.fmt(f),
        }
    }
}

/// Where a PostgreSQL server is and who we are there. It prints as `user@host:port/database`; its
/// password is never printed.
#[derive(Clone)]
pub struct ServerAddress(pub(crate) Box<PgConnectOptions>);

/// What every connection asks of the server: our schema and no other, so that tables of other
/// programs are never taken for ours; and that a consumer whose machine vanished in the middle of
/// a transaction doesn't keep its locks for hours.
const SETTINGS: [(&str, &str); 7] = [
    ("search_path", "podometer"),
    ("TimeZone", "UTC"),
    ("client_min_messages", "warning"),
    ("idle_in_transaction_session_timeout", "60s"),
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
];

impl FromStr for ServerAddress {
    type Err = Error;

    /// Reads a URL, `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full`. What it
    /// leaves out is taken from the variables that other clients heed, too: `PGPASSFILE`,
    /// `PGSSLROOTCERT`, `PGUSER` and so on; never from `DATABASE_URL`.
    fn from_str(url: &str) -> Result<Self, Error> {
        let wrong = |why: String| Error::Address { why };
        if !["postgres://", "postgresql://"]
            .iter()
            .any(|s| url.starts_with(s))
        {
            return Err(wrong("it doesn't begin with postgres://".to_owned()));
        }
        let options: PgConnectOptions = url.parse().map_err(|e: sqlx::Error| match e {
            sqlx::Error::Configuration(why) => wrong(why.to_string()),
            other => wrong(other.to_string()),
        })?;
        let options = options.application_name("podometer").options(SETTINGS);
        Ok(Self(Box::new(options)))
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.0.get_username();
        let database = self.0.get_database().unwrap_or(user);
        match self.0.get_socket() {
            Some(socket) => write!(f, "{user}@{}/{database}", socket.display()),
            None => write!(
                f,
                "{user}@{}:{}/{database}",
                self.0.get_host(),
                self.0.get_port()
            ),
        }
    }
}

impl fmt::Debug for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerAddress({self})")
    }
}

/// Who brings the tables of a server up to date. Those of a file are brought up to date by
/// whoever opens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrations {
    /// We do; many may at once.
    Run,
    /// Someone else has done it.
    Expect,
}

/// How a store is opened.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Who brings the tables up to date.
    pub migrations: Migrations,
    /// The time that a chunk of samples covers, where tables are made in TimescaleDB. A chunk that
    /// is written to should fit into a quarter of the server's memory.
    pub chunk_interval: Duration,
    /// How long samples are kept; `None`: for ever. Runs, and the means of minutes, stay.
    pub retention: Option<Duration>,
}

impl From<Migrations> for Options {
    fn from(migrations: Migrations) -> Self {
        Self {
            migrations,
            chunk_interval: Duration::from_hours(1),
            retention: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_printed() {
        let url = "postgres://ada:secret%21@db.example:6543/lab?sslmode=require";
        let location = Location::from(url.parse::<ServerAddress>().unwrap());
        assert_eq!(location.to_string(), "ada@db.example:6543/lab");
        assert!(!format!("{location:?}").contains("secret"));
    }

    #[test]
    fn what_is_no_address_says_so() {
        let why = |url: &str| url.parse::<ServerAddress>().unwrap_err().to_string();
        insta::assert_snapshot!(why("mysql://ada:secret@db/lab"), @"the database's address is not understood: it doesn't begin with postgres://; it looks like postgres://USER@HOST:PORT/DATABASE, with the password in a file that PGPASSFILE names");
        insta::assert_snapshot!(why("postgres://ada:secret@db:port/lab"), @"the database's address is not understood: invalid port number; it looks like postgres://USER@HOST:PORT/DATABASE, with the password in a file that PGPASSFILE names");
        insta::assert_snapshot!(why("postgres://ada:secret@db/lab?sslmode=perhaps"), @r#"the database's address is not understood: error with configuration: unknown value "perhaps" for `ssl_mode`; it looks like postgres://USER@HOST:PORT/DATABASE, with the password in a file that PGPASSFILE names"#);
    }
}
