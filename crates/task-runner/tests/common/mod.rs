//! Runs the real runner on real commands.

use std::{
    path::Path,
    process::{Child, Command, Stdio as Process},
    time::{Duration, Instant},
};

use model::{
    AttemptKey, AttemptSpec, TerminationLog,
    attempt::{Launcher, Resources, SPEC_VARIABLE, Stdio, Token},
    order::Messages,
};

/// A command that hangs is a failure.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn spec(folder: &Path, argv: &[&str]) -> AttemptSpec {
    AttemptSpec {
        order: "leaf-1".parse().unwrap(),
        key: AttemptKey {
            order_uid: model::OrderUid(uuid::Uuid::now_v7()),
            position: model::Position(0),
            attempt: model::Attempt(1),
        },
        task: "load".parse().unwrap(),
        argv: argv.iter().map(|s| (*s).to_owned()).collect(),
        env: [(
            "PODOMETER_OUTPUT".to_owned(),
            folder.join("output").display().to_string(),
        )]
        .into(),
        working_dir: Some(folder.to_owned()),
        image: None,
        image_digest: None,
        resources: Resources::default(),
        timeout: None,
        grace: "1s".parse().unwrap(),
        period: "1s".parse().unwrap(),
        messages: Messages::Runner,
        launcher: Launcher::Local,
        own_cgroup: false,
        own_network: false,
        bus: None,
        token: Token("secret".to_owned()),
        stream_host: "127.0.0.1".to_owned(),
        stream_port: None,
        wait: false,
        termination_log: folder.join("end.json"),
        undelivered: Some(folder.join("undelivered")),
        output_file: folder.join("output"),
        input: None,
        stdio: Stdio::Files {
            out: folder.join("out"),
            err: folder.join("err"),
        },
    }
}

#[allow(dead_code, reason = "not every test needs it")]
pub(crate) fn start(spec: &AttemptSpec) -> Child {
    Command::new(env!("CARGO_BIN_EXE_task-runner"))
        .env(SPEC_VARIABLE, serde_json::to_string(spec).unwrap())
        .stdin(Process::null())
        .spawn()
        .unwrap()
}

/// Waits for the end; the exit code.
pub(crate) fn wait(mut child: Child) -> i32 {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        if Instant::now() > until {
            child.kill().unwrap();
            panic!("the runner hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn log(spec: &AttemptSpec) -> TerminationLog {
    let text = std::fs::read_to_string(&spec.termination_log).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The log as it stands; `None` if there is none yet.
#[allow(dead_code, reason = "not every test needs it")]
pub(crate) fn try_log(spec: &AttemptSpec) -> Option<TerminationLog> {
    serde_json::from_str(&std::fs::read_to_string(&spec.termination_log).ok()?).ok()
}

/// Waits until it is so.
#[allow(dead_code, reason = "not every test needs it")]
pub(crate) fn soon(what: &str, condition: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < until, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs to the end.
#[allow(dead_code, reason = "not every test needs it")]
pub(crate) fn run(spec: &AttemptSpec) -> (i32, TerminationLog) {
    let code = wait(start(spec));
    (code, log(spec))
}

/// Whether any process has this text among its arguments.
#[allow(dead_code, reason = "not every test needs it")]
pub(crate) fn is_running(marker: &str) -> bool {
    let running = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok());
    running
        .into_iter()
        .any(|line| String::from_utf8_lossy(&line).contains(marker))
}
