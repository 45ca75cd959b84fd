//! A stored run as a chart.

use chart::{DEFAULT_WIDTH, Outcome, RunChart};
use model::Timestamp;
use store::{OrderRow, RunRow, StoredSample};

use super::panels;

pub(super) fn chart(order: &OrderRow, run: &RunRow, samples: &[StoredSample]) -> RunChart {
    let start = start(run, samples);
    RunChart {
        order: order.name.to_string(),
        task: run.task.to_string(),
        attempt: run.attempt.0,
        outcome: outcome(run),
        duration_seconds: run.totals.duration_seconds,
        cpu_seconds: run.totals.cpu_seconds,
        memory_peak_bytes: peak(run),
        facts: Vec::new(),
        panels: panels::panels(run, samples, start),
        source: source(run),
        flags: peak_is_bound(run)
            .then(|| "the peak of memory is a lower bound".to_owned())
            .into_iter()
            .chain(flags(run))
            .collect(),
        width: DEFAULT_WIDTH,
    }
}

/// When the time axis begins.
pub(super) fn start(run: &RunRow, samples: &[StoredSample]) -> Timestamp {
    run.started_at
        .or(samples.first().map(|s| s.time))
        .unwrap_or_default()
}

/// The peak that people size by: of anonymous memory, else the kernel's.
pub(super) fn peak(run: &RunRow) -> Option<f64> {
    run.totals
        .memory_anon_peak_bytes
        .or(run.totals.memory_peak_bytes)
        .map(|b| b as f64)
}

/// How a run ended, in words.
pub(super) fn outcome(run: &RunRow) -> Outcome {
    let Some(reason) = run.reason else {
        return Outcome {
            text: "running".to_owned(),
            failed: false,
        };
    };
    let detail = match (run.exit_code, run.signal) {
        (Some(0), _) | (None, None) => String::new(),
        (Some(code), _) => format!(", exit code {code}"),
        (None, Some(signal)) => format!(", signal {signal}"),
    };
    Outcome {
        text: format!("{reason}{detail}"),
        failed: !reason.is_success(),
    }
}

pub(super) fn source(run: &RunRow) -> String {
    match run.given.source.as_deref() {
        Some("cgroup_v2") => "cgroup v2".to_owned(),
        Some("cgroup_v1") => "cgroup v1".to_owned(),
        Some("process_tree") => "process tree".to_owned(),
        Some(other) => other.to_owned(),
        None => "unknown".to_owned(),
    }
}

/// Whether the peak of anonymous memory is only known to be at least what it says.
pub(super) fn peak_is_bound(run: &RunRow) -> bool {
    run.totals.memory_anon_peak_bytes.is_some() && !run.totals.memory_anon_peak_exact
}

/// What should be known before the numbers are believed, beside bounds, which stand at the numbers.
pub(super) fn flags(run: &RunRow) -> Vec<String> {
    let (totals, quality) = (&run.totals, &run.quality);
    let mut flags = Vec::new();
    if run.censored == Some(true) {
        flags.push("censored: totals are those of the last report".to_owned());
    }
    if totals.cpu_lower_bound {
        flags.push("CPU is a lower bound".to_owned());
    }
    if quality.missed_samples > 0 {
        flags.push(format!("{} samples missed", quality.missed_samples));
    }
    if totals.leftover_processes.is_some_and(|n| n > 0) {
        let left = totals.leftover_processes.unwrap_or_default();
        flags.push(format!("{left} processes were left behind and ended"));
    }
    flags
}
