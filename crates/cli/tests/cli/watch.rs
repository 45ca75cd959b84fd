//! `podometer watch`: in a real terminal, which tmux plays, and in lines.

use std::{
    fs,
    process::{Command, Output, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;

use crate::harness::{Place, Running, processes_with, until};

/// On a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// A terminal with one program in it, gone at the end.
struct Tmux<'a> {
    place: &'a Place,
}

impl<'a> Tmux<'a> {
    /// Nothing where there is no tmux and that is allowed.
    fn start(place: &'a Place, args: &str) -> Option<Self> {
        let there = Command::new("tmux")
            .arg("-V")
            .stdout(Stdio::null())
            .status();
        if there.is_err() {
            let fast = std::env::var_os("PODOMETER_TEST_FAST").is_some_and(|fast| fast == "1");
            assert!(
                fast,
                "tmux is needed, and isn't there: apt-get install tmux"
            );
            eprintln!("NOT RUN: what needs tmux (PODOMETER_TEST_FAST is set)");
            return None;
        }
        let tmux = Self { place };
        let program = env!("CARGO_BIN_EXE_podometer");
        // What follows shows the exit code, and whether the terminal takes lines again.
        let script = format!(
            "'{program}' {args}; echo \"ended with $?\"; stty -a | tr ' ' '\\n' | grep icanon; sleep 60"
        );
        tmux.call(&[
            "new-session",
            "-d",
            "-x",
            "80",
            "-y",
            "24",
            "sh",
            "-c",
            &script,
        ]);
        Some(tmux)
    }

    fn call(&self, args: &[&str]) -> Output {
        let mut command = Command::new("tmux");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PODOMETER_") || name == "TMUX" {
                command.env_remove(name);
            }
        }
        let output = command
            .args(["-L", "podometer-test", "-f", "/dev/null", "-u"])
            .args(args)
            .current_dir(self.place.path("."))
            .env("TMUX_TMPDIR", self.place.path("."))
            .env("TERM", "xterm-256color")
            .env("LC_ALL", "C.UTF-8")
            .env("PODOMETER_DATA", self.place.data("."))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "tmux {args:?}: {output:?}");
        output
    }

    fn screen(&self) -> String {
        let output = self.call(&["capture-pane", "-p"]);
        String::from_utf8(output.stdout).unwrap()
    }

    fn press(&self, key: &str) {
        self.call(&["send-keys", key]);
    }

    /// Waits until the screen shows all of these.
    fn shows(&self, texts: &[&str]) {
        let mut last = String::new();
        let mut all = || {
            last = self.screen();
            texts.iter().all(|text| last.contains(text))
        };
        let deadline = std::time::Instant::now() + SOON;
        while !all() {
            assert!(
                std::time::Instant::now() < deadline,
                "the screen doesn't show {texts:?}:\n{}",
                self.screen()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        let _ = Command::new("tmux")
            .args(["-L", "podometer-test", "kill-server"])
            .env("TMUX_TMPDIR", self.place.path("."))
            .output();
    }
}

/// Two tasks; the second one waits for the file `go`, and ends as it is told.
fn order(place: &Place, code: u8) -> Running {
    let wait = format!("touch running; until test -e go; do sleep 0.05; done; exit {code}");
    let order = json!({ "id": "a", "tasks": [
        { "name": "first", "local": ["true"] },
        { "name": "second", "local": ["sh", "-c", wait],
          "resources": { "requests": { "cpu": "500m", "memory": "16Mi" } } },
    ] });
    place.write("a.json", order.to_string());
    let running = Running::start(place.command(&["run", "a.json", "--no-charts"]));
    until("the task runs", SOON, || {
        place.data("a/workspace/running").exists()
    });
    running
}

#[test]
fn a_screen_that_follows_the_order_to_its_end() {
    let place = Place::new();
    let running = order(&place, 0);
    let Some(tmux) = Tmux::start(&place, "watch a") else {
        return;
    };
    tmux.shows(&[
        "running",
        "1/2",
        "✓ first",
        "▸ second",
        "‹ cpu ›",
        "request 0.5 cores",
    ]);
    tmux.press("Right");
    tmux.shows(&["‹ cpu_user ›"]);
    for _ in 0..4 {
        tmux.press("Tab");
    }
    tmux.shows(&["‹ memory_anon ›", "request 16 MiB"]);
    tmux.press("k");
    tmux.shows(&["first (picked)"]);
    tmux.press("f");
    tmux.press("?");
    tmux.shows(&["another resource"]);
    tmux.press("Escape");
    tmux.press("Space");
    tmux.shows(&["  paused"]);
    tmux.press("Space");
    tmux.press("t");
    tmux.shows(&["terminate a? y/n"]);
    tmux.press("n");
    tmux.shows(&["q quit"]);
    tmux.call(&["resize-window", "-x", "40", "-y", "12"]);
    tmux.shows(&["▸ second", "└0 s"]);
    assert_eq!(place.json(&["status", "a"], 0)["status"], "running");
    fs::write(place.data("a/workspace/go"), "").unwrap();
    tmux.call(&["resize-window", "-x", "150", "-y", "24"]);
    tmux.shows(&["order a succeeded", "ended with 0", "\nicanon"]);
    assert_eq!(running.wait().code, Some(0));
}

#[test]
fn an_order_is_ended_from_the_screen() {
    let place = Place::new();
    let running = order(&place, 0);
    let Some(tmux) = Tmux::start(&place, "watch a") else {
        return;
    };
    tmux.shows(&["▸ second"]);
    tmux.press("t");
    tmux.press("y");
    tmux.shows(&["order a terminated", "ended with 1"]);
    assert_eq!(running.wait().code, Some(1));
}

#[test]
fn the_terminal_is_put_back_after_q_and_after_a_signal() {
    let place = Place::new();
    let running = order(&place, 0);
    let Some(tmux) = Tmux::start(&place, "watch a") else {
        return;
    };
    tmux.shows(&["▸ second"]);
    tmux.press("q");
    tmux.shows(&["order a running", "ended with 0", "\nicanon"]);
    drop(tmux);
    let tmux = Tmux::start(&place, "watch a").unwrap();
    tmux.shows(&["▸ second"]);
    let mark = place.data(".").display().to_string();
    let found = processes_with(&mark);
    let watching = found.iter().find(|(_, line)| {
        line.starts_with(env!("CARGO_BIN_EXE_podometer")) && line.contains(" watch a")
    });
    let (pid, _) = watching.unwrap_or_else(|| panic!("no watch among {found:?}"));
    kill(Pid::from_raw(*pid), Signal::SIGTERM).unwrap();
    tmux.shows(&["ended with 130", "\nicanon"]);
    fs::write(place.data("a/workspace/go"), "").unwrap();
    assert_eq!(running.wait().code, Some(0));
}

#[test]
fn lines_where_there_is_no_terminal() {
    let place = Place::new();
    let running = order(&place, 3);
    let watching = Running::start(place.command(&["watch", "a"]));
    until("a reading is stored", SOON, || {
        place.json(&["status", "a"], 0)["runs"]
            .as_array()
            .map(Vec::len)
            == Some(2)
    });
    std::thread::sleep(Duration::from_millis(500));
    fs::write(place.data("a/workspace/go"), "").unwrap();
    let said = watching.wait();
    assert_eq!(said.code, Some(1), "{said:?}");
    for line in [
        "a: task 1/2 first completed\n",
        "a: task 2/2 second started\n",
        "a: task 2/2 second at ",
        "a: task 2/2 second error, exit code 3\n",
        "order a failed",
    ] {
        assert!(said.out.contains(line), "{line}: {}", said.out);
    }
    assert!(!said.out.contains('\u{1b}'), "{}", said.out);
    assert_eq!(running.wait().code, Some(1));
    // What is over is told at once.
    let again = place.run(&["watch", "a"]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.out.contains("order a failed"), "{again:?}");
}
