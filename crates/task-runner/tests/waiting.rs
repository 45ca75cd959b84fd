//! A runner that was made ready ahead, and what a cluster gives a runner beside its spec.

#![allow(clippy::unwrap_used, reason = "a test that fails here says so")]

mod common;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio as Process},
    time::Duration,
};

use common::{log, soon, spec, start, try_log, wait};
use model::{
    AttemptSpec, Reason,
    attempt::{
        KAFKA_PROPERTIES_VARIABLE, SPEC_VARIABLE, STREAM_HOST_VARIABLE, TOKEN_VARIABLE, Token,
    },
    stream::{Frame, Given, Go, Heard, Hello},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn waiting(folder: &Path, argv: &[&str]) -> AttemptSpec {
    AttemptSpec {
        wait: true,
        stream_port: Some(free_port()),
        ..spec(folder, argv)
    }
}

/// Says a line to the runner as soon as it listens; its answer.
fn tell(spec: &AttemptSpec, line: &impl serde::Serialize) -> String {
    let address = ("127.0.0.1", spec.stream_port.unwrap());
    soon("it listens", || TcpStream::connect(address).is_ok());
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    writeln!(stream, "{}", serde_json::to_string(line).unwrap()).unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer
}

fn go(spec: &AttemptSpec, given: Given) -> Heard {
    let go = Go {
        token: spec.token.clone(),
        key: spec.key,
        go: given,
    };
    serde_json::from_str(&tell(spec, &go)).unwrap()
}

fn given(variable: &str, argument: &str) -> Given {
    Given {
        env: [("PODOMETER_PROGRESS".to_owned(), variable.to_owned())].into(),
        argv_tail: vec![argument.to_owned()],
    }
}

#[test]
fn it_starts_on_the_word_and_a_second_word_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo $PODOMETER_PROGRESS $0; until [ -e end ]; do sleep 0.02; done";
    let spec = waiting(folder.path(), &["sh", "-c", script]);
    let child = start(&spec);
    let mut wrong = spec.clone();
    wrong.token = Token("another".to_owned());
    assert_eq!(go(&wrong, given("x", "y")), Heard::Refused);
    wrong = spec.clone();
    wrong.key.attempt.0 += 1;
    assert_eq!(go(&wrong, given("x", "y")), Heard::Refused);
    assert!(!folder.path().join("out").exists() && try_log(&spec).is_none());
    let long = "p".repeat(100_000);
    assert_eq!(go(&spec, given(&long, "tail")), Heard::Started);
    assert_eq!(go(&spec, given("other", "other")), Heard::Started);
    let hello = Hello {
        token: spec.token.clone(),
        key: spec.key,
    };
    let frame: Frame = serde_json::from_str(&tell(&spec, &hello)).unwrap();
    assert!(
        matches!(frame, Frame::Reading(reading) if reading.seq == 0),
        "the baseline"
    );
    fs::write(folder.path().join("end"), "").unwrap();
    assert_eq!(wait(child), 0);
    let said = fs::read_to_string(folder.path().join("out")).unwrap();
    assert_eq!(said, format!("{long} tail\n"));
    assert_eq!(log(&spec).end.unwrap().reason, Reason::Completed);
}

#[test]
fn what_cannot_be_started_is_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let spec = waiting(folder.path(), &["no-such-command"]);
    let child = start(&spec);
    let Heard::Failed(why) = go(&spec, Given::default()) else {
        panic!()
    };
    assert!(why.contains("no-such-command"), "{why}");
    assert_eq!(wait(child), 127);
    assert_eq!(log(&spec).end.unwrap().reason, Reason::Error);
}

#[test]
fn terminated_while_it_waits_it_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let spec = waiting(folder.path(), &["sh", "-c", "touch ran"]);
    let child = start(&spec);
    let address = ("127.0.0.1", spec.stream_port.unwrap());
    soon("it listens", || TcpStream::connect(address).is_ok());
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
    assert_eq!(wait(child), 143);
    assert!(!folder.path().join("ran").exists());
    assert_eq!(fs::read(&spec.termination_log).unwrap(), b"");
}

#[test]
fn a_port_that_is_taken_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut spec = waiting(folder.path(), &["true"]);
    spec.stream_port = Some(taken.local_addr().unwrap().port());
    assert_eq!(wait(start(&spec)), 2);
    spec.wait = false;
    assert_eq!(
        wait(start(&spec)),
        0,
        "without a stream it runs all the same"
    );
}

#[test]
fn secrets_beside_the_spec_are_used_and_stay_with_the_runner() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = waiting(folder.path(), &["sh", "-c", "env"]);
    (spec.token, spec.stream_host) = (Token(String::new()), String::new());
    let child = Command::new(env!("CARGO_BIN_EXE_task-runner"))
        .env(SPEC_VARIABLE, serde_json::to_string(&spec).unwrap())
        .env(TOKEN_VARIABLE, "hush-token")
        .env(KAFKA_PROPERTIES_VARIABLE, "sasl.password=hush-password")
        .env(STREAM_HOST_VARIABLE, "127.0.0.1")
        .stdin(Process::null())
        .spawn()
        .unwrap();
    assert_eq!(
        go(&spec, Given::default()),
        Heard::Refused,
        "no token is no key"
    );
    spec.token = Token("hush-token".to_owned());
    assert_eq!(go(&spec, Given::default()), Heard::Started);
    assert_eq!(wait(child), 0);
    let seen = fs::read_to_string(folder.path().join("out")).unwrap();
    assert!(seen.contains("PODOMETER_OUTPUT="));
    for ours in [
        "hush",
        "PODOMETER_ATTEMPT=",
        "_TOKEN",
        "_PROPERTIES",
        "_STREAM_HOST",
    ] {
        assert!(!seen.contains(ours), "{ours} in {seen}");
    }
}

#[test]
fn it_installs_itself() {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    for _ in 0..2 {
        let status = Command::new(env!("CARGO_BIN_EXE_task-runner"))
            .arg("install")
            .arg(&bin)
            .status();
        assert!(status.unwrap().success());
    }
    let installed = bin.join("task-runner");
    let mode = fs::metadata(&installed).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o555);
    let spec = spec(folder.path(), &["echo", "hi"]);
    let status = Command::new(&installed)
        .env(SPEC_VARIABLE, serde_json::to_string(&spec).unwrap())
        .status();
    assert!(status.unwrap().success());
    assert_eq!(log(&spec).output.as_deref(), Some("hi"));
    let said = Command::new(installed).arg("what").output().unwrap();
    assert_eq!(said.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&said.stderr).contains("install FOLDER"));
}
