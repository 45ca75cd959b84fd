//! One panel: its scale, its lines and areas, its peak and its reference lines.

use crate::areas;
use crate::axis::{TimeAxis, ValueAxis};
use crate::input::{Look, Panel, Series};
use crate::labels::{Labels, SMALL};
use crate::legend;
use crate::lines::Line;
use crate::palette::{self, FRAME, GRID, INK, LIMIT, MUTED, RED_TEXT, Rgb};
use crate::scene::{Anchor, Scene};
use crate::stack::{self, Column};
use crate::text;

/// The height of a panel with its title and its time axis, in pixels.
pub(crate) const HEIGHT: f64 = 196.0;
/// The room left of a plot for the labels of its value axis.
pub(crate) const AXIS_WIDTH: f64 = 44.0;

const ABOVE: f64 = 30.0;
const BELOW: f64 = 38.0;
/// A reference line further up than this many times the data would squash the data.
const FAR: f64 = 4.0;
/// How much higher than the highest value a scale reaches, for the label of the peak.
pub(crate) const HEADROOM: f64 = 1.2;

/// Where a panel goes.
pub(crate) struct Place {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) height: f64,
    pub(crate) time: TimeAxis,
}

impl Place {
    /// The first and the last row of pixels of the plot.
    pub(crate) fn rows(&self) -> (f64, f64) {
        (self.top + ABOVE, self.top + self.height - BELOW)
    }

    /// Labels for this plot; they may reach a little above it.
    pub(crate) fn labels(&self) -> Labels {
        let (top, bottom) = self.rows();
        Labels::new(((self.time.left, top - 8.0), (self.time.right, bottom)))
    }

    pub(crate) fn draw_title(&self, scene: &mut Scene, title: &str, entries: &[legend::Entry]) {
        let sides = (self.left, self.time.right);
        legend::draw(scene, sides, self.top + 12.0, title, entries);
    }
}

pub(crate) fn has_data(panel: &Panel) -> bool {
    panel.series.iter().any(has_values)
}

fn has_values(series: &Series) -> bool {
    series.points.iter().any(|point| point.known().is_some())
}

/// The series of a panel that have values and this look.
fn of_look(panel: &Panel, look: Look) -> impl Iterator<Item = (usize, &Series)> {
    panel
        .series
        .iter()
        .filter(move |s| s.look == look && has_values(s))
        .enumerate()
}

pub(crate) fn draw(scene: &mut Scene, panel: &Panel, place: &Place) {
    let time = &place.time;
    let lines: Vec<_> = of_look(panel, Look::Line)
        .map(|(index, series)| Line::new(series, index, panel.kind, time))
        .collect();
    let names: Vec<_> = of_look(panel, Look::Stacked)
        .map(|(index, series)| (series.name.as_str(), palette::area(index)))
        .collect();
    let columns = stacked(panel, time);
    let values = value_axis(panel, &lines, &columns, place);
    frame(scene, time, &values, place.rows());
    let colors: Vec<Rgb> = names.iter().map(|(_, color)| *color).collect();
    areas::draw(scene, &columns, &colors, panel.kind, (time, &values));
    let mut labels = place.labels();
    for line in lines.iter().rev() {
        for path in line.draw(scene, time, &values) {
            labels.avoid(&path);
        }
    }
    draw_references(scene, panel, &mut labels, (time, &values));
    draw_peak(scene, panel, &mut labels, &lines, (time, &values));
    let title = legend::title(&panel.title, &values.unit);
    place.draw_title(
        scene,
        &title,
        &legend::entries(panel, &lines, &names, &values),
    );
}

fn stacked(panel: &Panel, time: &TimeAxis) -> Vec<Column> {
    let layers = of_look(panel, Look::Stacked).map(|(_, series)| series.points.as_slice());
    let layers: Vec<_> = layers.collect();
    if layers.is_empty() {
        return Vec::new();
    }
    stack::stack(&layers, panel.kind, time.end, time.columns())
}

fn value_axis(panel: &Panel, lines: &[Line<'_>], columns: &[Column], place: &Place) -> ValueAxis {
    let sums = columns
        .iter()
        .map(|column| column.iter().map(|(_, value)| value).sum());
    let values = lines.iter().flat_map(Line::values).chain(sums);
    let (low, high) = values.fold((0.0, 0.0), |(low, high): (f64, f64), v: f64| {
        (low.min(v), high.max(v))
    });
    let near = |reference: f64| high <= 0.0 || reference <= high * FAR;
    let references = panel.references.iter().map(|r| r.value);
    let top = references
        .filter(|v| *v > 0.0 && near(*v))
        .fold(0.0, f64::max);
    ValueAxis::new(
        panel.unit,
        (low, (high * HEADROOM).max(top * 1.05)),
        place.rows(),
    )
}

/// Grid lines, ticks and labels around a plot between two rows of pixels.
pub(crate) fn frame(scene: &mut Scene, time: &TimeAxis, values: &ValueAxis, rows: (f64, f64)) {
    for (y, label) in values.ticks() {
        scene.line(vec![(time.left, y), (time.right, y)], 1.0, GRID);
        scene
            .text((time.left - 7.0, y), &label, SMALL, Anchor::Right)
            .color = MUTED;
    }
    time_grid(scene, time, rows);
    let base = values.y(0.0);
    scene.line(vec![(time.left, base), (time.right, base)], 1.0, FRAME);
}

/// Vertical grid lines, and the times below them.
pub(crate) fn time_grid(scene: &mut Scene, time: &TimeAxis, (top, bottom): (f64, f64)) {
    for (x, label) in time.ticks(78.0) {
        scene.line(vec![(x, top), (x, bottom)], 1.0, GRID);
        let half = text::width(&label, SMALL) / 2.0;
        let (at, anchor) = if x + half > time.right + 12.0 {
            (time.right, Anchor::Right)
        } else {
            (x, Anchor::Middle)
        };
        scene.text((at, bottom + 13.0), &label, SMALL, anchor).color = MUTED;
    }
}

fn draw_references(
    scene: &mut Scene,
    panel: &Panel,
    labels: &mut Labels,
    (time, values): (&TimeAxis, &ValueAxis),
) {
    for reference in panel.references.iter().filter(|r| values.shows(r.value)) {
        let y = values.y(reference.value);
        let is_limit = reference.name.contains("limit");
        let (color, words) = if is_limit {
            (LIMIT, RED_TEXT)
        } else {
            (INK, INK)
        };
        scene.dashes((time.left, time.right), y, color);
        labels.avoid(&[(time.left, y), (time.right, y)]);
        let label = format!("{} {}", reference.name, panel.unit.format(reference.value));
        labels.name_line(scene, y, &label, words);
    }
}

fn draw_peak(
    scene: &mut Scene,
    panel: &Panel,
    labels: &mut Labels,
    lines: &[Line<'_>],
    (time, values): (&TimeAxis, &ValueAxis),
) {
    let peaks = lines
        .iter()
        .filter_map(Line::peak)
        .filter(|peak| peak.value > 0.0);
    if let Some(peak) = peaks.max_by(|a, b| a.value.total_cmp(&b.value)) {
        let at = (time.x(peak.t), values.y(peak.value));
        labels.mark_peak(scene, at, &panel.unit.format(peak.value), peak.color);
    }
}
