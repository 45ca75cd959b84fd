//! Orders and runs as tables.

use chart::units::{self, MISSING};
use comfy_table::{Cell, CellAlignment, Table, TableComponent, presets::NOTHING};
use model::{Reason, Timestamp, Totals};
use store::{OrderRow, RunRow};

/// How a run ended, in words.
pub(crate) fn result(
    reason: Reason,
    exit_code: Option<i32>,
    signal: Option<i32>,
    censored: bool,
) -> String {
    let detail = match (exit_code, signal) {
        (Some(code), _) if code != 0 => format!(", exit code {code}"),
        (_, Some(signal)) => format!(", {}", signal_name(signal)),
        _ => String::new(),
    };
    let censored = if censored { " (censored)" } else { "" };
    format!("{reason}{detail}{censored}")
}

/// What is said when a run of an order has ended.
pub(crate) fn end_of_run(order: &OrderRow, run: &RunRow) -> String {
    let censored = run.censored == Some(true);
    let result = run.reason.map_or_else(String::new, |reason| {
        result(reason, run.exit_code, run.signal, censored)
    });
    let of = order.tasks.map_or_else(String::new, |n| format!("/{n}"));
    let place = run.position.0 + 1;
    format!("{}: task {place}{of} {} {result}", order.name, run.task)
}

fn signal_name(signal: i32) -> String {
    nix::sys::signal::Signal::try_from(signal).map_or_else(
        |_| format!("signal {signal}"),
        |known| known.as_str().to_owned(),
    )
}

/// A value in words; what may be more is marked.
fn shown(value: Option<f64>, is_lower_bound: bool, format: fn(f64) -> String) -> String {
    let mark = if is_lower_bound { ">= " } else { "" };
    value.map_or_else(
        || MISSING.to_owned(),
        |value| format!("{mark}{}", format(value)),
    )
}

/// Processor time.
pub(crate) fn cpu(totals: &Totals) -> String {
    shown(
        totals.cpu_seconds,
        totals.cpu_lower_bound,
        units::format_seconds,
    )
}

/// The peak of anonymous memory.
pub(crate) fn anon_peak(totals: &Totals) -> String {
    let bytes = totals.memory_anon_peak_bytes.map(|bytes| bytes as f64);
    shown(bytes, !totals.memory_anon_peak_exact, units::format_bytes)
}

/// Bytes, if known.
pub(crate) fn bytes(bytes: Option<u64>) -> String {
    shown(bytes.map(|bytes| bytes as f64), false, units::format_bytes)
}

/// Seconds, if known.
pub(crate) fn seconds(seconds: Option<f64>) -> String {
    shown(seconds, false, units::format_seconds)
}

/// A table with a line below its header and nothing else that isn't text.
fn table(columns: &[(&str, CellAlignment)]) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    for component in [
        TableComponent::HeaderLines,
        TableComponent::MiddleHeaderIntersections,
    ] {
        table.set_style(component, '─');
    }
    table.set_header(columns.iter().map(|(name, _)| *name));
    for (index, (_, alignment)) in columns.iter().enumerate() {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(*alignment);
            column.set_padding((0, 2));
        }
    }
    table
}

