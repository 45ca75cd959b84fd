//! The layout of an order's picture: a timeline of attempts over stacked CPU and memory.

use crate::areas;
use crate::axis::{TimeAxis, ValueAxis};
use crate::header::{self, Header, MARGIN};
use crate::input::{Attempt, Kind, OrderChart, Point, TaskRow};
use crate::labels::SMALL;
use crate::legend;
use crate::palette::{self, FRAME, INK, LIMIT, MUTED, RED_TEXT, Rgb};
use crate::panel::{self, Place};
use crate::scene::{Anchor, Scene};
use crate::stack;
use crate::text;
use crate::units::{Unit, format_seconds};

const NAME: f64 = 13.5;
/// Rows get closer when there are many.
const ROW: f64 = 28.0;
const DENSE_ROW: f64 = 21.0;
const MANY: usize = 16;
const STACK_HEIGHT: f64 = 190.0;

pub(crate) fn layout(chart: &OrderChart) -> Scene {
    let mut scene = Scene::new(chart.width, &description(chart));
    let mut facts = header::totals(
        chart.duration_seconds,
        chart.cpu_seconds,
        chart.memory_peak_bytes,
    );
    facts.extend(chart.facts.iter().cloned());
    let header = Header {
        title: chart.order.clone(),
        subtitle: counted(chart),
        outcome: &chart.outcome,
        facts,
    };
    let top = header.draw(&mut scene);
    let (left, right) = (MARGIN, f64::from(scene.width) - MARGIN);
    let names = chart
        .tasks
        .iter()
        .enumerate()
        .map(|(i, task)| text::width(&name(i, task), NAME));
    let gutter = names.fold(60.0, f64::max).min((right - left) * 0.22);
    let time = TimeAxis::new(end(chart), left + gutter + 10.0, right);
    let mut bottom = timeline(&mut scene, chart, &time, (left, gutter), top);
    for resource in &RESOURCES {
        bottom = stacked(&mut scene, chart, time, bottom, resource);
    }
    scene.height = header::footer(&mut scene, bottom, &chart.source, &chart.flags);
    scene
}

fn description(chart: &OrderChart) -> String {
    format!(
        "Timeline of order {} with {}, and their CPU and memory over time; {}",
        chart.order,
        counted(chart),
        chart.outcome.text
    )
}

fn counted(chart: &OrderChart) -> String {
    let attempts: usize = chart.tasks.iter().map(|task| task.attempts.len()).sum();
    let plural = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let tasks = plural(chart.tasks.len(), "task");
    format!("order of {tasks}, {}", plural(attempts, "attempt"))
}

fn name(position: usize, task: &TaskRow) -> String {
    format!("{position} {}", text::clean(&task.name))
}

/// The last second of the time axis.
fn end(chart: &OrderChart) -> f64 {
    let attempts = chart.tasks.iter().flat_map(|task| &task.attempts);
    let ends = attempts.flat_map(|a| {
        let last = |points: &[Point]| points.iter().rev().find_map(|p| p.known()).map(|(t, _)| t);
        let known = [
            Some(a.start_seconds),
            a.end_seconds,
            last(&a.cpu_cores),
            last(&a.memory_bytes),
        ];
        known.into_iter().flatten()
    });
    ends.chain(chart.duration_seconds)
        .filter(|t| t.is_finite())
        .fold(0.0, f64::max)
}

/// Draws a row per task; returns the row of pixels below.
fn timeline(
    scene: &mut Scene,
    chart: &OrderChart,
    time: &TimeAxis,
    (left, gutter): (f64, f64),
    top: f64,
) -> f64 {
    let row = if chart.tasks.len() > MANY {
        DENSE_ROW
    } else {
        ROW
    };
    let bottom = top + row * chart.tasks.len() as f64;
    panel::time_grid(scene, time, (top, bottom));
    for (position, task) in chart.tasks.iter().enumerate() {
        let y = top + row * (position as f64 + 0.5);
        let name = text::fit(&name(position, task), NAME, gutter);
        scene.text((left + gutter, y), &name, NAME, Anchor::Right);
        bars(scene, task, palette::task(position), time, (y, row * 0.68));
    }
    scene.line(vec![(time.left, bottom), (time.right, bottom)], 1.0, FRAME);
    bottom + 42.0
}

fn bars(scene: &mut Scene, task: &TaskRow, color: Rgb, time: &TimeAxis, (y, height): (f64, f64)) {
    let half = height / 2.0;
    let span = |attempt: &Attempt| {
        let left = time.x(attempt.start_seconds);
        (
            left,
            time.x(attempt.end_seconds.unwrap_or(time.end))
                .max(left + 2.0),
        )
    };
    for attempt in &task.attempts {
        let (left, right) = span(attempt);
        scene.rect((left, y - half), (right, y + half), color);
        if attempt.failure.is_some() {
            outline(scene, (left, y - half), (right, y + half));
        }
    }
    if task.attempts.is_empty() {
        scene
            .text((time.left + 6.0, y), "not started", SMALL, Anchor::Left)
            .color = MUTED;
    }
    for (index, attempt) in task.attempts.iter().enumerate() {
        let (left, right) = span(attempt);
        let next = task
            .attempts
            .get(index + 1)
            .map_or(time.right, |next| span(next).0);
        let before = index
            .checked_sub(1)
            .map_or(time.left, |i| span(&task.attempts[i]).1);
        let told = tell(attempt, task.attempts.len() > 1);
        say(
            scene,
            &told,
            attempt.failure.is_some(),
            color,
            (before, left, right, next),
            y,
        );
    }
}

