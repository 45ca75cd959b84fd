//! Draws typical pictures into a folder, to be looked at:
//! `cargo run -p chart --example gallery -- FOLDER`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs};

use chart::units::{Unit, format_bytes, format_cpu_seconds, format_seconds};
use chart::{
    Attempt, Column, FactGroup, Figure, Format, Kind, Look, Note, OrderChart, Outcome, Output,
    Panel, Picture, Point, Reference, Report, Row, RunChart, Series, Table, TaskRow, Tone,
};

const MIB: f64 = 1_048_576.0;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args().nth(1).ok_or("say a folder for the pictures")?);
    fs::create_dir_all(&folder)?;
    let runs = [
        ("image-task", image_task(60.0, 70)),
        ("short-task", short_task()),
        ("killed-task", killed_task()),
        ("hostile-names", hostile_names()),
        (
            "nothing",
            RunChart {
                task: "nothing".into(),
                ..RunChart::default()
            },
        ),
        ("few-panels", few_panels()),
        (
            "narrow",
            RunChart {
                width: 640,
                ..image_task(60.0, 70)
            },
        ),
        ("million", image_task(86_400.0, 1_000_000)),
    ];
    for (name, run) in &runs {
        write(&folder, name, |format| chart::run_chart(run, format))?;
    }
    let orders = [
        ("order-six", order_of_six()),
        ("order-forty", order_of_forty()),
        ("order-one", order_of_one()),
        ("order-parallel", order_in_parallel()),
    ];
    for (name, order) in &orders {
        write(&folder, name, |format| chart::order_chart(order, format))?;
    }
    fs::write(folder.join("report.html"), chart::report(&report()?))?;
    Ok(())
}

fn write(
    folder: &Path,
    name: &str,
    draw: impl Fn(Format) -> Result<Vec<u8>, chart::Error>,
) -> Result<(), Box<dyn Error>> {
    for (format, extension) in [(Format::Png, "png"), (Format::Svg, "svg")] {
        let started = Instant::now();
        let picture = draw(format)?;
        let took = format_seconds(started.elapsed().as_secs_f64());
        println!(
            "{name}.{extension}: {took}, {}",
            format_bytes(picture.len() as f64)
        );
        fs::write(folder.join(format!("{name}.{extension}")), picture)?;
    }
    Ok(())
}

/// A cheap source of numbers between 0 and 1 that looks like noise and is the same every time.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / f64::from(1 << 24)
    }
}

