//! Which resources share a panel, and how they are drawn.

use chart::{Kind, Look, Panel, Point, Reference, Series, units::Unit};
use model::{Resource, Timestamp};
use store::{RunRow, StoredSample};

/// A panel: its title, its resources with the names that the legend gives them, and whether it is
/// left out where nothing happened.
struct Plan {
    title: &'static str,
    lines: &'static [(Resource, &'static str, Look)],
    only_if_used: bool,
}

const PLANS: &[Plan] = &[
    Plan {
        title: "CPU",
        lines: &[
            (Resource::CpuUser, "user", Look::Stacked),
            (Resource::CpuSystem, "system", Look::Stacked),
            (Resource::Cpu, "total", Look::Line),
        ],
        only_if_used: false,
    },
    Plan {
        title: "Memory",
        lines: &[
            (Resource::Memory, "working set", Look::Line),
            (Resource::MemoryAnon, "anonymous", Look::Line),
            (Resource::MemoryFile, "file", Look::Line),
        ],
        only_if_used: false,
    },
    Plan {
        title: "CPU throttled",
        lines: &[(Resource::CpuThrottled, "throttled", Look::Line)],
        only_if_used: true,
    },
    Plan {
        title: "Swap",
        lines: &[(Resource::Swap, "swap", Look::Line)],
        only_if_used: true,
    },
    Plan {
        title: "Disk",
        lines: &[
            (Resource::DiskRead, "read", Look::Line),
            (Resource::DiskWrite, "written", Look::Line),
        ],
        only_if_used: false,
    },
    Plan {
        title: "Read and write calls",
        lines: &[
            (Resource::ReadChars, "read", Look::Line),
            (Resource::WriteChars, "written", Look::Line),
        ],
        only_if_used: false,
    },
    Plan {
        title: "Network",
        lines: &[
            (Resource::NetRx, "received", Look::Line),
            (Resource::NetTx, "sent", Look::Line),
        ],
        only_if_used: true,
    },
    Plan {
        title: "Processes and threads",
        lines: &[
            (Resource::Processes, "processes", Look::Line),
            (Resource::Threads, "threads", Look::Line),
        ],
        only_if_used: false,
    },
    Plan {
        title: "Pressure",
        lines: &[
            (Resource::CpuPressure, "CPU", Look::Line),
            (Resource::MemoryPressure, "memory", Look::Line),
            (Resource::IoPressure, "I/O", Look::Line),
        ],
        only_if_used: true,
    },
    Plan {
        title: "Major faults",
        lines: &[(Resource::MajorFaults, "faults", Look::Line)],
        only_if_used: true,
    },
];

/// The panels of a run; chart leaves out those without any value.
pub(super) fn panels(run: &RunRow, samples: &[StoredSample], start: Timestamp) -> Vec<Panel> {
    let used = |plan: &&Plan| {
        !plan.only_if_used
            || plan.lines.iter().any(|(resource, _, _)| {
                samples
                    .iter()
                    .any(|s| s.values.get(*resource).is_some_and(|v| v > 0.0))
            })
    };
    PLANS
        .iter()
        .filter(used)
        .map(|plan| panel(plan, run, samples, start))
        .collect()
}

fn panel(plan: &Plan, run: &RunRow, samples: &[StoredSample], start: Timestamp) -> Panel {
    let unit = plan.lines[0].0.unit();
    let series = plan.lines.iter().map(|(resource, name, look)| Series {
        name: (*name).to_owned(),
        look: *look,
        points: points(samples, *resource, start),
    });
    Panel {
        title: plan.title.to_owned(),
        unit: chart_unit(unit),
        kind: if unit.is_rate() {
            Kind::Rate
        } else {
            Kind::Gauge
        },
        series: series.collect(),
        references: references(plan.lines[0].0, run),
    }
}

/// A resource over the seconds since `start`. The baseline comes right before the start; it is drawn
/// at it. Where readings were missed a gauge's line is broken; a rate holds over the whole step.
pub(super) fn points(samples: &[StoredSample], resource: Resource, start: Timestamp) -> Vec<Point> {
    let at = |sample: &StoredSample| sample.time.seconds_since(start).max(0.0);
    let mut points: Vec<Point> = Vec::with_capacity(samples.len());
    for sample in samples {
        let t_seconds = at(sample);
        if sample.flags.missed_before > 0 && !resource.unit().is_rate() {
            let before = points.last().map_or(0.0, |p| p.t_seconds);
            points.push(Point::missing(before.midpoint(t_seconds)));
        }
        points.push(Point {
            t_seconds,
            value: sample.values.get(resource),
        });
    }
    points
}

fn references(resource: Resource, run: &RunRow) -> Vec<Reference> {
    let given = &run.given;
    let bytes = |n: Option<u64>| n.map(|n| n as f64);
    let (request, limit) = match resource {
        Resource::CpuUser | Resource::Cpu => (given.requested_cpu, given.limit_cpu),
        Resource::Memory => (
            bytes(given.requested_memory_bytes),
            bytes(given.limit_memory_bytes),
        ),
        _ => (None, None),
    };
    let line = |name: &str, value: Option<f64>| {
        value.map(|value| Reference {
            name: name.to_owned(),
            value,
        })
    };
    line("request", request)
        .into_iter()
        .chain(line("limit", limit))
        .collect()
}

fn chart_unit(unit: model::resource::Unit) -> Unit {
    match unit {
        model::resource::Unit::Cores => Unit::Cores,
        model::resource::Unit::Share => Unit::Share,
        model::resource::Unit::Bytes => Unit::Bytes,
        model::resource::Unit::BytesPerSecond => Unit::BytesPerSecond,
        model::resource::Unit::Count => Unit::Count,
        model::resource::Unit::PerSecond => Unit::PerSecond,
    }
}
