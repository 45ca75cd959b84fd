//! A real Kafka is killed for 20 s in the middle of an order: nothing that was measured is lost, and
//! the order ends well.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "cli/harness.rs"]
#[expect(dead_code, reason = "the other tests use more of it")]
mod harness;

use std::{
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use harness::{Place, Running, until};
use nix::sys::{prctl, signal::Signal};
use serde_json::json;
use sqlx::{Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};

/// How long Kafka is away, beside the time that it takes to start.
const AWAY: Duration = Duration::from_secs(20);
/// A fresh machine has to get it first.
const START: Duration = Duration::from_mins(5);
const ORDER: Duration = Duration::from_mins(4);

/// A Kafka of one node, which goes when this does.
struct Kafka {
    child: Child,
    address: String,
    command: Box<dyn Fn() -> Command>,
}

impl Kafka {
    fn start(folder: &Path) -> Self {
        let port = || {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let (broker, controller, folder) = (port(), port(), folder.to_owned());
        let command = move || {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/stack/kafka.sh");
            let mut command = Command::new(script);
            command.arg("run").arg(&folder).arg("1");
            command.args([broker.to_string(), controller.to_string()]);
            command.stdin(Stdio::null()).stdout(Stdio::null());
            // SAFETY: the closure makes one system call and allocates nothing.
            unsafe {
                command.pre_exec(|| Ok(prctl::set_pdeathsig(Signal::SIGKILL)?));
            }
            command
        };
        let mut kafka = Self {
            child: command().spawn().unwrap(),
            address: format!("127.0.0.1:{broker}"),
            command: Box::new(command),
        };
        kafka.wait();
        kafka
    }

    fn wait(&mut self) {
        let address = self.address.clone();
        until("Kafka answers", START, || {
            assert!(self.child.try_wait().unwrap().is_none(), "Kafka ended");
            TcpStream::connect(&address).is_ok()
        });
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Goes on with its data.
    fn again(&mut self) {
        self.child = (self.command)().spawn().unwrap();
        self.wait();
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_outage_of_twenty_seconds_loses_nothing() {
    if std::env::var_os("PODOMETER_TEST_FAST").is_some_and(|fast| fast == "1") {
        println!("not run: it takes a minute, and PODOMETER_TEST_FAST is set");
        return;
    }
    let place = Place::new();
    let mut kafka = Kafka::start(&place.path("kafka"));
    let sh = |name: &str, script: &str| json!({ "name": name, "local": ["sh", "-c", script] });
    let short = sh("short", "sleep 0.3; echo done");
    let long = sh(
        "long",
        "i=0; while [ $i -lt 80 ]; do i=$((i+1)); sleep 0.1; done; echo done",
    );
    let tasks = [&short, &short, &long, &short, &short, &short];
    place.write("a.json", json!({ "id": "a", "tasks": tasks }).to_string());
    let args = [
        "run",
        "a.json",
        "--no-charts",
        "--json",
        "--period",
        "100ms",
    ];
    let mut command = place.command(&args);
    command.args(["--bootstrap-servers", &kafka.address]);
    let running = Running::start(command);
    let begun = place.data("a/runs/2-long-1.out");
    until("the long task runs", ORDER, || begun.exists());
    thread::sleep(Duration::from_secs(2));
    kafka.kill();
    thread::sleep(AWAY);
    assert!(
        place.data("a/runs/3-short-1.out").exists(),
        "the plan goes on meanwhile"
    );
    kafka.again();
    let said = running.wait_for(ORDER);
    println!("{}", said.err);
    assert_eq!(said.code, Some(0), "{said:?}");
    let once = |text: &str| assert_eq!(said.err.matches(text).count(), 1, "{text}: {}", said.err);
    once("samples of a go to the spool");
    once("Kafka is back: ");
    let rows = rows(&place);
    assert_eq!(rows.len(), tasks.len(), "{rows:?}");
    for (position, missed, seqs) in &rows {
        let all: Vec<i64> = (0..seqs.len() as i64).collect();
        assert_eq!((*missed, seqs), (0, &all), "task {position}");
    }
    assert!(rows[2].2.len() > 80, "{rows:?}");
    let left = place.data("a/runs").read_dir().unwrap().flatten();
    let left = left.filter(|file| file.file_name().to_string_lossy().contains("undelivered"));
    assert_eq!(left.count(), 0);
    assert_eq!(place.data("kafka.spool").read_dir().unwrap().count(), 0);
}

/// Of each run its position, how many samples it misses, and the sequence numbers that are stored.
/// The order itself stands as well ended and completely stored.
fn rows(place: &Place) -> Vec<(i64, i64, Vec<i64>)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(place.data("podometer.db"));
        let mut database = SqliteConnection::connect_with(&options).await.unwrap();
        let order = sqlx::query("select status, storing_complete from orders");
        let order = order.fetch_one(&mut database).await.unwrap();
        assert_eq!(
            (order.get::<&str, _>(0), order.get::<i64, _>(1)),
            ("succeeded", 1)
        );
        let runs = sqlx::query(
            "select r.position, coalesce(r.missed_samples, 0), group_concat(s.seq) from run r \
             join (select * from sample_wide order by seq) s using (order_id, position, attempt) \
             where r.reason is not null group by r.position order by r.position",
        );
        let runs = runs.fetch_all(&mut database).await.unwrap();
        runs.iter()
            .map(|run| {
                let mut seqs: Vec<i64> = run
                    .get::<&str, _>(2)
                    .split(',')
                    .map(|seq| seq.parse().unwrap())
                    .collect();
                seqs.sort_unstable();
                (run.get(0), run.get(1), seqs)
            })
            .collect()
    })
}
