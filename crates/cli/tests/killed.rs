//! `kill -9` at random moments: of a runner, of a task, of the whole `podometer run`.
//!
//! Whatever is hit and whenever, the order's end is right, what is stored is whole, the next
//! `podometer run` starts clean, and no process is left over.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "cli/harness.rs"]
#[expect(dead_code, reason = "the other tests use more of it")]
mod harness;

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use harness::{Place, Running, Said, processes_with, until};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use sqlx::{Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};

const TRIES: u64 = 50;
/// At a time: the machine has to keep up with what the tasks wait for.
const THREADS: usize = 4;
/// The three tasks take about so long.
const LATEST_MS: u64 = 900;

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Podometer,
    Runner,
    Task,
}

/// One try, all of which follows from its number.
#[derive(Debug, Clone, Copy)]
struct Try {
    #[expect(dead_code, reason = "said when it fails")]
    number: u64,
    victim: Victim,
    after: Duration,
}

impl Try {
    fn new(number: u64) -> Self {
        let mut state = number;
        let victim = [Victim::Podometer, Victim::Runner, Victim::Task][(number % 3) as usize];
        let after = Duration::from_micros(splitmix(&mut state) % (LATEST_MS * 1000));
        Self {
            number,
            victim,
            after,
        }
    }
}

/// `SplitMix64` (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[test]
fn fifty_times_at_random() {
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= TRIES {
                        break;
                    }
                    attempt(Try::new(number));
                }
            });
        }
    });
}

fn attempt(this: Try) {
    let place = Place::new();
    let script = "i=0; while [ $i -lt 8 ]; do i=$((i+1)); sleep 0.03; done; echo done";
    let task = json!({ "name": "loop", "local": ["sh", "-c", script] });
    place.write(
        "a.json",
        json!({ "id": "a", "tasks": [task, task, task] }).to_string(),
    );
    let quick = json!({ "id": "next", "tasks": [{ "name": "true", "local": ["true"] }] });
    place.write("next.json", quick.to_string());
    let begun = Instant::now();
    let args = [
        "run",
        "a.json",
        "--no-charts",
        "--json",
        "--grace",
        "1s",
        "--period",
        "100ms",
    ];
    let running = Running::start(place.command(&args));
    thread::sleep(this.after.saturating_sub(begun.elapsed()));
    let hit = strike(this, &running);
    let said = running.wait();
    until(
        &format!("no process is left after {this:?}"),
        Duration::from_secs(20),
        || processes_with(place.path("").to_str().unwrap()).is_empty(),
    );
    let next = place.run(&["run", "next.json", "--no-charts"]);
    assert_eq!(next.code, Some(0), "{this:?}: {next:?}");
    assert!(
        next.out.contains("order next succeeded"),
        "{this:?}: {next:?}"
    );
    assert_eq!(
        fs::read_dir(place.data(".locks")).unwrap().count(),
        0,
        "{this:?}"
    );
    check_end(this, hit, &place, &said);
    check_rows(this, &place);
}

