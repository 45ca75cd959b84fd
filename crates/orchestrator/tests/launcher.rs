//! The local launcher with real processes: what is started, how its end is seen, what is left.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::{
    fs,
    time::{Duration, Instant},
};

use orchestrator::{
    OrderRequest, Source, StdioPolicy,
    local::{LaunchError, Local, LocalOptions, Running},
    plan::{ExitView, RunnerEnd},
};
use support::{FIRST, exists, kill, line_of, lives, one_task, run_file, shell, soon};
use tempfile::tempdir;
use tokio::time::timeout;

async fn start(local: &Local, request: &OrderRequest) -> Running {
    timeout(
        Duration::from_secs(10),
        local.start_runner(request, FIRST, &[], None, None),
    )
    .await
    .unwrap()
    .unwrap()
}

async fn end(running: Running) -> Box<ExitView> {
    let (view, cleaned) = timeout(Duration::from_secs(10), running.wait())
        .await
        .unwrap()
        .unwrap();
    timeout(Duration::from_secs(10), cleaned)
        .await
        .unwrap()
        .unwrap();
    view
}

#[tokio::test]
async fn codes_and_signals_are_seen() {
    let folder = tempdir().unwrap();
    let request = one_task(folder.path());
    for (script, expected) in [
        ("exit 0", RunnerEnd::Code(0)),
        ("exit 3", RunnerEnd::Code(3)),
        ("kill -KILL $$", RunnerEnd::Signal(9)),
    ] {
        let view = end(start(&shell(script), &request).await).await;
        assert_eq!(view.runner, expected, "{script}");
        assert!(view.log.is_none());
    }
    // A runner that had nothing to say leaves no file of its own.
    assert!(!run_file(folder.path(), "0-a-1.runner.log").exists());
}

#[tokio::test]
async fn last_words_are_kept() {
    let folder = tempdir().unwrap();
    let view = end(start(&shell("echo oh no >&2; exit 101"), &one_task(folder.path())).await).await;
    assert_eq!(view.last_words.as_deref(), Some("oh no"));
}

#[tokio::test]
async fn the_runner_is_told_and_not_more() {
    let folder = tempdir().unwrap();
    let request = one_task(folder.path());
    end(start(&shell("env > \"$PWD_FILE\"; env >&2"), &request).await).await;
    let said = fs::read_to_string(run_file(folder.path(), "0-a-1.runner.log")).unwrap();
    let ours: Vec<_> = said
        .lines()
        .filter(|line| line.starts_with("PODOMETER_"))
        .collect();
    let [spec] = ours[..] else { panic!("{ours:?}") };
    let spec: model::AttemptSpec =
        serde_json::from_str(spec.strip_prefix("PODOMETER_ATTEMPT=").unwrap()).unwrap();
    assert_eq!(spec.argv, ["true"]);
    assert_eq!(spec.working_dir, Some(folder.path().join("workspace")));
    assert_eq!(spec.env["PODOMETER_PROGRESS"], "[]");
    assert_eq!(spec.env["PODOMETER_TASK"], "a");
    assert!(!spec.own_cgroup);
}

#[tokio::test]
async fn a_runner_that_is_not_there_says_so() {
    let folder = tempdir().unwrap();
    let runner = Some(vec!["/no/such/runner".to_owned()]);
    let local = Local::new(LocalOptions {
        runner,
        ..LocalOptions::default()
    });
    let error = local
        .start_runner(&one_task(folder.path()), FIRST, &[], None, None)
        .await
        .unwrap_err();
    assert!(matches!(error, LaunchError::Runner { .. }), "{error}");
    assert!(error.to_string().contains("/no/such/runner"), "{error}");
}

#[tokio::test]
async fn soft_and_hard_ends() {
    let folder = tempdir().unwrap();
    let request = one_task(folder.path());
    let ready = folder.path().join("ready");
    let script = format!(
        "trap 'exit 7' TERM; echo $$ > {}; while :; do sleep 0.01; done",
        ready.display()
    );
    for (hard, expected) in [(false, RunnerEnd::Code(7)), (true, RunnerEnd::Signal(9))] {
        let running = start(&shell(&script), &request).await;
        line_of(&ready);
        fs::remove_file(&ready).unwrap();
        running.signaller().signal(hard);
        assert_eq!(end(running).await.runner, expected);
    }
}

#[tokio::test]
async fn an_exit_is_seen_at_once() {
    let folder = tempdir().unwrap();
    let request = one_task(folder.path());
    let local = shell("exit 0");
    let mut times = Vec::new();
    for _ in 0..50 {
        let begin = Instant::now();
        end(start(&local, &request).await).await;
        times.push(begin.elapsed());
    }
    times.sort();
    println!(
        "start to end: median {:?}, slowest {:?}",
        times[25], times[49]
    );
    // A shell's whole life; what waits for a poll of the kernel's or ours takes seconds.
    assert!(times[25] < Duration::from_millis(500), "{times:?}");
}