/// A table's text, without blanks at the ends of lines.
fn text(table: &Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The runs of an order.
pub(crate) fn runs(runs: &[RunRow]) -> String {
    use CellAlignment::{Left, Right};
    let mut table = table(&[
        ("#", Right),
        ("task", Left),
        ("try", Right),
        ("result", Left),
        ("time", Right),
        ("CPU time", Right),
        ("peak anon.", Right),
        ("peak", Right),
        ("disk read", Right),
        ("written", Right),
        ("samples", Right),
        ("monitor", Right),
    ]);
    for run in runs {
        let ended = |reason| {
            result(
                reason,
                run.exit_code,
                run.signal,
                run.censored.unwrap_or_default(),
            )
        };
        let samples = match run.quality.missed_samples {
            0 => run.quality.samples.to_string(),
            missed => format!("{} ({missed} missed)", run.quality.samples),
        };
        table.add_row([
            Cell::new(run.position),
            Cell::new(&run.task),
            Cell::new(run.attempt),
            Cell::new(run.reason.map_or_else(|| "running".to_owned(), ended)),
            Cell::new(seconds(run.totals.duration_seconds)),
            Cell::new(cpu(&run.totals)),
            Cell::new(anon_peak(&run.totals)),
            Cell::new(bytes(run.totals.memory_peak_bytes)),
            Cell::new(bytes(run.totals.disk_read_bytes)),
            Cell::new(bytes(run.totals.disk_write_bytes)),
            Cell::new(samples),
            Cell::new(seconds(run.totals.monitor_cpu_seconds)),
        ]);
    }
    text(&table)
}

/// A list of orders.
pub(crate) fn orders(orders: &[OrderRow], now: Timestamp) -> String {
    use CellAlignment::{Left, Right};
    let mut table = table(&[
        ("order", Left),
        ("status", Left),
        ("tasks", Right),
        ("created (UTC)", Left),
        ("time", Right),
        ("message", Left),
    ]);
    for order in orders {
        table.add_row([
            Cell::new(&order.name),
            Cell::new(order.status),
            Cell::new(order.tasks.map_or_else(String::new, |n| n.to_string())),
            Cell::new(to_seconds(order.created_at)),
            Cell::new(seconds(duration(order, now))),
            Cell::new(order.message.as_deref().unwrap_or_default()),
        ]);
    }
    text(&table)
}

/// Two things side by side: what is compared, and its two values.
pub(crate) fn beside(head: [&str; 3], rows: impl IntoIterator<Item = [String; 3]>) -> String {
    use CellAlignment::{Left, Right};
    let [what, one, other] = head;
    let mut table = table(&[(what, Left), (one, Right), (other, Right)]);
    for row in rows {
        table.add_row(row);
    }
    text(&table)
}

/// How long an order has taken, or takes already.
pub(crate) fn duration(order: &OrderRow, now: Timestamp) -> Option<f64> {
    let end = order
        .ended_at
        .or((!order.status.is_final()).then_some(now))?;
    Some(end.seconds_since(order.started_at?).max(0.0))
}

/// An instant as people read it: 2026-01-31 12:00:00.
pub(crate) fn to_seconds(time: Timestamp) -> String {
    let text = time.to_string();
    match text.split_once('.') {
        Some((seconds, _)) => seconds.replace('T', " "),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_in_words() {
        assert_eq!(result(Reason::Completed, Some(0), None, false), "completed");
        assert_eq!(
            result(Reason::Error, Some(3), None, false),
            "error, exit code 3"
        );
        assert_eq!(
            result(Reason::Signal, None, Some(9), true),
            "signal, SIGKILL (censored)"
        );
        assert_eq!(
            result(Reason::Signal, None, Some(40), false),
            "signal, signal 40"
        );
        assert_eq!(result(Reason::Lost, None, None, true), "lost (censored)");
    }

    #[test]
    fn bounds_are_marked_and_missing_is_not_zero() {
        let mut totals = Totals {
            cpu_seconds: Some(4.2),
            ..Totals::default()
        };
        assert_eq!(cpu(&totals), "4.2 s");
        totals.cpu_lower_bound = true;
        assert_eq!(cpu(&totals), ">= 4.2 s");
        assert_eq!(anon_peak(&totals), MISSING);
        totals.memory_anon_peak_bytes = Some(1 << 20);
        assert_eq!(anon_peak(&totals), ">= 1 MiB");
        totals.memory_anon_peak_exact = true;
        assert_eq!(anon_peak(&totals), "1 MiB");
    }

    #[test]
    fn instants() {
        assert_eq!(
            to_seconds(Timestamp(1_700_000_000_000_001)),
            "2023-11-14 22:13:20"
        );
    }
}