/// Kills the victim as soon as there is one; whether there was.
fn strike(this: Try, running: &Running) -> bool {
    let podometer = running.pid().as_raw();
    loop {
        let victim = match this.victim {
            Victim::Podometer => Some(podometer),
            Victim::Runner => runner(podometer),
            Victim::Task => runner(podometer).and_then(|pid| child(pid, |args| args[0] == "sh")),
        };
        if let Some(pid) = victim {
            return kill(Pid::from_raw(pid), Signal::SIGKILL).is_ok();
        }
        if stat(podometer).is_none_or(|(state, _)| state == "Z") {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn runner(podometer: i32) -> Option<i32> {
    child(podometer, |args| {
        args.get(1).is_some_and(|word| word == "runner")
    })
}

/// A child whose arguments fit.
fn child(parent: i32, fits: impl Fn(&[String]) -> bool) -> Option<i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let mut children = pids.filter(|pid| stat(*pid).is_some_and(|(_, of)| of == parent));
    children.find(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let args = line.split(|byte| *byte == 0);
        let args: Vec<_> = args
            .map(|arg| String::from_utf8_lossy(arg).into_owned())
            .collect();
        fits(&args)
    })
}

/// A process's state and parent.
fn stat(pid: i32) -> Option<(String, i32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text[text.rfind(')')? + 2..].split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

/// The order's end fits what was killed, in the store as in what was printed.
fn check_end(this: Try, hit: bool, place: &Place, said: &Said) {
    let orders = place.json(&["orders"], 0);
    let orders = orders.as_array().unwrap();
    let Some(order) = orders.iter().find(|order| order["id"] == "a") else {
        // It was killed before it had begun anything.
        assert_eq!(
            (this.victim, orders.len()),
            (Victim::Podometer, 1),
            "{this:?}"
        );
        return;
    };
    let order = place.json(&["status", order["id"].as_str().unwrap()], 0);
    let runs = order["runs"].as_array().unwrap();
    let reasons: Vec<_> = runs
        .iter()
        .map(|run| run["reason"].as_str().unwrap())
        .collect();
    let what = format!("{this:?}, hit {hit}: {order:#}\n{said:?}");
    if order["status"] == "succeeded" {
        assert_eq!(reasons, ["completed"; 3], "{what}");
    } else {
        assert_eq!(order["status"], "failed", "{what}");
        assert!(hit, "{what}");
        check_failure(this, &order, &reasons, &what);
    }
    if this.victim == Victim::Podometer && hit {
        return;
    }
    let printed: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(printed[0]["status"], order["status"], "{what}");
    let code = i32::from(order["status"] == "failed");
    assert_eq!(said.code, Some(code), "{what}");
}

fn check_failure(this: Try, order: &Value, reasons: &[&str], what: &str) {
    let (last, earlier) = match reasons.split_last() {
        Some((last, earlier)) => (*last, earlier),
        None => ("", &[][..]),
    };
    assert!(
        earlier.iter().all(|reason| *reason == "completed"),
        "{what}"
    );
    let run = &order["runs"][reasons.len().saturating_sub(1)];
    match this.victim {
        // Its last task may have come to its end by itself; and there may be none yet.
        Victim::Podometer => {
            assert!(["interrupted", "completed", ""].contains(&last), "{what}");
            assert!(
                order["message"].as_str().unwrap().contains("interrupted"),
                "{what}"
            );
        }
        Victim::Runner => {
            assert_eq!(last, "lost", "{what}");
            assert_eq!(run["censored"], true, "{what}");
        }
        Victim::Task => {
            assert_eq!(last, "signal", "{what}");
            assert_eq!(run["signal"], 9, "{what}");
            assert_eq!(run["censored"], false, "{what}");
        }
    }
}

/// The file is whole, and no sample is missing or doubled without a word.
fn check_rows(this: Try, place: &Place) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(place.data("podometer.db"));
        let mut database = SqliteConnection::connect_with(&options).await.unwrap();
        let whole: String = sqlx::query_scalar("pragma integrity_check")
            .fetch_one(&mut database)
            .await
            .unwrap();
        assert_eq!(whole, "ok", "{this:?}");
        let rows = sqlx::query(
            "select r.position, r.attempt, r.missed_samples, r.stored_samples, count(s.seq) n, \
             count(distinct s.seq) different, min(s.seq) first, max(s.seq) last \
             from run r left join sample_wide s using (order_id, position, attempt) \
             group by r.order_id, r.position, r.attempt",
        );
        for row in rows.fetch_all(&mut database).await.unwrap() {
            let number = |name: &str| row.get::<Option<i64>, _>(name);
            let what = format!(
                "{this:?}: {:?}",
                (0..8)
                    .map(|i| row.get::<Option<i64>, _>(i))
                    .collect::<Vec<_>>()
            );
            let n = number("n").unwrap();
            assert_eq!(number("different"), Some(n), "{what}");
            assert_eq!(number("stored_samples").unwrap_or(0), n, "{what}");
            if n > 0 && number("missed_samples").unwrap_or(0) == 0 {
                assert_eq!(
                    (number("first"), number("last")),
                    (Some(0), Some(n - 1)),
                    "{what}"
                );
            }
        }
        let orphans: i64 = sqlx::query_scalar(
            "select count(*) from sample_wide s left join run r \
             using (order_id, position, attempt) where r.order_id is null",
        )
        .fetch_one(&mut database)
        .await
        .unwrap();
        assert_eq!(orphans, 0, "{this:?}");
    });
}
