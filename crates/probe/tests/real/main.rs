//! The probe on the real kernel: this binary starts itself as a runner (one process per scenario,
//! because subreaper and `getrusage` belong to a process) and as the task that the runner measures.

#![allow(clippy::unwrap_used, reason = "a test without the harness")]

mod groups;
mod load;
mod runner;
mod scenarios;

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["load", name, rest @ ..] => load::run(name, rest),
        ["scenario", name] => scenarios::run(name),
        _ => all(&words),
    }
}

/// Runs every scenario whose name contains a word of the arguments (all without one).
fn all(args: &[&str]) -> ExitCode {
    let words: Vec<&&str> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let (mut failed, mut skipped) = (0, 0);
    for scenario in scenarios::ALL {
        let wanted = words.is_empty() || words.iter().any(|word| scenario.name.contains(**word));
        if args.contains(&"--list") {
            println!("{}: test", scenario.name);
        } else if wanted && scenario.needs_root && !nix::unistd::geteuid().is_root() {
            println!(
                "test {} ... NOT RUN: needs root to make v1 cgroups",
                scenario.name
            );
            skipped += 1;
        } else if wanted {
            let passed = one(scenario.name);
            println!(
                "test {} ... {}",
                scenario.name,
                if passed { "ok" } else { "FAILED" }
            );
            failed += u8::from(!passed);
        }
    }
    println!("{failed} failed, {skipped} not run");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A scenario that hangs is killed; its children have a parent-death signal.
fn one(name: &str) -> bool {
    let this = std::env::current_exe().expect("own path");
    let mut child = Command::new(this)
        .args(["scenario", name])
        .spawn()
        .expect("start");
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        match child.try_wait().expect("wait") {
            Some(status) => return status.success(),
            None if Instant::now() > end => {
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}
