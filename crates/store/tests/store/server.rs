//! A database on a real server for each test.

use std::{
    env,
    sync::atomic::{AtomicU32, Ordering},
};

use sqlx::{
    ConnectOptions, Connection, Executor, PgConnection, Row, TypeInfo, ValueRef,
    postgres::PgConnectOptions,
};
use store::ServerAddress;

const VARIABLE: &str = "PODOMETER_TEST_DATABASE_URL";

/// A database of the test's own, dropped at its end.
pub(crate) struct Database {
    pub(crate) url: String,
    server: String,
    name: String,
}

/// The server's address. None if tests without servers are wanted.
pub(crate) fn url() -> Option<String> {
    let url = env::var(VARIABLE).ok();
    if url.is_none() && env::var("PODOMETER_TEST_FAST").as_deref() == Ok("1") {
        eprintln!("not run: it needs a database server");
        return None;
    }
    Some(url.expect(
        "run ./test.sh, or start tests/stack/timescaledb.sh and set PODOMETER_TEST_DATABASE_URL",
    ))
}

impl Database {
    pub(crate) async fn make() -> Option<Self> {
        Some(Self::on(&url()?).await)
    }

    pub(crate) async fn on(server: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("podometer_test_{}_{number}", std::process::id());
        let (start, _) = server.rsplit_once('/').unwrap();
        run(
            server,
            &format!("drop database if exists {name} with (force)"),
        )
        .await;
        run(server, &format!("create database {name}")).await;
        Self {
            url: format!("{start}/{name}"),
            server: server.to_owned(),
            name,
        }
    }

    pub(crate) fn address(&self) -> ServerAddress {
        self.url.parse().unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop_it = format!("drop database if exists {} with (force)", self.name);
        let server = self.server.clone();
        // A destructor can't wait within the runtime that it is called in.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(run(&server, &drop_it));
        });
        dropping.join().ok();
    }
}

pub(crate) async fn connect(url: &str) -> PgConnection {
    let options: PgConnectOptions = url.parse().unwrap();
    let options = options.options([("search_path", "podometer"), ("TimeZone", "UTC")]);
    options.disable_statement_logging().connect().await.unwrap()
}

pub(crate) async fn run(url: &str, sql: &str) {
    let mut connection = connect(url).await;
    let done = connection
        .execute(sqlx::AssertSqlSafe(sql.to_owned()))
        .await;
    done.unwrap_or_else(|e| panic!("{sql}: {e}"));
    connection.close().await.unwrap();
}

/// Rows of any query as text, with numbers as SQLite prints them and instants in microseconds.
pub(crate) async fn rows(url: &str, sql: &str) -> String {
    let mut connection = connect(url).await;
    let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
        .fetch_all(&mut connection)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
    connection.close().await.unwrap();
    let line = |row: &sqlx::postgres::PgRow| {
        let cells: Vec<_> = (0..row.columns().len()).map(|at| cell(row, at)).collect();
        cells.join("|") + "\n"
    };
    rows.iter().map(line).collect()
}

fn cell(row: &sqlx::postgres::PgRow, at: usize) -> String {
    let value = row.try_get_raw(at).unwrap();
    if value.is_null() {
        return String::new();
    }
    // Without parameters all comes as text.
    let text = value.as_str().unwrap();
    match value.type_info().name() {
        "BOOL" => i32::from(text == "t").to_string(),
        "FLOAT8" | "NUMERIC" => text.parse::<f64>().unwrap().to_string(),
        "TIMESTAMPTZ" => {
            let time: model::Timestamp = text.parse().unwrap();
            time.0.to_string()
        }
        _ => text.to_owned(),
    }
}
