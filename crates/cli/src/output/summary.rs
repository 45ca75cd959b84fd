//! What is said of orders that are over.

use std::path::Path;

use model::{Timestamp, attempt::Launcher};
use store::{OrderRow, RunRow};

use super::{json, lines, table};

/// How an order stands, with its runs and what they wait for.
pub(crate) fn of_order(
    row: &OrderRow,
    runs: &[RunRow],
    waits: &[String],
    now: Timestamp,
) -> String {
    whole(row, runs, waits, &[], now)
}

/// The same of an order that has a folder here.
pub(crate) fn of_order_in(
    row: &OrderRow,
    runs: &[RunRow],
    folder: &Path,
    now: Timestamp,
) -> String {
    let folder = format!("folder {}", folder.display());
    whole(row, runs, &[], &[folder], now)
}

fn whole(
    row: &OrderRow,
    runs: &[RunRow],
    waits: &[String],
    more: &[String],
    now: Timestamp,
) -> String {
    let message = row.message.as_deref().map(|m| format!(": {m}"));
    let mut facts = vec![format!("created {} UTC", table::to_seconds(row.created_at))];
    if let Some(duration) = table::duration(row, now) {
        facts.push(format!("took {}", table::seconds(Some(duration))));
    }
    facts.extend(row.tasks.map(|n| format!("{n} tasks")));
    facts.extend_from_slice(more);
    let mut text = format!(
        "order {} {}{}\n{}\n",
        row.name,
        row.status,
        message.unwrap_or_default(),
        facts.join(", ")
    );
    text.push_str(&lines(waits));
    if !runs.is_empty() {
        text.push_str(&table::runs(runs));
    }
    let complete = row.storing_complete || !row.status.is_final();
    text.push_str(&lines(notes(runs, complete)));
    text
}

/// What should be known about the numbers of these runs, a line each.
pub(crate) fn notes(runs: &[RunRow], storing_complete: bool) -> Vec<String> {
    let mut notes = Vec::new();
    let mut add = |condition: bool, text: &str| {
        if condition {
            notes.push(format!("note: {text}"));
        }
    };
    let bound = |run: &RunRow| {
        let memory = run.totals.memory_anon_peak_bytes.is_some();
        run.totals.cpu_lower_bound || (memory && !run.totals.memory_anon_peak_exact)
    };
    let granted = |run: &RunRow| {
        let given = &run.given;
        let limited = given.limit_cpu.is_some() || given.limit_memory_bytes.is_some();
        limited && given.launcher.as_deref() != Some(Launcher::Kubernetes.as_str())
    };
    let missed = |run: &RunRow| run.quality.missed_samples > 0;
    let censored = |run: &RunRow| run.censored == Some(true);
    add(
        runs.iter().any(granted),
        "limits are recorded, not enforced on this machine",
    );
    add(runs.iter().any(bound), ">= marks a lower bound");
    add(
        runs.iter().any(censored),
        "censored: the runner did not see the end, the totals are those of the last sample",
    );
    add(
        runs.iter().any(missed),
        "some samples were missed; totals don't depend on them",
    );
    add(
        !storing_complete,
        "storing incomplete: not all samples came through",
    );
    notes
}

/// A few lines on one run.
pub(crate) fn of_run(run: &RunRow, folder: &Path) -> Vec<String> {
    let totals = &run.totals;
    let split = match (totals.cpu_user_seconds, totals.cpu_system_seconds) {
        (None, None) => String::new(),
        (user, system) => {
            let (user, system) = (table::seconds(user), table::seconds(system));
            format!(" ({user} user, {system} system)")
        }
    };
    let missed = match run.quality.missed_samples {
        0 => String::new(),
        missed => format!(", {missed} missed"),
    };
    let end = run.reason.map_or_else(
        || "running".to_owned(),
        |reason| {
            table::result(
                reason,
                run.exit_code,
                run.signal,
                run.censored == Some(true),
            )
        },
    );
    let mut lines = vec![
        ("result", end),
        ("time", table::seconds(totals.duration_seconds)),
        ("CPU time", format!("{}{split}", table::cpu(totals))),
        (
            "memory",
            format!(
                "{} anonymous at the peak, {} in all",
                table::anon_peak(totals),
                table::bytes(totals.memory_peak_bytes)
            ),
        ),
        (
            "disk",
            format!(
                "{} read, {} written",
                table::bytes(totals.disk_read_bytes),
                table::bytes(totals.disk_write_bytes)
            ),
        ),
        (
            "samples",
            format!(
                "{}{missed}, from {}; measuring took {}",
                run.quality.samples,
                run.given
                    .source
                    .as_deref()
                    .unwrap_or("nowhere")
                    .replace('_', " "),
                table::seconds(totals.monitor_cpu_seconds)
            ),
        ),
    ];
    if let Some(chart) = json::charts(run, folder).into_iter().next() {
        lines.push(("chart", chart));
    }
    let line = |(name, value): &(&str, String)| format!("{name:<8} {value}");
    lines.iter().map(line).collect()
}