/// Sample times as the runner takes them: close together first, then evenly.
fn times(seconds: f64, samples: usize) -> Vec<f64> {
    let dense = [0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
    let dense: Vec<_> = dense.into_iter().filter(|t| *t < seconds).collect();
    let rest = samples.saturating_sub(dense.len()).max(1);
    let even = (1..=rest)
        .map(|i| 0.5_f64.min(seconds) + (seconds - 0.5).max(0.0) * i as f64 / rest as f64);
    dense.into_iter().chain(even).collect()
}

fn series(name: &str, times: &[f64], value: impl FnMut(f64) -> f64) -> Series {
    let values: Vec<_> = times.iter().copied().map(value).collect();
    let points = times
        .iter()
        .zip(values)
        .map(|(t, v)| Point::new(*t, v.max(0.0)))
        .collect();
    Series {
        name: name.into(),
        look: Look::Line,
        points,
    }
}

fn rates(name: &str, times: &[f64], value: impl FnMut(f64) -> f64) -> Series {
    let mut series = series(name, times, value);
    if let Some(first) = series.points.first_mut() {
        first.value = None;
    }
    series
}

fn panel(title: &str, unit: Unit, kind: Kind, series: Vec<Series>) -> Panel {
    Panel {
        title: title.into(),
        unit,
        kind,
        series,
        references: Vec::new(),
    }
}

#[expect(clippy::too_many_lines, reason = "a list of panels")]
fn image_task(seconds: f64, samples: usize) -> RunChart {
    let times = times(seconds, samples);
    let mut noise = Noise(7);
    let phase = |t: f64| t / seconds;
    let work = |t: f64| match phase(t) {
        p if p < 0.12 => 0.35,
        p if p < 0.7 => 1.85 + 0.1 * (p * 40.0).sin(),
        p if p < 0.85 => 0.95,
        _ => 0.2,
    };
    let cpu: Vec<_> = times
        .iter()
        .map(|t| work(*t) * (0.92 + 0.16 * noise.next()))
        .collect();
    let mut index = 0;
    let mut cpu_of = |share: f64| {
        index = 0;
        rates("", &times, |_| {
            index += 1;
            cpu[index - 1] * share
        })
    };
    let total = Series {
        name: "total".into(),
        ..cpu_of(1.0)
    };
    let user = Series {
        name: "user".into(),
        look: Look::Stacked,
        ..cpu_of(0.86)
    };
    let system = Series {
        name: "system".into(),
        look: Look::Stacked,
        ..cpu_of(0.14)
    };
    let memory = |t: f64| match phase(t) {
        p if p < 0.12 => 40.0 + p * 900.0,
        p if p < 0.7 => 150.0 + 60.0 * ((p - 0.12) * 14.0).sin().abs(),
        _ => 95.0,
    } * MIB;
    let mut noises = (Noise(1), Noise(2), Noise(3), Noise(4), Noise(5));
    let mut panels = vec![
        panel("CPU", Unit::Cores, Kind::Rate, vec![user, system, total]),
        panel(
            "Memory (working set)",
            Unit::Bytes,
            Kind::Gauge,
            vec![series("memory", &times, |t| memory(t) + 22.0 * MIB)],
        ),
        panel(
            "CPU throttled",
            Unit::Share,
            Kind::Rate,
            vec![rates("throttled", &times, |t| {
                if work(t) > 1.5 {
                    0.08 * noises.0.next()
                } else {
                    0.0
                }
            })],
        ),
        panel(
            "Memory by kind",
            Unit::Bytes,
            Kind::Gauge,
            vec![
                series("anonymous", &times, memory),
                series("file cache", &times, |t| {
                    (8.0 + 60.0 * phase(t).sqrt()) * MIB
                }),
            ],
        ),
        panel(
            "Disk",
            Unit::BytesPerSecond,
            Kind::Rate,
            vec![
                rates("read", &times, |t| {
                    if phase(t) < 0.12 {
                        35.0 * MIB * noises.1.next()
                    } else {
                        0.0
                    }
                }),
                rates("write", &times, |t| {
                    if phase(t) > 0.85 {
                        22.0 * MIB * noises.2.next()
                    } else {
                        0.0
                    }
                }),
            ],
        ),
        panel(
            "Characters",
            Unit::BytesPerSecond,
            Kind::Rate,
            vec![
                rates("read", &times, |t| {
                    if phase(t) < 0.14 {
                        50.0 * MIB * noises.3.next()
                    } else {
                        2e4
                    }
                }),
                rates("write", &times, |t| {
                    if phase(t) > 0.84 {
                        30.0 * MIB * noises.4.next()
                    } else {
                        1e4
                    }
                }),
            ],
        ),
        panel(
            "Network",
            Unit::BytesPerSecond,
            Kind::Rate,
            vec![
                rates("received", &times, |t| {
                    4e4 * (1.0 + (phase(t) * 30.0).sin())
                }),
                rates("sent", &times, |t| 1e4 * (1.0 + (phase(t) * 22.0).cos())),
            ],
        ),
        panel(
            "Swap",
            Unit::Bytes,
            Kind::Gauge,
            vec![series("swap", &times, |_| 0.0)],
        ),
        panel(
            "Processes and threads",
            Unit::Count,
            Kind::Gauge,
            vec![
                series(
                    "processes",
                    &times,
                    |t| if phase(t) < 0.1 { 1.0 } else { 3.0 },
                ),
                series(
                    "threads",
                    &times,
                    |t| if phase(t) < 0.1 { 2.0 } else { 11.0 },
                ),
            ],
        ),
        panel(
            "Pressure (some)",
            Unit::Share,
            Kind::Rate,
            vec![
                rates("cpu", &times, |t| {
                    0.2 * work(t) / 2.0 + 0.03 * (phase(t) * 60.0).sin()
                }),
                rates(
                    "memory",
                    &times,
                    |t| if phase(t) < 0.4 { 0.0 } else { 0.015 },
                ),
                rates("io", &times, |t| if phase(t) > 0.85 { 0.12 } else { 0.01 }),
            ],
        ),
        panel(
            "Major page faults",
            Unit::PerSecond,
            Kind::Rate,
            vec![rates("faults", &times, |t| {
                if phase(t) < 0.05 { 41.0 } else { 0.0 }
            })],
        ),
        panel(
            "Never measured",
            Unit::Bytes,
            Kind::Gauge,
            vec![Series {
                name: "none".into(),
                look: Look::Line,
                points: times.iter().map(|t| Point::missing(*t)).collect(),
            }],
        ),
    ];
    panels[0].references = references(0.5, 2.0);
    panels[1].references = references(128.0 * MIB, 256.0 * MIB);
    RunChart {
        order: "leaf-1".into(),
        task: "segment".into(),
        attempt: 1,
        outcome: Outcome {
            text: "completed · exit code 0".into(),
            failed: false,
        },
        duration_seconds: Some(seconds),
        cpu_seconds: Some(seconds * 1.24),
        memory_peak_bytes: Some(232.0 * MIB),
        facts: vec![
            ("position".into(), "2".into()),
            ("input".into(), "4000 × 3000, 8 bit RGB, 3.4 MiB".into()),
            ("started".into(), "2026-05-04 10:22:31 UTC".into()),
        ],
        panels,
        source: format!(
            "cgroup v2, {samples} samples, period 1 s; the monitor itself used 12 CPU ms"
        ),
        flags: Vec::new(),
        ..RunChart::default()
    }
}

fn references(request: f64, limit: f64) -> Vec<Reference> {
    vec![
        Reference {
            name: "request".into(),
            value: request,
        },
        Reference {
            name: "limit".into(),
            value: limit,
        },
    ]
}

fn short_task() -> RunChart {
    let times = [0.0, 0.0103];
    RunChart {
        order: "leaf-1".into(),
        task: "hash".into(),
        outcome: Outcome {
            text: "completed · exit code 0".into(),
            failed: false,
        },
        duration_seconds: Some(0.0103),
        cpu_seconds: Some(0.0082),
        memory_peak_bytes: Some(3.1 * MIB),
        panels: vec![
            Panel {
                references: references(0.1, 1.0),
                ..panel(
                    "CPU",
                    Unit::Cores,
                    Kind::Rate,
                    vec![
                        Series {
                            look: Look::Stacked,
                            ..rates("user", &times, |_| 0.6)
                        },
                        Series {
                            look: Look::Stacked,
                            ..rates("system", &times, |_| 0.2)
                        },
                        rates("total", &times, |_| 0.8),
                    ],
                )
            },
            Panel {
                references: references(128.0 * MIB, 256.0 * MIB),
                ..panel(
                    "Memory (working set)",
                    Unit::Bytes,
                    Kind::Gauge,
                    vec![series("memory", &times, |t| {
                        if t == 0.0 { 0.4 * MIB } else { 3.1 * MIB }
                    })],
                )
            },
            panel(
                "Disk",
                Unit::BytesPerSecond,
                Kind::Rate,
                vec![
                    rates("read", &times, |_| 0.0),
                    rates("write", &times, |_| 4096.0 / 0.0103),
                ],
            ),
            panel(
                "Processes and threads",
                Unit::Count,
                Kind::Gauge,
                vec![
                    series("processes", &times, |_| 1.0),
                    series("threads", &times, |_| 1.0),
                ],
            ),
        ],
        source: "process tree, 2 samples".into(),
        ..RunChart::default()
    }
}

fn killed_task() -> RunChart {
    let mut run = image_task(23.0, 30);
    for panel in &mut run.panels {
        for series in &mut panel.series {
            for point in &mut series.points {
                let lost = (6.0..9.5).contains(&point.t_seconds)
                    || (14.0..15.2).contains(&point.t_seconds);
                if lost || point.t_seconds > 21.0 {
                    point.value = None;
                }
                if panel.title.starts_with("Memory") {
                    point.value = point.value.map(|v| v + point.t_seconds * 9.0 * MIB);
                }
            }
        }
    }
    run.attempt = 2;
    run.outcome = Outcome {
        text: "oom_killed · signal 9".into(),
        failed: true,
    };
    run.flags = vec![
        "Censored: the attempt was killed before its last sample; totals are those of its last report.".into(),
        "CPU is a lower bound: a process ignored SIGCHLD.".into(),
        "5 samples were missed, the largest gap is 3.5 s.".into(),
    ];
    run
}

fn hostile_names() -> RunChart {
    let long = "a-task-name-that-never-ends-".repeat(8);
    let mut run = killed_task();
    run.task = format!("<b>&\"'{long}");
    run.order = format!("<script>alert(1)</script>{long}");
    run.outcome.text = format!("error: {long}");
    run.flags = vec![long.clone(), "日本語 \u{0}\u{1b}[31m".into()];
    run.facts = vec![(long.clone(), long.clone()), ("ok".into(), "yes".into())];
    for panel in &mut run.panels {
        panel.title = format!("<i>{}{long}", panel.title);
        for series in &mut panel.series {
            series.name.push_str(&long);
        }
        for reference in &mut panel.references {
            reference.name.push_str(&long);
        }
    }
    run
}

fn few_panels() -> RunChart {
    let mut run = image_task(60.0, 70);
    run.panels.truncate(2);
    run.panels[0].references = references(0.5, 16.0);
    run
}

/// What a task of the example orders is like.
struct Load {
    name: &'static str,
    seconds: f64,
    cores: f64,
    mib: f64,
}

const LOADS: [Load; 6] = [
    Load {
        name: "camera",
        seconds: 4.1,
        cores: 1.0,
        mib: 140.0,
    },
    Load {
        name: "resize",
        seconds: 1.2,
        cores: 1.7,
        mib: 90.0,
    },
    Load {
        name: "denoise",
        seconds: 9.6,
        cores: 1.95,
        mib: 210.0,
    },
    Load {
        name: "segment",
        seconds: 5.2,
        cores: 1.2,
        mib: 260.0,
    },
    Load {
        name: "diagnose",
        seconds: 0.4,
        cores: 0.8,
        mib: 60.0,
    },
    Load {
        name: "annotate",
        seconds: 2.3,
        cores: 1.0,
        mib: 120.0,
    },
];

fn attempt(load: &Load, number: u32, start: f64, seconds: f64, failure: Option<&str>) -> Attempt {
    let mut noise = Noise(load.seconds.to_bits());
    let times = times(seconds, (seconds / 0.25) as usize + 2);
    let cpu = rates("", &times, |_| load.cores * (0.9 + 0.15 * noise.next()));
    let ramp = |t: f64| load.mib * MIB * (0.15 + 0.85 * (t / load.seconds * 3.0).min(1.0));
    let memory = series("", &times, ramp);
    let shifted = |points: Vec<Point>| {
        let shift = |p: Point| Point {
            t_seconds: p.t_seconds + start,
            value: p.value,
        };
        points.into_iter().map(shift).collect()
    };
    Attempt {
        number,
        start_seconds: start,
        end_seconds: Some(start + seconds),
        failure: failure.map(Into::into),
        cpu_cores: shifted(cpu.points),
        memory_bytes: shifted(memory.points),
    }
}

fn order_of_six() -> OrderChart {
    let mut now = 0.02;
    let mut tasks = Vec::new();
    for load in &LOADS {
        let mut attempts = Vec::new();
        if load.name == "segment" {
            attempts.push(attempt(load, 1, now, 2.6, Some("oom_killed")));
            now += 3.4;
        }
        let number = attempts.len() as u32 + 1;
        attempts.push(attempt(load, number, now, load.seconds, None));
        now += load.seconds + 0.02;
        tasks.push(TaskRow {
            name: load.name.into(),
            attempts,
        });
    }
    OrderChart {
        order: "leaf-1".into(),
        outcome: Outcome {
            text: "succeeded".into(),
            failed: false,
        },
        duration_seconds: Some(now),
        cpu_seconds: Some(34.2),
        memory_peak_bytes: Some(260.0 * MIB),
        facts: vec![("machine".into(), "2 cores, 7.7 GiB".into())],
        tasks,
        source: "cgroup v2, 109 samples".into(),
        ..OrderChart::default()
    }
}

fn order_of_forty() -> OrderChart {
    let mut now = 0.0;
    let mut tasks = Vec::new();
    for index in 0..40 {
        let load = &LOADS[index % LOADS.len()];
        let fails = index == 37;
        let seconds = load.seconds * (0.3 + 0.2 * (index % 5) as f64);
        let attempts = if index > 37 {
            Vec::new()
        } else {
            vec![attempt(load, 1, now, seconds, fails.then_some("timed_out"))]
        };
        now += if index > 37 { 0.0 } else { seconds + 0.05 };
        tasks.push(TaskRow {
            name: format!("{}-tile-{index}", load.name),
            attempts,
        });
    }
    OrderChart {
        order: "survey-plots-2026".into(),
        outcome: Outcome {
            text: "failed · task 37 timed out".into(),
            failed: true,
        },
        duration_seconds: Some(now),
        tasks,
        flags: vec!["The last attempt was killed; its totals are a lower bound.".into()],
        ..OrderChart::default()
    }
}

fn order_of_one() -> OrderChart {
    let blink = Load {
        name: "hash",
        seconds: 0.0103,
        cores: 0.8,
        mib: 3.0,
    };
    OrderChart {
        order: "exec".into(),
        outcome: Outcome {
            text: "succeeded".into(),
            failed: false,
        },
        duration_seconds: Some(0.0103),
        tasks: vec![TaskRow {
            name: "sha256sum".into(),
            attempts: vec![attempt(&blink, 1, 0.0, 0.0103, None)],
        }],
        ..OrderChart::default()
    }
}

fn order_in_parallel() -> OrderChart {
    let task = |(index, load): (usize, &Load)| TaskRow {
        name: load.name.into(),
        attempts: vec![attempt(load, 1, index as f64 * 0.8, load.seconds, None)],
    };
    OrderChart {
        order: "overlap".into(),
        outcome: Outcome {
            text: "running".into(),
            failed: false,
        },
        tasks: LOADS.iter().enumerate().map(task).collect(),
        ..OrderChart::default()
    }
}

fn svg(bytes: Vec<u8>) -> Result<String, Box<dyn Error>> {
    Ok(String::from_utf8(bytes)?)
}

fn report() -> Result<Report, Box<dyn Error>> {
    let order = order_of_six();
    let pair = |(label, value): (&str, &str)| (label.to_owned(), value.to_owned());
    let facts = |title: &str, pairs: &[(&str, &str)]| FactGroup {
        title: title.into(),
        facts: pairs.iter().copied().map(pair).collect(),
    };
    let picture = chart::order_chart(
        &OrderChart {
            width: 480,
            ..order.clone()
        },
        Format::Png,
    )?;
    let figure = |run: &RunChart| -> Result<Figure, Box<dyn Error>> {
        Ok(Figure {
            title: format!("{}, attempt {}", run.task, run.attempt),
            svg: svg(chart::run_chart(run, Format::Svg)?)?,
            alt: format!("Resources of {} over time", run.task),
            caption: "Rates are means over the time step before each sample.".into(),
        })
    };
    Ok(Report {
        title: "leaf-1".into(),
        subtitle: "6 tasks, 7 attempts · started 2026-05-04 10:22:31 UTC".into(),
        status: "succeeded".into(),
        tone: Tone::Good,
        totals: [("Duration", "26.3 s"), ("CPU total", "34.2 CPU s"), ("Peak memory", "260 MiB"), ("Samples", "109")].into_iter().map(pair).collect(),
        notes: vec![
            Note { tone: Tone::Warning, text: "Attempt 1 of segment was killed for memory (oom_killed): its totals are those of its last report.".into() },
            Note { tone: Tone::Plain, text: "Requests and limits are recorded here, not enforced: these tasks ran as plain processes <of this machine> & its user.".into() },
        ],
        overview: Some(Figure {
            title: "Order".into(),
            svg: svg(chart::order_chart(&order, Format::Svg)?)?,
            alt: "Timeline of the order".into(),
            caption: "One row per task; a frame marks an attempt that failed.".into(),
        }),
        runs: table(&order),
        charts: vec![figure(&image_task(60.0, 70))?, figure(&killed_task())?, figure(&short_task())?],
        pictures: vec![Picture { caption: "What annotate found".into(), alt: "A leaf with marks".into(), png: picture }],
        outputs: vec![
            Output { title: "diagnose".into(), text: "diseased 0.132\n<script>alert(1)</script>\n".into() },
            Output { title: "camera".into(), text: "line of a long log with numbers 0 1 2 3 4 5 6 7 8 9\n".repeat(80) },
        ],
        facts: vec![
            facts("Order", &[("id", "leaf-1"), ("uid", "019f4a2c-7d1e-7c3b-9f60-6d0a3c1b9a10"), ("file", "orders/leaf.json")]),
            facts("Machine", &[("processor", "AMD EPYC 7B13"), ("cores", "2"), ("memory", "7.7 GiB"), ("kernel", "6.1.0-18-amd64")]),
            facts("Input", &[("file", "images/tomato-leaf.jpg"), ("size", "4000 × 3000 pixels"), ("channels", "3"), ("bytes", "3.4 MiB")]),
        ],
        footer: "Made by Podometer 0.1.0 on 2026-05-04 10:23:02 UTC.".into(),
    })
}

fn table(order: &OrderChart) -> Table {
    let columns = [
        "#",
        "Task",
        "Attempt",
        "Duration",
        "CPU",
        "Mean CPU",
        "Peak memory",
        "Disk read",
        "Disk written",
        "Samples",
        "Exit",
        "Reason",
    ];
    let numeric = |title: &str| !matches!(title, "Task" | "Reason");
    let mut rows = Vec::new();
    for (position, task) in order.tasks.iter().enumerate() {
        for attempt in &task.attempts {
            let seconds = attempt.end_seconds.unwrap_or_default() - attempt.start_seconds;
            let load = &LOADS[position];
            let cells = [
                position.to_string(),
                task.name.clone(),
                attempt.number.to_string(),
                format_seconds(seconds),
                format_cpu_seconds(seconds * load.cores),
                Unit::Cores.format(load.cores),
                format_bytes(load.mib * MIB),
                format_bytes(3.4 * MIB),
                format_bytes(11.2 * MIB),
                attempt.memory_bytes.len().to_string(),
                if attempt.failure.is_some() {
                    String::new()
                } else {
                    "0".into()
                },
                attempt
                    .failure
                    .clone()
                    .unwrap_or_else(|| "completed".into()),
            ];
            let tone = if attempt.failure.is_some() {
                Tone::Bad
            } else {
                Tone::Plain
            };
            rows.push(Row {
                cells: cells.into(),
                tone,
            });
        }
    }
    let totals = [
        "",
        "total",
        "",
        "26.3 s",
        "34.2 CPU s",
        "1.3 cores",
        "260 MiB",
        "24 MiB",
        "78 MiB",
        "109",
        "",
        "",
    ];
    Table {
        caption: format!("{} attempts, in order of time", rows.len()),
        columns: columns
            .map(|title| Column {
                title: title.into(),
                numeric: numeric(title),
            })
            .into(),
        rows,
        totals: totals.map(Into::into).into(),
    }
}
