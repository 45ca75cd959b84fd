//! A stored order as a chart.

use chart::{Attempt, DEFAULT_WIDTH, OrderChart, Outcome, TaskRow};
use model::{Resource, Status, Timestamp};
use store::{RunRow, StoredSample};

use super::{Drawable, panels, run};

pub(super) fn chart(drawable: &Drawable) -> OrderChart {
    let order = &drawable.order;
    let start = start(drawable);
    let totals = || drawable.runs.iter().map(|(run, _)| &run.totals);
    let mut tasks: Vec<(u32, TaskRow)> = Vec::new();
    for (run, samples) in &drawable.runs {
        let attempt = attempt(run, samples, start);
        match tasks
            .last_mut()
            .filter(|(position, _)| *position == run.position.0)
        {
            Some((_, row)) => row.attempts.push(attempt),
            None => tasks.push((
                run.position.0,
                TaskRow {
                    name: run.task.to_string(),
                    attempts: vec![attempt],
                },
            )),
        }
    }
    OrderChart {
        order: order.name.to_string(),
        outcome: Outcome {
            text: order.status.to_string(),
            failed: matches!(order.status, Status::Failed | Status::Terminated),
        },
        duration_seconds: order.ended_at.map(|end| end.seconds_since(start)),
        // A sum with a missing part is no sum.
        cpu_seconds: totals().map(|t| t.cpu_seconds).sum(),
        memory_peak_bytes: drawable
            .runs
            .iter()
            .filter_map(|(r, _)| run::peak(r))
            .reduce(f64::max),
        facts: Vec::new(),
        tasks: tasks.into_iter().map(|(_, row)| row).collect(),
        source: drawable
            .runs
            .first()
            .map(|(r, _)| run::source(r))
            .unwrap_or_default(),
        flags: Vec::new(),
        width: DEFAULT_WIDTH,
    }
}

/// When the time axis begins: at the first run's start.
pub(super) fn start(drawable: &Drawable) -> Timestamp {
    let starts = drawable
        .runs
        .iter()
        .map(|(run, samples)| run::start(run, samples));
    starts.min().unwrap_or(drawable.order.created_at)
}

fn attempt(row: &RunRow, samples: &[StoredSample], start: Timestamp) -> Attempt {
    let outcome = run::outcome(row);
    let memory = |r: &Resource| samples.iter().any(|s| s.values.get(*r).is_some());
    let memory = Some(Resource::Memory)
        .filter(memory)
        .unwrap_or(Resource::MemoryAnon);
    Attempt {
        number: row.attempt.0,
        start_seconds: run::start(row, samples).seconds_since(start),
        end_seconds: row.ended_at.map(|end| end.seconds_since(start)),
        failure: outcome.failed.then_some(outcome.text),
        cpu_cores: panels::points(samples, Resource::Cpu, start),
        memory_bytes: panels::points(samples, memory, start),
    }
}
