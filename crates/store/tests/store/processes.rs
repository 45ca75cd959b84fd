//! Several processes on one file, some of them killed. The children are this very test program,
//! told by an environment variable what to do.

use std::{
    env,
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use store::{Error, Migrations, Store};

use crate::given::*;

const ROLE: &str = "PODOMETER_STORE_TEST_ROLE";
const FILE: &str = "PODOMETER_STORE_TEST_FILE";

/// A child that is ended with its test.
struct Helper(Child);

impl Drop for Helper {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn helper(role: &str, path: &Path) -> Helper {
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "processes::helper_process", "--nocapture"])
        .env(ROLE, role)
        .env(FILE, path)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    Helper(child)
}

/// What a child does; as a test of its own it does nothing.
#[tokio::test]
async fn helper_process() {
    let (Ok(role), Some(path)) = (env::var(ROLE), env::var_os(FILE)) else {
        return;
    };
    if role == "be refused" {
        return be_refused(Path::new(&path)).await;
    }
    let store = Store::open(&Path::new(&path).into(), Migrations::Run)
        .await
        .unwrap();
    match role.split_once(' ').unwrap_or((role.as_str(), "0")) {
        ("register", first) => register(&store, first.parse().unwrap()).await,
        _ => store_on_and_on(&store).await,
    }
}

async fn register(store: &Store, first: u32) {
    for n in first..first + 10 {
        let wanted = store::NewOrder {
            again: true,
            ..order("leaf", n)
        };
        store.register(wanted).await.unwrap();
    }
}

async fn be_refused(path: &Path) {
    let reader = Store::open_existing(&path.into()).await;
    let writer = Store::open(&path.with_file_name("other.db").into(), Migrations::Run).await;
    for refused in [reader, writer] {
        assert!(matches!(refused, Err(Error::Denied { .. })), "{refused:?}");
    }
}

/// One sample a record, so that the offset says how many there must be.
async fn store_on_and_on(store: &Store) {
    loop {
        let from = offset(store, 1).await.unwrap_or(0);
        let items = (from..from + 2000).map(|seq| sample(key(1, 0, 1), "resize", seq as u64));
        store
            .ingest(&batch(1, from, items.collect()))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn two_processes_never_give_the_same_id() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("podometer.db");
    let mut children = [helper("register 0", &path), helper("register 10", &path)];
    for child in &mut children {
        assert!(child.0.wait().unwrap().success());
    }
    let names = "select count(distinct name), count(*) from orders where name like 'leaf%'";
    assert_eq!(rows(&path, names).await, "20|20\n");
}

#[tokio::test]
async fn a_killed_writer_leaves_a_whole_store() {
    let given = a_store_with_order().await;
    let mut last = 0;
    for round in 0..8u64 {
        let writer = helper("store", &given.path);
        sleep(Duration::from_millis(150 + round * 37 % 100));
        // Reading goes on meanwhile.
        let during = given.store.sample_count(uid(1)).await.unwrap();
        drop(writer);
        let offset = offset(&given.store, 1).await.unwrap_or(0);
        assert_eq!(
            given.store.sample_count(uid(1)).await.unwrap(),
            offset as u64
        );
        assert!(during <= offset as u64 && last <= offset);
        assert_eq!(rows(&given.path, "pragma integrity_check").await, "ok\n");
        last = offset;
    }
    assert!(last > 0, "the writers wrote nothing");
    let order = given.store.order(&id("leaf-1")).await.unwrap().unwrap();
    assert_eq!(order.status, model::Status::Running);
}

#[tokio::test]
async fn readers_are_served_while_another_process_writes() {
    let given = a_store_with_order().await;
    let _writer = helper("store", &given.path);
    let reader = Store::open_existing(&given.location).await.unwrap();
    for _ in 0..50 {
        reader.orders(store::OrderFilter::default()).await.unwrap();
        reader.runs(&id("leaf-1")).await.unwrap();
        reader
            .set_status(uid(1), model::Status::Running, None, at(1))
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Root may write anywhere, so for root the child is somebody else.
#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_may_only_be_read_is_named() {
    use std::{
        fs::{self, Permissions},
        os::unix::{fs::PermissionsExt, process::CommandExt},
    };
    let given = a_store().await;
    given.store.close().await;
    let folder = given.path.parent().unwrap();
    let program = folder.join("helper");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    for path in [folder, folder.parent().unwrap()] {
        fs::set_permissions(path, Permissions::from_mode(0o555)).unwrap();
    }
    let mut command = Command::new(&program);
    command
        .args(["--exact", "processes::helper_process", "--nocapture"])
        .env(ROLE, "be refused")
        .env(FILE, &given.path)
        .current_dir("/");
    if fs::write(folder.join("probe"), "").is_ok() {
        command.uid(65534).gid(65534);
    }
    let output = command.output().unwrap();
    for path in [folder.parent().unwrap(), folder] {
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
