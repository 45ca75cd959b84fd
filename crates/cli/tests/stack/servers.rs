//! Where test.sh has put the servers, and servers of a test's own.

use std::{
    fs::Permissions,
    net::TcpListener,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use nix::sys::{prctl, signal::Signal};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, postgres::PgRow};
use tempfile::TempDir;

use crate::harness::until;

/// The value of a variable that test.sh sets; `None`, said once, where only what needs no server is
/// tested.
pub(crate) fn variable(name: &str) -> Option<String> {
    static SAID: OnceLock<()> = OnceLock::new();
    if std::env::var_os("PODOMETER_TEST_FAST").is_some() {
        SAID.get_or_init(|| eprintln!("NOT RUN: what needs a server (PODOMETER_TEST_FAST is set)"));
        return None;
    }
    let value = std::env::var(name);
    Some(value.unwrap_or_else(|_| {
        panic!("{name} is not set: run ./test.sh, or start what tests/stack/servers.sh starts")
    }))
}

/// `HOST:PORT` of the Kafka.
pub(crate) fn kafka() -> Option<String> {
    variable("PODOMETER_TEST_BOOTSTRAP_SERVERS")
}

/// A Python that has two Kafka clients.
pub(crate) fn python() -> Option<String> {
    variable("PODOMETER_TEST_PYTHON")
}

/// An id that no other test on the same Kafka uses.
pub(crate) fn unique(name: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("{name}-{}-{number}", std::process::id())
}

/// A database of the test's own on the TimescaleDB of test.sh, or on another server.
pub(crate) struct Database {
    pub(crate) url: String,
    server: String,
    name: String,
}

impl Database {
    /// An empty one.
    pub(crate) fn make() -> Option<Self> {
        let server = variable("PODOMETER_TEST_DATABASE_URL")?;
        Some(Self::on(&server, None))
    }

    /// One that holds what another one holds now, as if restored from a backup.
    pub(crate) fn copy(&self) -> Self {
        Self::on(&self.server, Some(&self.name))
    }

    fn on(server: &str, template: Option<&str>) -> Self {
        let name = unique("test").replace('-', "_");
        let (start, _) = server.rsplit_once('/').unwrap();
        let database = Self {
            url: format!("{start}/{name}"),
            name,
            server: server.to_owned(),
        };
        let from = template.map(|template| format!(" template {template}"));
        let (name, from) = (&database.name, from.unwrap_or_default());
        let create = format!("create database {name}{from}");
        // TimescaleDB's workers may be in the one that is copied, and go again.
        until(&create, Duration::from_mins(1), || {
            let created = try_execute(server, &create);
            if template.is_none() {
                created.as_ref().unwrap();
            }
            created.is_ok()
        });
        database
    }

    /// Rows of a query, columns apart by `|`.
    pub(crate) fn rows(&self, sql: &str) -> Vec<String> {
        rows(&self.url, sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            execute(
                &self.server,
                &format!("drop database {} with (force)", self.name),
            );
        }
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap().block_on(work)
}

pub(crate) fn execute(url: &str, sql: &str) {
    try_execute(url, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn try_execute(url: &str, sql: &str) -> Result<(), sqlx::Error> {
    block_on(async {
        let mut connection = PgConnection::connect(url).await?;
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        done.execute(&mut connection).await.map(drop)
    })
}

pub(crate) fn rows(url: &str, sql: &str) -> Vec<String> {
    // Without parameters all comes as text.
    let cell = |row: &PgRow, at: usize| {
        let text: Option<String> = row.try_get_unchecked(at).unwrap();
        text.unwrap_or_default()
    };
    block_on(async {
        let mut connection = PgConnection::connect(url).await.unwrap();
        let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let rows = rows.fetch_all(&mut connection).await;
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let line = |row: &PgRow| {
            let cells: Vec<_> = (0..row.len()).map(|at| cell(row, at)).collect();
            cells.join("|")
        };
        rows.iter().map(line).collect()
    })
}

/// A PostgreSQL of the test's own, which goes when this does.
pub(crate) struct Postgres {
    folder: TempDir,
    port: u16,
    child: Child,
}

impl Postgres {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // It may run as another user.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
        let port = free_port();
        let child = run(&folder, port);
        let mut postgres = Self {
            folder,
            port,
            child,
        };
        postgres.wait();
        postgres
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Goes on with its data.
    pub(crate) fn again(&mut self) {
        self.child = run(&self.folder, self.port);
        self.wait();
    }

    fn wait(&mut self) {
        let url = self.url();
        until("Postgres answers", Duration::from_mins(2), || {
            assert!(self.child.try_wait().unwrap().is_none(), "Postgres ended");
            // It listens before it is ready.
            block_on(PgConnection::connect(&url)).is_ok()
        });
    }

    /// As a power cut would.
    pub(crate) fn kill(&mut self) {
        let parent = self.child.id().to_string();
        // Stopped, it can't have more children.
        signal("-STOP", &parent);
        let children = Command::new("ps")
            .args(["-o", "pid=", "--ppid", &parent])
            .output();
        for pid in String::from_utf8_lossy(&children.unwrap().stdout).split_whitespace() {
            signal("-KILL", pid);
        }
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        let _ = self.child.wait();
    }
}

fn signal(signal: &str, pid: &str) {
    let _ = Command::new("kill").args([signal, pid]).status();
}

fn run(folder: &TempDir, port: u16) -> Child {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/stack/timescaledb.sh"
    );
    let mut command = Command::new(script);
    command.arg("run").arg(folder.path()).arg(port.to_string());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // SAFETY: the closure makes one system call and allocates nothing.
    unsafe {
        command.pre_exec(|| Ok(prctl::set_pdeathsig(Signal::SIGKILL)?));
    }
    command.spawn().unwrap()
}

/// From below the ports that the kernel gives out by itself: a client that tries to reach a server that
/// is away must not be given its port.
pub(crate) fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let start = 12_000 + std::process::id() % 15_000;
    let next = || (start + GIVEN.fetch_add(1, Ordering::Relaxed)) as u16;
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(next).take(3000).find(free).unwrap()
}