/// What a killed runner's task may have done to get out of sight.
const ESCAPES: [(&str, &str); 4] = [
    ("a plain child", "sleep 77 & echo $! > F"),
    (
        "a session of its own",
        "setsid sh -c 'echo $$ > F; exec sleep 77' &",
    ),
    (
        "a double fork",
        "(setsid sh -c 'echo $$ > F; exec sleep 77' &)",
    ),
    (
        "no environment",
        "env -i PATH=\"$PATH\" sh -c 'echo $$ > F; exec sleep 77' &",
    ),
];

#[tokio::test]
async fn orphans_of_a_killed_runner_are_ended_and_reaped() {
    let folder = tempdir().unwrap();
    let request = one_task(folder.path());
    for (what, escape) in ESCAPES {
        let pid_file = folder.path().join("pid");
        let output = run_file(folder.path(), "0-a-1.output");
        let escape = escape.replace('F', &pid_file.display().to_string());
        // As the real runner hands it to its task.
        let script = format!(
            "export PODOMETER_OUTPUT={}; {escape}\nsleep 77",
            output.display()
        );
        let running = start(&shell(&script), &request).await;
        let orphan = line_of(&pid_file);
        fs::remove_file(&pid_file).unwrap();
        let begin = Instant::now();
        kill("-KILL", &running.pid().to_string());
        let view = end(running).await;
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "{what}: {:?}",
            begin.elapsed()
        );
        assert_eq!(view.runner, RunnerEnd::Signal(9), "{what}");
        assert!(!exists(&orphan), "{what}: {orphan} is left");
    }
}

#[tokio::test]
async fn strangers_are_left_alone() {
    let folder = tempdir().unwrap();
    let request = one_task(folder.path());
    let mut stranger = std::process::Command::new("sleep")
        .arg("77")
        .spawn()
        .unwrap();
    let mut ended = std::process::Command::new("sh")
        .args(["-c", "exit 5"])
        .spawn()
        .unwrap();
    let running = start(&shell("sleep 77"), &request).await;
    let mut later = std::process::Command::new("sh")
        .args(["-c", "sleep 0.05; exit 6"])
        .spawn()
        .unwrap();
    running.signaller().signal(true);
    end(running).await;
    assert!(lives(&stranger.id().to_string()));
    assert_eq!(
        ended.wait().unwrap().code(),
        Some(5),
        "its status is still ours"
    );
    assert_eq!(
        later.wait().unwrap().code(),
        Some(6),
        "its status is still ours"
    );
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test]
async fn a_dropped_attempt_is_ended() {
    let folder = tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let script = format!("sleep 77 & echo $! > {}; wait", pid_file.display());
    let running = start(&shell(&script), &one_task(folder.path())).await;
    let (runner, child) = (running.pid().to_string(), line_of(&pid_file));
    drop(running);
    soon("all gone", || !exists(&runner) && !exists(&child));
}

#[tokio::test]
async fn a_shared_terminal_means_no_session_of_its_own() {
    let folder = tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let script = format!("ps -o sid= -p $$ > {}", pid_file.display());
    let mut request = one_task(folder.path());
    request.stdio = StdioPolicy::Inherit;
    end(start(&shell(&script), &request).await).await;
    let own = nix::unistd::getsid(None).unwrap().to_string();
    assert_eq!(line_of(&pid_file), own);
}

/// Not a test by itself: the process that `a_killed_host_takes_its_runner_along` kills.
#[test]
fn host_process() {
    let Ok(folder) = std::env::var("ORCHESTRATOR_TEST_HOST") else {
        return;
    };
    let folder = std::path::PathBuf::from(folder);
    let (ready, told) = (folder.join("ready"), folder.join("told"));
    let script = format!(
        "trap 'echo told > {}; exit 0' TERM; echo $$ > {}; while :; do sleep 0.01; done",
        told.display(),
        ready.display()
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        // Started from a thread that ends before the host does: that must not count.
        let mut request = one_task(&folder);
        let local = shell(&script);
        // One that waits must go as well.
        request.source = Source::Auto;
        let _waiting = local.prepare_runner(&request, (model::Position(1), model::Attempt(1)));
        let running = tokio::spawn(async move { start(&local, &request).await })
            .await
            .unwrap();
        end(running).await;
    });
}

#[test]
fn a_killed_host_takes_its_runner_along() {
    let folder = tempdir().unwrap();
    let mut host = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "host_process"])
        .env("ORCHESTRATOR_TEST_HOST", folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let runner = line_of(&folder.path().join("ready"));
    assert!(lives(&runner));
    host.kill().unwrap();
    host.wait().unwrap();
    assert_eq!(line_of(&folder.path().join("told")), "told");
    soon("the runner is gone", || !lives(&runner));
    soon("nothing of the host is left", || {
        !any_with(&folder.path().display().to_string())
    });
}

