//! A command whose output goes through the runner to the runner's own.

#![allow(clippy::unwrap_used, reason = "a test that fails here says so")]

mod common;

use std::{
    io::Read,
    path::Path,
    process::{Child, Command, Output, Stdio as Process},
    time::{Duration, Instant},
};

use common::{log, spec, wait};
use model::{
    AttemptSpec,
    attempt::{SPEC_VARIABLE, Stdio},
};

fn tee(folder: &Path, script: &str) -> AttemptSpec {
    AttemptSpec {
        stdio: Stdio::Tee,
        ..spec(folder, &["sh", "-c", script])
    }
}

fn start(spec: &AttemptSpec) -> Child {
    Command::new(env!("CARGO_BIN_EXE_task-runner"))
        .env(SPEC_VARIABLE, serde_json::to_string(spec).unwrap())
        .stdin(Process::null())
        .stdout(Process::piped())
        .stderr(Process::piped())
        .spawn()
        .unwrap()
}

fn run(spec: &AttemptSpec) -> Output {
    start(spec).wait_with_output().unwrap()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn what_it_says_goes_on_and_its_last_line_is_the_output() {
    let folder = folder();
    let mut spec = tee(folder.path(), "echo one; echo trouble >&2; echo two; echo");
    let output = run(&spec);
    assert_eq!(output.stdout, b"one\ntwo\n\n");
    assert_eq!(output.stderr, b"trouble\n");
    assert_eq!(log(&spec).output.as_deref(), Some("two"));
    spec.argv[2] = "echo one; echo file > $PODOMETER_OUTPUT".to_owned();
    assert_eq!(run(&spec).stdout, b"one\n");
    assert_eq!(log(&spec).output.as_deref(), Some("file"));
}

#[test]
fn a_hundred_megabytes_are_quick_and_the_copying_is_the_runners_own() {
    const BYTES: usize = 100_000_000;
    let folder = folder();
    let spec = tee(
        folder.path(),
        &format!("yes 'a line of a log' | head -c {BYTES}; echo; echo last"),
    );
    let began = Instant::now();
    let mut child = start(&spec);
    let (mut out, mut buffer, mut seen) = (child.stdout.take().unwrap(), vec![0; 1 << 20], 0);
    loop {
        match out.read(&mut buffer).unwrap() {
            0 => break,
            count => seen += count,
        }
    }
    assert_eq!((wait(child), seen), (0, BYTES + "\nlast\n".len()));
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    let log = log(&spec);
    assert_eq!(log.output.as_deref(), Some("last"));
    // To copy so much takes a few hundredths of a second at least.
    let monitor = log.totals.monitor_cpu_seconds.unwrap();
    assert!(monitor > 0.01, "{monitor}");
    assert!(log.last_seq >= 1);
}

#[test]
fn a_reader_that_goes_away_does_the_task_no_harm() {
    let folder = folder();
    let spec = tee(folder.path(), "yes | head -c 3000000; echo last; exit 3");
    let mut child = start(&spec);
    drop(child.stdout.take());
    assert_eq!(wait(child), 3);
    assert_eq!(log(&spec).output.as_deref(), Some("last"));
}

#[test]
fn a_reader_that_does_not_read_delays_the_end_by_little() {
    let folder = folder();
    // One pipe full behind the runner, a piece in its hands, the rest in the pipe before it.
    let spec = tee(folder.path(), "yes | head -c 120000; echo last");
    let (began, child) = (Instant::now(), start(&spec));
    assert_eq!(wait(child), 0);
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(log(&spec).output.as_deref(), Some("last"));
}

#[test]
fn a_descendant_that_keeps_the_output_open_is_not_waited_for() {
    let folder = folder();
    let mut spec = tee(
        folder.path(),
        "(trap '' TERM; setsid sleep 67.5) & echo last",
    );
    spec.grace = "200ms".parse().unwrap();
    let began = Instant::now();
    let output = run(&spec);
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(output.stdout, b"last\n");
    assert_eq!(log(&spec).output.as_deref(), Some("last"));
}
