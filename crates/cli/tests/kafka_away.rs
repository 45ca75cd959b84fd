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
    sync::atomic::{AtomicU16, Ordering},
    thread,
    time::{Duration, Instant},
};

use harness::{Place, Running, processes_with, until};
use nix::sys::{prctl, signal::Signal};
use serde_json::json;
use sqlx::{Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};

/// How long Kafka is away, beside the time that it takes to start; 60 s and more by hand.
fn away() -> Duration {
    let seconds = std::env::var("PODOMETER_TEST_AWAY_SECONDS");
    let seconds = seconds.ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(20))
}
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
        let (broker, controller, folder) = (free_port(0), free_port(1), folder.to_owned());
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

/// From below the ports that the kernel gives out by itself: a client that tries to reach a server that
/// is away must not be given its port.
fn free_port(nth: usize) -> u16 {
    static LAST: AtomicU16 = AtomicU16::new(0);
    let start = 13_000 + (std::process::id() % 8_000) as u16 + nth as u16;
    loop {
        let port = start + LAST.fetch_add(7, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Says so if it is not to be run.
fn is_fast() -> bool {
    let fast = std::env::var_os("PODOMETER_TEST_FAST").is_some_and(|fast| fast == "1");
    if fast {
        println!("not run: it takes a minute, and PODOMETER_TEST_FAST is set");
    }
    fast
}

/// An order of shell scripts with their names.
fn start(place: &Place, kafka: &Kafka, tasks: &[(&str, &str)]) -> Running {
    let tasks = tasks
        .iter()
        .map(|(name, script)| json!({ "name": name, "local": ["sh", "-c", script] }));
    let order = json!({ "id": "a", "tasks": tasks.collect::<Vec<_>>() });
    place.write("a.json", order.to_string());
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
    Running::start(command)
}

/// Every sample of every run is there, and nothing lies about any more.
fn complete(place: &Place, tasks: usize) -> Vec<(i64, i64, Vec<i64>)> {
    let rows = rows(place);
    assert_eq!(rows.len(), tasks, "{rows:?}");
    for (position, missed, seqs) in &rows {
        let all: Vec<i64> = (0..seqs.len() as i64).collect();
        assert_eq!((*missed, seqs), (0, &all), "task {position}");
    }
    let left = place.data("a/runs").read_dir().unwrap().flatten();
    let left = left.filter(|file| file.file_name().to_string_lossy().contains("undelivered"));
    assert_eq!(left.count(), 0);
    // It is made when it is needed.
    let spooled = place.data("kafka.spool").read_dir();
    assert_eq!(spooled.map_or(0, Iterator::count), 0);
    rows
}

#[test]
fn an_outage_of_twenty_seconds_loses_nothing() {
    if is_fast() {
        return;
    }
    let place = Place::new();
    let mut kafka = Kafka::start(&place.path("kafka"));
    let short = ("short", "sleep 0.3; echo done");
    let long = (
        "long",
        "i=0; while [ $i -lt 80 ]; do i=$((i+1)); sleep 0.1; done; echo done",
    );
    let tasks = [short, short, long, short, short, short];
    let running = start(&place, &kafka, &tasks);
    let begun = place.data("a/runs/2-long-1.out");
    until("the long task runs", ORDER, || begun.exists());
    thread::sleep(Duration::from_secs(2));
    kafka.kill();
    thread::sleep(away());
    let next = place.data("a/runs/3-short-1.out");
    until("the plan goes on meanwhile", ORDER, || next.exists());
    kafka.again();
    let said = running.wait_for(ORDER);
    assert_eq!(said.code, Some(0), "{said:?}");
    // On a busy machine a Kafka that is just back may be silent for a second once more.
    let count = |text: &str| said.err.matches(text).count();
    let (away, back) = (
        count("samples of a go to the spool"),
        count("Kafka is back: "),
    );
    assert!((1..4).contains(&away) && away == back, "{said:?}");
    let rows = complete(&place, tasks.len());
    assert!(rows[2].2.len() > 80, "{rows:?}");
}

/// Kafka is killed in an order's only task. Returns when only the order's end is to be told.
fn away_at_the_end(place: &Place) -> (Kafka, Running) {
    let mut kafka = Kafka::start(&place.path("kafka"));
    let running = start(place, &kafka, &[("short", "sleep 2; echo done")]);
    let begun = place.data("a/runs/0-short-1.out");
    until("the task runs", ORDER, || begun.exists());
    kafka.kill();
    let left = place.data("a/runs/0-short-1.undelivered");
    until("the runner leaves its words", ORDER, || left.exists());
    // The path is in the environment of the runner alone.
    let is_gone = || processes_with(left.to_str().unwrap()).is_empty();
    until("the runner has ended", ORDER, is_gone);
    (kafka, running)
}

#[test]
fn an_order_that_ends_in_an_outage_waits_for_kafka() {
    if is_fast() {
        return;
    }
    let place = Place::new();
    let (mut kafka, running) = away_at_the_end(&place);
    thread::sleep(Duration::from_secs(5));
    kafka.again();
    let said = running.wait_for(ORDER);
    assert_eq!(said.code, Some(0), "{said:?}");
    let waits = "Kafka has not confirmed it yet";
    assert_eq!(said.err.matches(waits).count(), 1, "{said:?}");
    complete(&place, 1);
}

#[test]
fn nobody_has_to_wait_for_kafka() {
    if is_fast() {
        return;
    }
    let place = Place::new();
    let (_kafka, running) = away_at_the_end(&place);
    running.signal(Signal::SIGINT);
    // So close together they would be one.
    thread::sleep(Duration::from_millis(300));
    let begin = Instant::now();
    running.signal(Signal::SIGINT);
    let said = running.wait_for(ORDER);
    assert!(begin.elapsed() < Duration::from_secs(10), "{said:?}");
    assert!(said.err.contains("ending at once"), "{said:?}");
}

#[test]
fn what_a_killed_one_leaves_harms_nobody() {
    if is_fast() {
        return;
    }
    let place = Place::new();
    let (_kafka, running) = away_at_the_end(&place);
    running.signal(Signal::SIGKILL);
    running.wait_for(ORDER);
    assert!(place.data("a/runs/0-short-1.undelivered").exists());
    let next = place.ok(&["run", "a.json", "--no-charts"]);
    assert!(next.out.contains("order a-2 succeeded"), "{next:?}");
    let order = place.json(&["status", "a"], 0);
    assert_eq!(order["status"], "failed");
    assert_eq!(order["runs"][0]["reason"], "completed", "{order:#}");
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
