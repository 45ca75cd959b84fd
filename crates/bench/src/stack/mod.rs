//! Real servers of one's own, which can be killed and paused: Kafka nodes, a TimescaleDB, services.
//!
//! They listen on loopback ports that were free, keep their data in a temporary folder and end with
//! this program.

mod server;

use std::{
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

pub(crate) use server::Server;

use crate::chance::Chance;

/// How long a server may take until it answers.
const START: Duration = Duration::from_mins(2);

/// The servers.
pub(crate) struct Stack {
    pub(crate) brokers: Vec<Server>,
    pub(crate) database: Server,
    pub(crate) bootstrap_servers: String,
    pub(crate) database_url: String,
    folder: TempDir,
}

impl Stack {
    /// Starts a Kafka of so many nodes and a TimescaleDB, and waits until they answer.
    pub(crate) fn start(nodes: usize, heap: &str) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("podometer-stack-")
            .tempdir()?;
        // Postgres may run as another user.
        open_to_all(folder.path())?;
        let ports = free_ports(2 * nodes + 1)?;
        let (brokers, rest) = ports.split_at(nodes);
        let (controllers, postgres) = rest.split_at(nodes);
        let list = |ports: &[u16]| {
            ports
                .iter()
                .map(u16::to_string)
                .collect::<Vec<_>>()
                .join(",")
        };
        let kafka = |node: usize| {
            let arguments = [
                "run".to_owned(),
                path(&folder.path().join(format!("kafka-{node}"))),
                node.to_string(),
                list(brokers),
                list(controllers),
            ];
            let log = folder.path().join(format!("kafka-{node}.log"));
            let server = Server::new(script("kafka.sh"), arguments.into(), log);
            server.env("KAFKA_HEAP", heap)
        };
        let mut brokers_started = Vec::new();
        for node in 1..=nodes {
            let mut server = kafka(node);
            server.start()?;
            brokers_started.push(server);
        }
        let arguments = [
            "run".to_owned(),
            path(&folder.path().join("postgres")),
            postgres[0].to_string(),
        ];
        let log = folder.path().join("postgres.log");
        let mut database = Server::new(script("timescaledb.sh"), arguments.into(), log);
        database.start()?;
        for (port, server) in brokers.iter().zip(&brokers_started) {
            await_port(*port, server)?;
        }
        await_port(postgres[0], &database)?;
        let servers: Vec<_> = brokers
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        Ok(Self {
            brokers: brokers_started,
            database,
            bootstrap_servers: servers.join(","),
            database_url: format!("postgres://postgres@127.0.0.1:{}/postgres", postgres[0]),
            folder,
        })
    }

    /// Where the servers' data and logs are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

/// A script of tests/stack, in the checkout that this program was built from.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/stack")
        .join(name)
}

/// A program that was built with this one.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let path = this.with_file_name(name);
    if !path.is_file() {
        bail!(
            "{} is missing: build it with `cargo build --workspace`",
            path.display()
        );
    }
    Ok(path)
}

fn open_to_all(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let permissions = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(folder, permissions).with_context(|| path(folder))
}

/// Loopback ports that nobody listened on just now, from below those that the kernel gives out by
/// itself: a server that is started again must not find a client on its port.
pub(crate) fn free_ports(count: usize) -> Result<Vec<u16>> {
    let mut chance = Chance::new(u64::from(std::process::id()));
    let mut ports = Vec::new();
    for _ in 0..10_000 {
        let port = chance.between(12_000, 30_000) as u16;
        if !ports.contains(&port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            ports.push(port);
        }
        if ports.len() == count {
            return Ok(ports);
        }
    }
    bail!("no {count} free ports between 12000 and 30000")
}

fn await_port(port: u16, server: &Server) -> Result<()> {
    let until = Instant::now() + START;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if Instant::now() > until || !server.is_running() {
            bail!("{} did not start:\n{}", server.name(), server.last_words());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
