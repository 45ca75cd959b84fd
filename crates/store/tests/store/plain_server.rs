//! A server without TimescaleDB: the same one, told not to load it.

use std::{
    fs::{self, Permissions},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Stdio},
    time::Duration,
};

use store::{Abilities, Migrations, Options, Store};
use tempfile::TempDir;

use crate::{
    given::*,
    server::{Database, rows, url},
};

/// A server of the test's own.
struct Server {
    child: Child,
    url: String,
    _folder: TempDir,
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The server doesn't run as root, and has to enter it.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/stack/timescaledb.sh"
        );
        let child = Command::new("bash")
            .args([script, "run"])
            .arg(folder.path())
            .args([&port.to_string(), "-c", "shared_preload_libraries="])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        let server = Self {
            child,
            url,
            _folder: folder,
        };
        server.wait().await;
        server
    }

    async fn wait(&self) {
        use sqlx::{ConnectOptions, postgres::PgConnectOptions};
        let options: PgConnectOptions = self.url.parse().unwrap();
        for _ in 0..600 {
            if options.connect().await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the server doesn't start");
    }
}

impl Drop for Server {
    /// At once, without waiting for its clients.
    fn drop(&mut self) {
        Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status()
            .ok();
        self.child.wait().ok();
    }
}

#[tokio::test]
async fn without_timescaledb_a_store_does_the_same() {
    if url().is_none() {
        return;
    }
    let server = Server::start().await;
    let database = Database::on(&server.url).await;
    let options = Options {
        retention: Some(Duration::from_hours(1)),
        ..Migrations::Run.into()
    };
    let store = Store::open(&database.address().into(), options)
        .await
        .unwrap();
    assert_eq!(store.abilities(), Abilities::Plain);
    store.register(order("leaf-1", 1)).await.unwrap();
    ingest(&store, 1, whole_run(key(1, 0, 1), "resize")).await;
    assert_eq!(
        ingest(&store, 1, whole_run(key(1, 0, 1), "resize")).await,
        0
    );
    assert_eq!(
        store
            .samples(&id("leaf-1"), key(1, 0, 1).position, key(1, 0, 1).attempt)
            .await
            .unwrap()
            .len(),
        5
    );
    assert_eq!(store.runs(&id("leaf-1")).await.unwrap().len(), 1);
    let kept = store.housekeep(at(60)).await.unwrap();
    assert_eq!((kept.minutes, kept.dropped), (1, 0));
    let kept = store.housekeep(at(3602)).await.unwrap();
    assert_eq!(
        (kept.minutes, kept.dropped),
        (0, 2),
        "the first two seconds"
    );
    assert_eq!(
        rows(&database.url, "select sum(samples) from sample_minute").await,
        "5\n"
    );
    store.migrate_down(0).await.unwrap();
    let left = "select count(*) from pg_tables where schemaname = 'podometer'";
    assert_eq!(
        rows(&database.url, left).await,
        "1\n",
        "the list of migrations"
    );
    store.close().await;
}