/// What a bar says: the attempt's number if there are several, the reason if it failed, its length.
fn tell(attempt: &Attempt, several: bool) -> Vec<String> {
    let number = several.then(|| format!("attempt {}", attempt.number));
    let length = attempt.end_seconds.map_or_else(
        || "running".to_owned(),
        |end| format_seconds((end - attempt.start_seconds).max(0.0)),
    );
    let reason = attempt.failure.clone();
    let full: Vec<_> = [number.clone(), reason.clone(), Some(length.clone())]
        .into_iter()
        .flatten()
        .collect();
    let short = reason.or(number).unwrap_or(length);
    vec![full.join(" · "), short]
}

/// Writes the longest of the texts that fits into the bar, behind it, or before it.
fn say(
    scene: &mut Scene,
    texts: &[String],
    failed: bool,
    color: Rgb,
    (before, left, right, next): (f64, f64, f64, f64),
    y: f64,
) {
    for text in texts {
        let width = text::width(text, SMALL);
        let beside = if failed { RED_TEXT } else { INK };
        let (x, anchor, color) = if width + 12.0 <= right - left {
            (left + 6.0, Anchor::Left, palette::text_on(color))
        } else if width + 12.0 <= next - right {
            (right + 6.0, Anchor::Left, beside)
        } else if width + 12.0 <= left - before {
            (left - 6.0, Anchor::Right, beside)
        } else {
            continue;
        };
        let label = scene.text((x, y), text, SMALL, anchor);
        (label.color, label.bold) = (color, failed);
        return;
    }
}

/// The frame of a failed bar.
fn outline(scene: &mut Scene, (left, top): (f64, f64), (right, bottom): (f64, f64)) {
    for (from, to) in [
        ((left, top), (right, top + 2.0)),
        ((left, bottom - 2.0), (right, bottom)),
        ((left, top), (left + 2.0, bottom)),
        ((right - 2.0, top), (right, bottom)),
    ] {
        scene.rect(from, to, LIMIT);
    }
}

/// One resource of all attempts.
struct Resource {
    title: &'static str,
    unit: Unit,
    kind: Kind,
    points: fn(&Attempt) -> &[Point],
}

const RESOURCES: [Resource; 2] = [
    Resource {
        title: "CPU",
        unit: Unit::Cores,
        kind: Kind::Rate,
        points: |a| &a.cpu_cores,
    },
    Resource {
        title: "Memory",
        unit: Unit::Bytes,
        kind: Kind::Gauge,
        points: |a| &a.memory_bytes,
    },
];

/// Draws one resource of all attempts, stacked; returns the row of pixels below.
fn stacked(
    scene: &mut Scene,
    chart: &OrderChart,
    time: TimeAxis,
    top: f64,
    resource: &Resource,
) -> f64 {
    let tasks = chart.tasks.iter().enumerate();
    let attempts = tasks.flat_map(|(i, task)| task.attempts.iter().map(move |a| (i, a)));
    let (colors, layers): (Vec<Rgb>, Vec<Vec<Point>>) = attempts
        .map(|(i, attempt)| {
            (
                palette::task(i),
                from_start(attempt, (resource.points)(attempt)),
            )
        })
        .unzip();
    if !layers.iter().flatten().any(|point| point.known().is_some()) {
        return top;
    }
    let layers: Vec<_> = layers.iter().map(Vec::as_slice).collect();
    let columns = stack::stack(&layers, resource.kind, time.end, time.columns());
    let (peak, high) = highest(&columns);
    let place = Place {
        left: time.left,
        top,
        height: STACK_HEIGHT,
        time,
    };
    let values = ValueAxis::new(resource.unit, (0.0, high * panel::HEADROOM), place.rows());
    panel::frame(scene, &time, &values, place.rows());
    areas::draw(scene, &columns, &colors, resource.kind, (&time, &values));
    place.draw_title(scene, &legend::title(resource.title, &values.unit), &[]);
    if high > 0.0 {
        let width = (time.right - time.left) / columns.len() as f64;
        let at = (time.left + (peak as f64 + 0.5) * width, values.y(high));
        place
            .labels()
            .mark_peak(scene, at, &resource.unit.format(high), INK);
    }
    top + STACK_HEIGHT
}

/// The column with the highest sum, and that sum.
fn highest(columns: &[stack::Column]) -> (usize, f64) {
    let sums = columns
        .iter()
        .map(|column| column.iter().map(|(_, value)| value).sum::<f64>());
    sums.enumerate().fold(
        (0, 0.0),
        |best, next| if next.1 > best.1 { next } else { best },
    )
}

/// The first value's time step begins where the attempt does, not where the order does.
fn from_start(attempt: &Attempt, points: &[Point]) -> Vec<Point> {
    let start = Point::missing(attempt.start_seconds);
    std::iter::once(start)
        .chain(points.iter().copied())
        .collect()
}
