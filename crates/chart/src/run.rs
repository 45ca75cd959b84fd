//! The layout of a run's picture: a header, the panels in a grid, a footer.

use crate::axis::TimeAxis;
use crate::header::{self, Header, MARGIN};
use crate::input::{Panel, RunChart};
use crate::palette::MUTED;
use crate::panel::{self, Place};
use crate::scene::{Anchor, Scene};

/// Panels stand side by side from this many on, if the picture is wide enough for both.
const SIDE_BY_SIDE: usize = 3;
const WIDE: u32 = 900;
const GUTTER: f64 = 32.0;

pub(crate) fn layout(chart: &RunChart) -> Scene {
    let panels: Vec<_> = chart
        .panels
        .iter()
        .filter(|panel| panel::has_data(panel))
        .collect();
    let attempt = format!("order {} · attempt {}", chart.order, chart.attempt);
    let mut scene = Scene::new(chart.width, &description(chart, panels.len()));
    let mut facts = header::totals(
        chart.duration_seconds,
        chart.cpu_seconds,
        chart.memory_peak_bytes,
    );
    facts.extend(chart.facts.iter().cloned());
    let header = Header {
        title: chart.task.clone(),
        subtitle: attempt,
        outcome: &chart.outcome,
        facts,
    };
    let top = header.draw(&mut scene);
    let bottom = grid(&mut scene, &panels, end(chart), top);
    scene.height = header::footer(&mut scene, bottom, &chart.source, &chart.flags);
    scene
}

fn description(chart: &RunChart, panels: usize) -> String {
    format!(
        "Resources of task {} of order {}, attempt {}, over time: {panels} panels; {}",
        chart.task, chart.order, chart.attempt, chart.outcome.text
    )
}

/// The last second of the time axis: the run's end or its last value, whichever is later.
fn end(chart: &RunChart) -> f64 {
    let series = chart.panels.iter().flat_map(|panel| &panel.series);
    let last = series.filter_map(|s| s.points.iter().rev().find_map(|p| p.known()));
    let last = last.map(|(t, _)| t);
    last.chain(chart.duration_seconds.filter(|d| d.is_finite()))
        .fold(0.0, f64::max)
}

/// Draws the panels row by row; returns the row of pixels below them.
fn grid(scene: &mut Scene, panels: &[&Panel], end: f64, top: f64) -> f64 {
    let (left, right) = (MARGIN, f64::from(scene.width) - MARGIN);
    if panels.is_empty() {
        scene
            .text((left, top + 20.0), "No samples.", 14.0, Anchor::Left)
            .color = MUTED;
        return top + 48.0;
    }
    let two = panels.len() >= SIDE_BY_SIDE && scene.width >= WIDE;
    let columns = if two { 2 } else { 1 };
    let width = (right - left - GUTTER * (columns as f64 - 1.0)) / columns as f64;
    let height = if two {
        panel::HEIGHT
    } else {
        panel::HEIGHT + 40.0
    };
    for (index, panel) in panels.iter().enumerate() {
        let x = left + (index % columns) as f64 * (width + GUTTER);
        let y = top + (index / columns) as f64 * height;
        let plot_left = x + panel::AXIS_WIDTH;
        let place = Place {
            left: x,
            top: y,
            height,
            time: TimeAxis::new(end, plot_left, x + width),
        };
        panel::draw(scene, panel, &place);
    }
    top + panels.len().div_ceil(columns) as f64 * height
}
