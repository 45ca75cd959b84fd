//! Orders whose "runner" is a command of the machine, so that the launcher's edge is the real one.
#![allow(dead_code, unreachable_pub, reason = "each test program uses its part")]

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use model::{
    Attempt, Catalogue, Order, OrderHandle, OrderTopics, OrderUid, Position, attempt::Token,
    order::OrderSource,
};
use orchestrator::{
    Control, OrderRequest, Source, StdioPolicy,
    local::{Local, LocalOptions},
    plan::At,
};
use tokio::sync::watch;

pub const FIRST: At = (Position(0), Attempt(1));

/// A launcher whose runner is this shell script.
pub fn shell(script: &str) -> Local {
    let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
    Local::new(LocalOptions {
        runner: Some(argv),
        ..LocalOptions::default()
    })
}

pub fn order(id: &str, tasks: &str) -> Order {
    let text = format!(r#"{{"id": "{id}", "tasks": {tasks}}}"#);
    let source = OrderSource {
        file: "test".to_owned(),
        text,
    };
    Order::parse(&source, &Catalogue::default()).unwrap()
}

/// A request and the way to end it. Its folders exist.
pub fn request(folder: &Path, order: Order) -> (OrderRequest, watch::Sender<Control>) {
    let (sender, control) = watch::channel(Control::Run);
    let request = OrderRequest {
        handle: OrderHandle {
            order: order.id.clone(),
            order_uid: OrderUid(uuid::Uuid::now_v7()),
            topics: OrderTopics::own("", &order.id),
            token: Token("secret".to_owned()),
        },
        order,
        folder: folder.to_owned(),
        input: None,
        period: "1s".parse().unwrap(),
        grace: "2s".parse().unwrap(),
        stdio: StdioPolicy::Files,
        source: Source::ProcessTree,
        events: None,
        refused: None,
        control,
        resume: orchestrator::Resume::default(),
    };
    for part in ["workspace", "runs"] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
    }
    (request, sender)
}

pub fn one_task(folder: &Path) -> OrderRequest {
    request(
        folder,
        order("launch", r#"[{"name": "a", "local": ["true"]}]"#),
    )
    .0
}

pub fn run_file(folder: &Path, name: &str) -> PathBuf {
    folder.join("runs").join(name)
}

/// Waits until a file holds a whole line; panics after 10 s.
pub fn line_of(path: &Path) -> String {
    let give_up = Instant::now() + Duration::from_secs(10);
    loop {
        match std::fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
            _ => assert!(Instant::now() < give_up, "{} never came", path.display()),
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether a process is there and is no zombie.
pub fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| {
        rest.split_whitespace()
            .next()
            .is_some_and(|state| state != "Z" && state != "X")
    })
}

pub fn exists(pid: &str) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// Panics if the condition isn't true within 20 s.
pub fn soon(what: &str, condition: impl Fn() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < give_up, "{what}: not within 20 s");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub fn kill(signal: &str, pid: &str) {
    let status = Command::new("kill").args([signal, pid]).status().unwrap();
    assert!(status.success());
}
