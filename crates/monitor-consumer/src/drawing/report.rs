//! A stored order as one HTML page.

use std::path::Path;

use chart::{
    Column, FactGroup, Figure, Note, Output, Report, Row, Table, Tone,
    units::{MISSING, format_bytes, format_cores, format_cpu_seconds, format_seconds},
};
use model::{Status, attempt::Launcher};
use store::RunRow;

use super::{Drawable, order, pictures, run};

pub(super) fn page(
    drawable: &Drawable,
    overview: String,
    charts: Vec<String>,
    folder: &Path,
) -> String {
    let name = drawable.order.name.to_string();
    chart::report(&Report {
        title: name.clone(),
        subtitle: subtitle(drawable),
        status: drawable.order.status.to_string(),
        tone: tone(drawable.order.status),
        totals: totals(drawable),
        notes: notes(drawable),
        overview: Some(Figure {
            title: "The order".to_owned(),
            svg: overview,
            alt: format!("When the tasks of {name} ran, with their CPU and memory over time"),
            caption: "One row per task; CPU is the mean over each time step.".to_owned(),
        }),
        runs: table(drawable),
        charts: drawable
            .runs
            .iter()
            .zip(charts)
            .map(|((run, _), svg)| figure(run, svg))
            .collect(),
        pictures: pictures::pictures(drawable, folder),
        outputs: drawable
            .runs
            .iter()
            .filter_map(|(run, _)| output(run))
            .collect(),
        facts: facts(drawable),
        footer: format!("Made by Podometer {}.", env!("CARGO_PKG_VERSION")),
    })
}

fn tone(status: Status) -> Tone {
    match status {
        Status::Succeeded => Tone::Good,
        Status::Failed => Tone::Bad,
        Status::Terminated => Tone::Warning,
        Status::Queued | Status::Running => Tone::Plain,
    }
}

fn subtitle(drawable: &Drawable) -> String {
    let plural = |n: usize, one: &str| match n {
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    };
    let tasks = drawable
        .order
        .tasks
        .map_or_else(|| "tasks".to_owned(), |n| plural(n as usize, "task"));
    let attempts = plural(drawable.runs.len(), "attempt");
    let started = drawable
        .order
        .started_at
        .map_or(String::new(), |t| format!(" · started {t}"));
    format!("{tasks}, {attempts}{started}")
}

fn or_missing<T>(value: Option<T>, format: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| MISSING.to_owned(), format)
}

fn bytes(value: Option<u64>) -> String {
    or_missing(value, |n| format_bytes(n as f64))
}

fn totals(drawable: &Drawable) -> Vec<(String, String)> {
    let start = order::start(drawable);
    let runs = || drawable.runs.iter().map(|(run, _)| run);
    let cpu: Option<f64> = runs().map(|run| run.totals.cpu_seconds).sum();
    let peak = runs().filter_map(run::peak).reduce(f64::max);
    let monitor: Option<f64> = runs().map(|run| run.totals.monitor_cpu_seconds).sum();
    let samples: u64 = runs().map(|run| run.quality.samples).sum();
    [
        (
            "Duration",
            or_missing(drawable.order.ended_at, |e| {
                format_seconds(e.seconds_since(start))
            }),
        ),
        ("CPU total", or_missing(cpu, format_cpu_seconds)),
        ("Peak memory", or_missing(peak, format_bytes)),
        ("Samples", samples.to_string()),
        ("Monitor's own CPU", or_missing(monitor, format_cpu_seconds)),
    ]
    .map(|(label, value)| (label.to_owned(), value))
    .into()
}

fn notes(drawable: &Drawable) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut say = |tone, text: String| notes.push(Note { tone, text });
    if let Some(message) = &drawable.order.message {
        say(tone(drawable.order.status), message.clone());
    }
    if drawable.order.status.is_final() && !drawable.order.storing_complete {
        say(
            Tone::Warning,
            "Storing is incomplete: samples may be missing.".to_owned(),
        );
    }
    for (run, _) in &drawable.runs {
        for flag in run::flags(run) {
            say(
                Tone::Warning,
                format!("{} (attempt {}): {flag}.", run.task, run.attempt),
            );
        }
    }
    let given = |run: &RunRow| {
        let g = &run.given;
        g.requested_cpu.or(g.limit_cpu).is_some()
            || g.requested_memory_bytes.or(g.limit_memory_bytes).is_some()
    };
    if drawable.order.launcher == Some(Launcher::Local)
        && drawable.runs.iter().any(|(run, _)| given(run))
    {
        say(
            Tone::Plain,
            "Requests and limits are recorded, not enforced: the tasks ran as processes of this \
             machine."
                .to_owned(),
        );
    }
    notes
}