/// Whether a process has a text in its environment; a child that waits shows that of its host.
fn any_with(text: &str) -> bool {
    let own = std::process::id().to_string();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter(|entry| entry.file_name().to_str() != Some(own.as_str()))
        .any(|entry| {
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(text)
        })
}

/// Needs root or a delegated cgroup, and says so where there is none.
#[tokio::test]
async fn as_root_an_attempt_has_a_cgroup_of_its_own() {
    let folder = tempdir().unwrap();
    let mut request = one_task(folder.path());
    request.source = Source::Auto;
    let pid_file = folder.path().join("pid");
    let where_file = folder.path().join("where");
    let script = format!(
        "cat /proc/self/cgroup > {}; (setsid env -i sleep 77 & echo $! > {}); sleep 77",
        where_file.display(),
        pid_file.display()
    );
    let local = shell(&script);
    if let Some(why) = local.no_cgroup() {
        assert!(
            !nix::unistd::geteuid().is_root()
                || !std::path::Path::new("/sys/fs/cgroup/memory").exists()
        );
        println!("no cgroup can be made here: {why}");
        return;
    }
    let running = start(&local, &request).await;
    assert_eq!(running.no_cgroup(), None);
    let escaped = line_of(&pid_file);
    let place = line_of(&where_file);
    let name = format!(
        "/podometer/launch-0-1-{}",
        &request.handle.order_uid.0.simple().to_string()[20..]
    );
    assert!(place.contains(&name), "{place}");
    let inside = || {
        fs::read_to_string("/proc/self/mountinfo")
            .unwrap()
            .lines()
            .filter(|line| line.contains(" - cgroup"))
            .filter_map(|line| line.split(' ').nth(4))
            .any(|mount| find(std::path::Path::new(mount), &name[11..], 5))
    };
    assert!(inside());
    // Nothing tells that the escaped one belongs to it but the cgroup.
    running.signaller().signal(true);
    let view = end(running).await;
    assert_eq!(view.oom_kills, Some(0));
    assert!(!exists(&escaped), "{escaped} is left");
    assert!(!inside(), "the folders are removed");
}

fn find(folder: &std::path::Path, name: &str, depth: u32) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .any(|entry| {
            entry.file_name() == name || (depth > 0 && find(&entry.path(), name, depth - 1))
        })
}

/// Needs root or a delegated cgroup, and says so where there is none.
#[tokio::test]
async fn as_root_what_was_prepared_is_used_or_goes() {
    let folder = tempdir().unwrap();
    let mut request = one_task(folder.path());
    request.source = Source::Auto;
    let local = shell("exit 4");
    let Some(prepared) = local.prepare_runner(&request, FIRST) else {
        println!(
            "no cgroup can be made here: {:?}",
            local.no_cgroup().map(ToString::to_string)
        );
        return;
    };
    let children = || {
        let own = std::process::id();
        let list = std::process::Command::new("ps")
            .args(["-o", "pid=,comm=", "--ppid", &own.to_string()])
            .output()
            .unwrap();
        let text = String::from_utf8(list.stdout).unwrap();
        text.lines().filter(|line| line.contains("launch")).count()
    };
    let limit = Duration::from_secs(10);
    // Used: it is this very process that becomes the runner.
    soon("a child waits", || children() > 0);
    let begin = Instant::now();
    let running = timeout(
        limit,
        local.start_runner(&request, FIRST, &[], None, Some(prepared)),
    )
    .await;
    println!("start of what was prepared: {:?}", begin.elapsed());
    let running = running.unwrap().unwrap();
    assert_eq!(running.no_cgroup(), None);
    assert_eq!(end(running).await.runner, RunnerEnd::Code(4));
    // Not used: it goes, with its cgroup.
    let name = format!(
        "launch-0-1-{}",
        &request.handle.order_uid.0.simple().to_string()[20..]
    );
    let there = || find(std::path::Path::new("/sys/fs/cgroup"), &name, 6);
    let unused = local.prepare_runner(&request, FIRST).unwrap();
    assert!(there());
    drop(unused);
    assert!(!there());
    // Killed while it waits: another one takes its place.
    let killed = local.prepare_runner(&request, FIRST).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let procs = procs_of(std::path::Path::new("/sys/fs/cgroup"), &name, 6).unwrap();
    kill("-KILL", procs.trim());
    let running = timeout(
        limit,
        local.start_runner(&request, FIRST, &[], None, Some(killed)),
    )
    .await;
    let running = running.unwrap().unwrap();
    assert_eq!(running.no_cgroup(), None);
    assert_eq!(end(running).await.runner, RunnerEnd::Code(4));
    assert!(!there());
}

fn procs_of(folder: &std::path::Path, name: &str, depth: u32) -> Option<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .find_map(|entry| {
            if entry.file_name() == name {
                return fs::read_to_string(entry.path().join("cgroup.procs")).ok();
            }
            (depth > 0).then(|| procs_of(&entry.path(), name, depth - 1))?
        })
}
