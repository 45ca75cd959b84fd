//! An attempt's end as far as the launcher's view and the termination log tell it.

use model::{Reason, run::RunEnd};

use super::{ExitView, RunnerEnd};

/// What the plan itself did to an attempt, which explains a runner's sudden end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Nothing.
    None,
    /// It was told to end.
    Terminate,
    /// It was killed for its time-out.
    Deadline,
}

/// The runner's own word if it left one, else what follows from how it ended.
pub(super) fn end_of(exit: &ExitView, cause: Cause) -> RunEnd {
    if let Some(end) = exit.log.as_ref().and_then(|log| log.end.as_ref()) {
        return explained(end.clone(), exit, cause);
    }
    let (exit_code, signal) = match exit.runner {
        RunnerEnd::Code(code) => (Some(code), None),
        RunnerEnd::Signal(signal) => (None, Some(signal)),
    };
    let reason = reason(exit, cause);
    RunEnd {
        ended_at: exit.ended_at,
        exit_code,
        signal,
        reason,
        message: message(exit, reason),
        censored: true,
    }
}

/// A runner that was told to end doesn't know why; the launcher may.
pub(super) fn explained(end: RunEnd, exit: &ExitView, cause: Cause) -> RunEnd {
    match (exit.cause, cause) {
        (Some(reason), Cause::None) if end.reason == Reason::Terminated => RunEnd {
            reason,
            message: end.message.or_else(|| exit.last_words.clone()),
            ..end
        },
        _ => end,
    }
}

fn reason(exit: &ExitView, cause: Cause) -> Reason {
    let in_log = exit.log.as_ref().and_then(|log| log.totals.oom_kills);
    let killed_for_memory = exit.oom_kills.or(in_log).is_some_and(|kills| kills > 0);
    if let (Some(outside), Cause::None) = (exit.cause, cause) {
        return outside;
    }
    match (exit.runner, cause) {
        (RunnerEnd::Signal(_), Cause::Deadline) => Reason::TimedOut,
        (RunnerEnd::Signal(libc::SIGKILL), Cause::None) if killed_for_memory => Reason::OomKilled,
        (RunnerEnd::Signal(_), Cause::None) => Reason::Lost,
        // Without a log the exit code is the only witness, and it is the command's; a log that
        // says that the command was never started is a better one.
        (RunnerEnd::Code(0), _) if exit.log.is_none() || exit.started() => Reason::Completed,
        (_, Cause::Terminate) => Reason::Terminated,
        (RunnerEnd::Code(_), _) => Reason::ReportLost,
    }
}

fn message(exit: &ExitView, reason: Reason) -> Option<String> {
    let silent = match (reason, &exit.log) {
        (Reason::ReportLost, Some(_)) if !exit.started() => Some("the command was not started"),
        (Reason::ReportLost | Reason::Completed, None) => {
            Some("there is no readable termination log")
        }
        _ => None,
    };
    match (silent, &exit.last_words) {
        (Some(silent), Some(said)) => Some(format!("{silent}; it said: {said}")),
        // Then it is the launcher who says it.
        (None, Some(said)) if exit.cause.is_some() => Some(said.clone()),
        (None, Some(said)) => Some(format!("the runner said: {said}")),
        (silent, None) => silent.map(str::to_owned),
    }
}
