//! The plan's decisions as a table, and what holds for every sequence of inputs.

mod properties;
mod table;

use std::time::Duration;

use model::{
    Attempt, AttemptKey, OrderUid, Position, Reason, TerminationLog, Timestamp, Totals, run::RunEnd,
};

use super::{At, ExitView, Patience, Plan, RunnerEnd, Seen, TaskPlan};

fn at(position: u32, attempt: u32) -> At {
    (Position(position), Attempt(attempt))
}

fn patience() -> Patience {
    Patience::new(Duration::from_secs(5), Duration::from_mins(1))
}

fn task(name: &str, retries: u32) -> TaskPlan {
    TaskPlan {
        name: name.parse().unwrap(),
        retries,
        reports_itself: false,
        timeout: None,
    }
}

fn plan(retries: &[u32]) -> Plan {
    let names = ["camera", "segment", "annotate", "hash"];
    let tasks = names
        .iter()
        .zip(retries)
        .map(|(name, retries)| task(name, *retries));
    Plan::new(tasks.collect(), patience())
}

fn end(reason: Reason, exit_code: Option<i32>, signal: Option<i32>) -> RunEnd {
    let censored = false;
    RunEnd {
        ended_at: Timestamp(7),
        exit_code,
        signal,
        reason,
        message: None,
        censored,
    }
}

fn log(end: Option<RunEnd>, delivered: bool) -> TerminationLog {
    TerminationLog {
        v: 1,
        key: AttemptKey {
            order_uid: OrderUid(uuid::Uuid::nil()),
            position: Position(0),
            attempt: Attempt(1),
        },
        started_at: Some(Timestamp(1)),
        written_at: Timestamp(5),
        last_seq: 4,
        totals: Totals {
            cpu_seconds: Some(0.5),
            ..Totals::default()
        },
        end,
        delivered,
        output: None,
        process_group: None,
    }
}

fn exit(runner: RunnerEnd, log: Option<TerminationLog>) -> Box<ExitView> {
    Box::new(ExitView {
        runner,
        cause: None,
        ended_at: Timestamp(9),
        log,
        output: None,
        oom_kills: None,
        undelivered: false,
        last_words: None,
    })
}

fn exited(at: At, runner: RunnerEnd, log: impl Into<Option<TerminationLog>>) -> Seen {
    Seen::Exited {
        at,
        exit: exit(runner, log.into()),
    }
}

fn progress(at: At, output: &str) -> Seen {
    Seen::Progress {
        at,
        output: output.to_owned(),
        ended_at: Timestamp(6),
    }
}

fn halt(at: At, end: RunEnd) -> Seen {
    Seen::Halt {
        at,
        end,
        output: None,
    }
}
