//! One run's picture of 12 panels from very many samples.

use std::{fs, process::Command, time::Instant};

use anyhow::{Context, Result, ensure};
use chart::{Format, Kind, Look, Panel, Point, RunChart, Series, run_chart, units::Unit as Scale};

use super::aims::{self, Aims, Unit, median_and_p95};
use crate::{args::ChartArgs, chance::Chance, others, process::succeed};

const AIM: f64 = 0.5;

/// The panels: title, unit, kind, and how high the values go.
const PANELS: [(&str, Scale, Kind, f64); 12] = [
    ("CPU", Scale::Cores, Kind::Rate, 2.0),
    ("Memory", Scale::Bytes, Kind::Gauge, 4e8),
    ("Anonymous memory", Scale::Bytes, Kind::Gauge, 3e8),
    ("File cache", Scale::Bytes, Kind::Gauge, 2e8),
    ("CPU throttled", Scale::Share, Kind::Rate, 0.4),
    ("Disk read", Scale::BytesPerSecond, Kind::Rate, 2e8),
    ("Disk written", Scale::BytesPerSecond, Kind::Rate, 1e8),
    ("Received", Scale::BytesPerSecond, Kind::Rate, 1e7),
    ("Sent", Scale::BytesPerSecond, Kind::Rate, 1e6),
    ("Processes", Scale::Count, Kind::Gauge, 12.0),
    ("CPU pressure", Scale::Share, Kind::Rate, 0.6),
    ("Major faults", Scale::PerSecond, Kind::Rate, 50.0),
];

/// Draws as PNG and as SVG, the series being in memory; the same in matplotlib if asked.
pub(super) fn measure(args: &ChartArgs, aims: &mut Aims) -> Result<()> {
    let picture = picture(args.samples);
    for (name, format) in [("PNG", Format::Png), ("SVG", Format::Svg)] {
        let mut times = Vec::new();
        for _ in 0..args.repeat {
            let start = Instant::now();
            let bytes = run_chart(&picture, format).context("the picture can't be drawn")?;
            times.push(start.elapsed().as_secs_f64());
            if let Some(file) = args.out.as_ref().filter(|_| format == Format::Png) {
                fs::write(file, bytes)?;
            }
        }
        let what = format!("12 panels of {} samples as {name}, median", args.samples);
        aims.aimed(&what, Unit::Seconds, median_and_p95(times).0, AIM);
    }
    if args.with_matplotlib {
        match matplotlib(args) {
            Ok(seconds) => aims::beside(
                "matplotlib, the same as PNG (without its import)",
                Unit::Seconds,
                seconds,
            ),
            Err(error) => aims::absent("matplotlib", &error),
        }
    }
    Ok(())
}

/// Values that wander, as real ones do, with some missing.
fn picture(samples: u32) -> RunChart {
    let mut chance = Chance::new(1);
    let panels = PANELS.map(|(title, unit, kind, high)| {
        let mut level = 0.5;
        let point = |index| {
            level += (chance.between(0, 2001) as f64 - 1000.0) / 50_000.0;
            level = level.clamp(0.0, 1.0);
            let at = f64::from(index);
            if chance.between(0, 1000) == 0 {
                return Point::missing(at);
            }
            Point::new(at, level * high)
        };
        let series = Series {
            name: title.to_lowercase(),
            look: Look::Line,
            points: (0..samples).map(point).collect(),
        };
        Panel {
            title: title.to_owned(),
            unit,
            kind,
            series: vec![series],
            references: Vec::new(),
        }
    });
    RunChart {
        order: "bench".to_owned(),
        task: "long".to_owned(),
        duration_seconds: Some(f64::from(samples)),
        panels: panels.to_vec(),
        source: "made up".to_owned(),
        ..RunChart::default()
    }
}

/// The same number of values in the same number of panels, drawn by matplotlib; it says itself how
/// long it took.
fn matplotlib(args: &ChartArgs) -> Result<f64> {
    let python = others::program("matplotlib", "python")?;
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("draw.py");
    fs::write(&script, include_str!("draw.py"))?;
    let said = folder.path().join("seconds");
    let mut command = Command::new(python);
    command.arg(&script).arg(args.samples.to_string());
    command.arg(args.repeat.to_string()).arg(&said);
    succeed(command.arg(folder.path().join("picture.png")))?;
    let text = fs::read_to_string(&said)?;
    let times: Vec<f64> = text
        .split_whitespace()
        .filter_map(|number| number.parse().ok())
        .collect();
    ensure!(!times.is_empty(), "it said nothing");
    Ok(median_and_p95(times).0)
}
