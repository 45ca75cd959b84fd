//! What becomes of a command, and what the termination log says of it.

#![allow(clippy::unwrap_used, reason = "a test that fails here says so")]

mod common;

use std::fs;

use common::{is_running, log, run, soon, spec, start, wait};
use model::Reason;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_command_that_does_nothing_has_totals() {
    let folder = folder();
    let spec = spec(folder.path(), &["true"]);
    let (code, log) = run(&spec);
    assert_eq!(code, 0);
    let end = log.end.unwrap();
    assert_eq!(
        (end.exit_code, end.signal, end.reason),
        (Some(0), None, Reason::Completed)
    );
    assert!(!end.censored);
    assert!(log.totals.cpu_seconds.unwrap() > 0.0);
    assert!(log.totals.cpu_seconds.unwrap() < 0.1);
    assert!(log.totals.duration_seconds.unwrap() < 1.0);
    assert_eq!(log.totals.leftover_processes, Some(0));
    assert!(log.last_seq >= 1, "baseline and final");
}

#[test]
fn exit_codes_and_signals_are_passed_on() {
    let folder = folder();
    let (code, log) = run(&spec(folder.path(), &["sh", "-c", "exit 37"]));
    let end = log.end.unwrap();
    assert_eq!(
        (code, end.exit_code, end.reason),
        (37, Some(37), Reason::Error)
    );
    let (code, log) = run(&spec(folder.path(), &["sh", "-c", "kill -SEGV $$"]));
    let end = log.end.unwrap();
    assert_eq!((code, end.exit_code, end.signal), (139, None, Some(11)));
    assert_eq!(end.reason, Reason::Signal);
}

#[test]
fn what_cannot_be_started_says_why() {
    let folder = folder();
    let (code, log) = run(&spec(folder.path(), &["no-such-command"]));
    let end = log.end.unwrap();
    assert_eq!(
        (code, end.exit_code, end.reason),
        (127, Some(127), Reason::Error)
    );
    assert!(end.message.unwrap().contains("no-such-command"));
    fs::write(folder.path().join("plain"), "x").unwrap();
    let (code, _) = run(&spec(folder.path(), &["./plain"]));
    assert_eq!(code, 126);
}

#[test]
fn output_is_the_file_else_the_last_line() {
    let folder = folder();
    let (_, log) = run(&spec(folder.path(), &["sh", "-c", "echo one; echo two"]));
    assert_eq!(log.output.as_deref(), Some("two"));
    let (_, log) = run(&spec(
        folder.path(),
        &["sh", "-c", "echo one; printf 'file\\n' > $PODOMETER_OUTPUT"],
    ));
    assert_eq!(log.output.as_deref(), Some("file"));
}

#[test]
fn a_long_output_stays_out_of_a_short_log() {
    let folder = folder();
    let argv = ["sh", "-c", "head -c 60000 /dev/zero | tr '\\0' x"];
    let spec = spec(folder.path(), &argv);
    let (_, log) = run(&spec);
    assert_eq!(log.output, None);
    assert!(fs::metadata(&spec.termination_log).unwrap().len() <= 4096);
}

#[test]
fn the_spec_and_its_secrets_stay_with_the_runner() {
    let folder = folder();
    run(&spec(folder.path(), &["env"]));
    let seen = fs::read_to_string(folder.path().join("out")).unwrap();
    assert!(seen.contains("PODOMETER_OUTPUT="));
    assert!(
        !seen.contains("secret") && !seen.contains("PODOMETER_ATTEMPT="),
        "{seen}"
    );
}

#[test]
fn a_command_past_its_time_is_asked_then_killed() {
    let folder = folder();
    let mut polite = spec(folder.path(), &["sleep", "61.5"]);
    polite.timeout = Some("200ms".parse().unwrap());
    let (code, log) = run(&polite);
    assert_eq!((code, log.end.unwrap().reason), (143, Reason::TimedOut));
    let mut deaf = spec(
        folder.path(),
        &["sh", "-c", "trap '' TERM; sleep 62.5; sleep 62.5"],
    );
    deaf.timeout = Some("200ms".parse().unwrap());
    deaf.grace = "300ms".parse().unwrap();
    let (code, log) = run(&deaf);
    assert_eq!((code, log.end.unwrap().reason), (137, Reason::TimedOut));
    assert!(!is_running("62.5"));
}

#[test]
fn terminated_from_outside() {
    let folder = folder();
    let argv = ["sh", "-c", "touch ready; exec sleep 63.5"];
    let spec = spec(folder.path(), &argv);
    let child = start(&spec);
    soon("it runs", || folder.path().join("ready").exists());
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
    assert_eq!(wait(child), 143);
    assert_eq!(log(&spec).end.unwrap().reason, Reason::Terminated);
}

#[test]
fn what_the_command_leaves_behind_is_ended_and_counted() {
    let folder = folder();
    // One in the group, one that left it, one whose parent is gone, one that is deaf.
    let script = "sleep 64.5 & setsid sleep 64.5 & (setsid sleep 64.5 &) ; \
                  sh -c \"trap '' TERM; sleep 64.5; sleep 64.5\" & exit 3";
    let mut spec = spec(folder.path(), &["sh", "-c", script]);
    spec.grace = "300ms".parse().unwrap();
    let (code, log) = run(&spec);
    assert_eq!(code, 3);
    assert!(
        log.totals.leftover_processes.unwrap() >= 4,
        "{:?}",
        log.totals.leftover_processes
    );
    assert!(!is_running("64.5"));
}

#[test]
fn killed_from_outside_the_runner_leaves_its_log_and_takes_the_command_along() {
    let folder = folder();
    let spec = spec(folder.path(), &["sh", "-c", "while :; do :; done # 65.5"]);
    let child = start(&spec);
    let used = || common::try_log(&spec).and_then(|log| log.totals.cpu_seconds);
    soon("totals are noted", || used() > Some(0.2));
    kill(Pid::from_raw(child.id() as i32), Signal::SIGKILL).unwrap();
    wait(child);
    let log = log(&spec);
    assert!(log.end.is_none());
    assert!(
        log.totals.cpu_seconds.unwrap() > 0.2,
        "totals up to the last sample"
    );
    assert!(log.process_group.is_some());
    soon("the command is gone", || !is_running("65.5"));
}

#[test]
fn signals_for_the_task_are_passed_on() {
    let folder = folder();
    let script = "trap 'echo heard; exit 5' USR1; touch ready; while :; do sleep 0.05; done";
    let spec = spec(folder.path(), &["sh", "-c", script]);
    let child = start(&spec);
    soon("it listens", || folder.path().join("ready").exists());
    kill(Pid::from_raw(child.id() as i32), Signal::SIGUSR1).unwrap();
    assert_eq!(wait(child), 5);
    assert_eq!(log(&spec).output.as_deref(), Some("heard"));
}
