//! Ends in words, for people.

use std::fmt::Write as _;

use model::{Reason, TaskName, run::RunEnd};
use nix::sys::signal::Signal;

use super::At;

/// `task segment (position 1), attempt 1`, with the numbers that tables and files have.
pub(super) fn attempt(at: At, task: &TaskName) -> String {
    format!("task {task} (position {}), attempt {}", at.0, at.1)
}

/// `task segment (position 1), attempt 1: exit code 3`.
pub(super) fn failure(at: At, task: &TaskName, end: &RunEnd) -> String {
    let mut text = format!("{}: {}", attempt(at, task), how(end));
    if let Some(message) = end.message.as_deref().filter(|message| !message.is_empty()) {
        let _ = write!(text, ": {message}");
    }
    text
}

/// `signal 11 (SIGSEGV)`.
pub(super) fn signal(number: i32) -> String {
    match Signal::try_from(number) {
        Ok(signal) => format!("signal {number} ({signal})"),
        Err(_) => format!("signal {number}"),
    }
}

fn how(end: &RunEnd) -> String {
    let status = match (end.exit_code, end.signal) {
        (Some(code), _) => Some(format!("exit code {code}")),
        (None, Some(number)) => Some(signal(number)),
        (None, None) => None,
    };
    let because = match end.reason {
        Reason::Completed | Reason::Error | Reason::Signal => {
            return status.unwrap_or_else(|| "could not be started".to_owned());
        }
        Reason::OomKilled => "killed by the kernel, which had no memory left for it",
        Reason::TimedOut => "ran past its time-out",
        Reason::Evicted => "thrown out by its node",
        Reason::Image => "its image can't be had",
        Reason::Unschedulable => "no node takes it",
        Reason::Interrupted => "what ran the order was killed",
        Reason::ReportLost => "its runner left no report",
        Reason::Lost => "its runner was killed",
        Reason::Terminated => "terminated",
    };
    match status {
        Some(status) => format!("{because} ({status})"),
        None => because.to_owned(),
    }
}