const COLUMNS: [(&str, bool); 13] = [
    ("#", true),
    ("Task", false),
    ("Attempt", true),
    ("Result", false),
    ("Duration", true),
    ("CPU time", true),
    ("CPU p95", true),
    ("Peak anon", true),
    ("Peak", true),
    ("Read", true),
    ("Written", true),
    ("Samples", true),
    ("Monitor", true),
];

fn table(drawable: &Drawable) -> Table {
    let column = |(title, numeric): (&str, bool)| Column {
        title: title.to_owned(),
        numeric,
    };
    Table {
        caption:
            "Every attempt with what it used. ≥ marks a lower bound; read and written are what \
                  reached a disk; the monitor's part is taken out of the other numbers."
                .to_owned(),
        columns: COLUMNS.map(column).into(),
        rows: drawable.runs.iter().map(|(run, _)| row(run)).collect(),
        totals: Vec::new(),
    }
}

fn row(run: &RunRow) -> Row {
    let totals = &run.totals;
    let bound = |is_bound: bool, text: String| {
        if is_bound {
            format!("≥ {text}")
        } else {
            text
        }
    };
    let anon = bytes(totals.memory_anon_peak_bytes);
    let cpu = or_missing(totals.cpu_seconds, format_seconds);
    Row {
        cells: vec![
            run.position.to_string(),
            run.task.to_string(),
            run.attempt.to_string(),
            run::outcome(run).text,
            or_missing(totals.duration_seconds, format_seconds),
            bound(totals.cpu_lower_bound && totals.cpu_seconds.is_some(), cpu),
            or_missing(run.statistics.cpu_p95, format_cores),
            bound(run::peak_is_bound(run), anon),
            bytes(totals.memory_peak_bytes),
            bytes(totals.disk_read_bytes),
            bytes(totals.disk_write_bytes),
            run.quality.samples.to_string(),
            or_missing(totals.monitor_cpu_seconds, format_seconds),
        ],
        tone: match run.reason {
            None => Tone::Plain,
            Some(reason) if reason.is_success() => Tone::Good,
            Some(_) => Tone::Bad,
        },
    }
}

fn figure(run: &RunRow, svg: String) -> Figure {
    Figure {
        title: format!("{}. {}, attempt {}", run.position, run.task, run.attempt),
        svg,
        alt: format!("Resources of {} over the time since its start", run.task),
        caption: "Rates are means over the time step before each sample.".to_owned(),
    }
}

fn output(run: &RunRow) -> Option<Output> {
    run.output.as_ref().map(|text| Output {
        title: format!("{}. {}, attempt {}", run.position, run.task, run.attempt),
        text: text.clone(),
    })
}

fn facts(drawable: &Drawable) -> Vec<FactGroup> {
    let order = &drawable.order;
    let mut groups = vec![group(
        "Order",
        [
            ("id", Some(order.name.to_string())),
            ("uid", Some(order.order_uid.to_string())),
            ("created", Some(order.created_at.to_string())),
            ("ended", order.ended_at.map(|t| t.to_string())),
            ("launcher", order.launcher.map(|l| l.as_str().to_owned())),
            ("input", order.input.clone()),
            (
                "counters read from",
                drawable.runs.first().map(|(r, _)| run::source(r)),
            ),
        ],
    )];
    if let Some((first, _)) = drawable.runs.first() {
        let m = &first.machine;
        groups.push(group(
            "Machine",
            [
                ("host", m.hostname.clone()),
                ("processor", m.processor.clone()),
                ("cores", m.cores.map(|n| n.to_string())),
                ("memory", m.memory_bytes.map(|n| format_bytes(n as f64))),
                ("kernel", m.kernel.clone()),
                ("system", m.os.clone()),
                ("architecture", m.architecture.clone()),
            ],
        ));
        let g = &first.given;
        let size = g
            .input_width
            .zip(g.input_height)
            .map(|(w, h)| format!("{w} × {h} pixels"));
        groups.push(group(
            "Input picture",
            [
                ("format", g.input_format.clone()),
                ("size", size),
                ("channels", g.input_channels.map(|n| n.to_string())),
                ("bits a channel", g.input_bit_depth.map(|n| n.to_string())),
                ("file", g.input_bytes.map(|n| format_bytes(n as f64))),
            ],
        ));
    }
    groups.retain(|group| !group.facts.is_empty());
    groups
}

fn group<const N: usize>(title: &str, facts: [(&str, Option<String>); N]) -> FactGroup {
    let known = facts
        .into_iter()
        .filter_map(|(label, value)| Some((label.to_owned(), value?)));
    FactGroup {
        title: title.to_owned(),
        facts: known.collect(),
    }
}
