//! One panel: its scale, its lines and areas, its peak and its reference lines.

use crate::axis::{TimeAxis, ValueAxis};
use crate::input::{Kind, Look, Panel, Point, Series};
use crate::palette::{self, FRAME, GRID, INK, LIMIT, MUTED, Rgb};
use crate::reduce::reduce;
use crate::scene::{Anchor, At, Scene};
use crate::stack;
use crate::text;

/// The height of a panel with its title and its time axis, in pixels.
pub(crate) const HEIGHT: f64 = 196.0;
/// The room left of a plot for the labels of its value axis.
pub(crate) const AXIS_WIDTH: f64 = 44.0;

const TITLE_HEIGHT: f64 = 30.0;
const BELOW: f64 = 38.0;
const TITLE: f64 = 15.0;
const SMALL: f64 = 12.5;
/// A reference line further up than this many times the data would squash the data.
const FAR: f64 = 4.0;
/// Readings this far apart, in pixels, get a dot each.
const DOTS_APART: f64 = 9.0;

/// Where a panel goes.
pub(crate) struct Place {
    pub(crate) x: f64,
    pub(crate) top: f64,
    pub(crate) height: f64,
    pub(crate) time: TimeAxis,
}

impl Place {
    fn plot_top(&self) -> f64 {
        self.top + TITLE_HEIGHT
    }

    fn plot_bottom(&self) -> f64 {
        self.top + self.height - BELOW
    }
}

pub(crate) fn has_data(panel: &Panel) -> bool {
    panel.series.iter().any(has_values)
}

fn has_values(series: &Series) -> bool {
    series.points.iter().any(|point| point.known().is_some())
}

/// A series made ready: what is drawn, and its colour.
struct Ready<'a> {
    series: &'a Series,
    points: Vec<Point>,
    color: Rgb,
    peak: Option<(f64, f64)>,
}

pub(crate) fn draw(scene: &mut Scene, panel: &Panel, place: &Place) {
    let lines = ready(panel, place);
    let areas = areas(panel, place);
    let values = value_axis(panel, &lines, &areas, place);
    frame(
        scene,
        &place.time,
        &values,
        (place.plot_top(), place.plot_bottom()),
    );
    let bottoms = values.y(0.0);
    draw_areas(scene, &areas, panel, place, &values, bottoms);
    for line in &lines {
        draw_line(scene, line, panel.kind, &place.time, &values);
    }
    let mut taken = references(scene, panel, place, &values);
    let highest = lines
        .iter()
        .filter_map(|line| Some((line.peak?, line.color)));
    let highest = highest.max_by(|a, b| a.0.1.total_cmp(&b.0.1));
    if let Some(((t, value), color)) = highest.filter(|((_, value), _)| *value > 0.0) {
        let at = (place.time.x(t), values.y(value));
        let plot = Plot::of(place);
        mark(
            scene,
            &plot,
            at,
            &panel.unit.format(value),
            color,
            &mut taken,
        );
    }
    title(scene, panel, &lines, &areas.names, place, &values);
}

fn ready<'a>(panel: &'a Panel, place: &Place) -> Vec<Ready<'a>> {
    let lines = panel
        .series
        .iter()
        .filter(|s| s.look == Look::Line && has_values(s));
    let one = |(index, series): (usize, &'a Series)| {
        let points = reduce(&series.points, place.time.end, place.time.columns());
        let peak = peak(&points);
        Ready {
            series,
            points,
            color: palette::line(index),
            peak,
        }
    };
    lines.enumerate().map(one).collect()
}

/// The first of the highest values.
fn peak(points: &[Point]) -> Option<(f64, f64)> {
    let known = points.iter().filter_map(|point| point.known());
    known.reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// The stacked areas of a panel: their names, and their values column by column.
struct Areas {
    names: Vec<(String, Rgb)>,
    columns: Vec<stack::Column>,
}

fn areas(panel: &Panel, place: &Place) -> Areas {
    let series = panel
        .series
        .iter()
        .filter(|s| s.look == Look::Stacked && has_values(s));
    let series: Vec<_> = series.collect();
    let names = series
        .iter()
        .enumerate()
        .map(|(i, s)| (s.name.clone(), palette::pale(i)))
        .collect();
    if series.is_empty() {
        return Areas {
            names,
            columns: Vec::new(),
        };
    }
    let layers: Vec<_> = series.iter().map(|s| s.points.as_slice()).collect();
    let columns = stack::stack(&layers, panel.kind, place.time.end, place.time.columns());
    Areas { names, columns }
}

fn value_axis(panel: &Panel, lines: &[Ready<'_>], areas: &Areas, place: &Place) -> ValueAxis {
    let values = lines
        .iter()
        .flat_map(|line| &line.points)
        .filter_map(|point| point.known());
    let values = values.map(|(_, v)| v);
    let sums = areas
        .columns
        .iter()
        .map(|column| column.iter().map(|(_, v)| v).sum());
    let (low, high) = values
        .chain(sums)
        .fold((0.0, 0.0), |(low, high): (f64, f64), v: f64| {
            (low.min(v), high.max(v))
        });
    let near = panel
        .references
        .iter()
        .map(|r| r.value)
        .filter(|v| is_near(*v, high));
    let top = near.fold(high, f64::max);
    // Room above the highest value, for the label of the peak.
    let pixels = (place.plot_top(), place.plot_bottom());
    ValueAxis::new(panel.unit, (low, (high * 1.15).max(top * 1.02)), pixels)
}

fn is_near(reference: f64, high: f64) -> bool {
    reference.is_finite() && reference > 0.0 && (high <= 0.0 || reference <= high * FAR)
}

/// Grid lines, ticks and labels around a plot between two rows of pixels.
pub(crate) fn frame(
    scene: &mut Scene,
    time: &TimeAxis,
    values: &ValueAxis,
    (top, bottom): (f64, f64),
) {
    for (y, label) in values.ticks() {
        scene.line(vec![(time.left, y), (time.right, y)], 1.0, GRID);
        scene
            .text((time.left - 7.0, y), &label, SMALL, Anchor::Right)
            .color = MUTED;
    }
    time_grid(scene, time, (top, bottom));
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

fn draw_areas(
    scene: &mut Scene,
    areas: &Areas,
    panel: &Panel,
    place: &Place,
    values: &ValueAxis,
    base: f64,
) {
    let colors: Vec<_> = areas.names.iter().map(|(_, color)| *color).collect();
    stacked(
        scene,
        &areas.columns,
        &colors,
        panel.kind,
        &place.time,
        values,
        base,
    );
}

/// Draws layers on top of each other, each as one area per stretch of columns where it is known.
pub(crate) fn stacked(
    scene: &mut Scene,
    columns: &[stack::Column],
    colors: &[Rgb],
    kind: Kind,
    time: &TimeAxis,
    values: &ValueAxis,
    base: f64,
) {
    let width = (time.right - time.left) / columns.len().max(1) as f64;
    let mut open: Vec<Band> = colors.iter().map(|_| Band::default()).collect();
    for (number, column) in columns.iter().enumerate() {
        let left = time.left + number as f64 * width;
        let mut floor = (base, 0.0);
        let mut seen = column.iter().peekable();
        for (layer, band) in open.iter_mut().enumerate() {
            let Some((_, value)) = seen.next_if(|(of, _)| *of == layer) else {
                band.close(scene, colors[layer]);
                continue;
            };
            let sum = floor.1 + value;
            let y = values.y(sum);
            band.add((left, left + width), (y, floor.0), kind);
            floor = (y, sum);
        }
    }
    for (band, color) in open.iter_mut().zip(colors) {
        band.close(scene, *color);
    }
}

/// An area that is being drawn.
#[derive(Default)]
struct Band {
    top: Vec<At>,
    bottom: Vec<At>,
    right: f64,
}

impl Band {
    /// A column's part: a step over all of it, or for readings a point in its middle.
    fn add(&mut self, (left, right): At, (high, low): At, kind: Kind) {
        let xs = match kind {
            Kind::Rate => [left, right],
            Kind::Gauge if self.top.is_empty() => [left, f64::midpoint(left, right)],
            Kind::Gauge => [f64::midpoint(left, right); 2],
        };
        for x in xs {
            self.top.push((x, high));
            self.bottom.push((x, low));
        }
        self.right = right;
    }

    fn close(&mut self, scene: &mut Scene, color: Rgb) {
        let (mut top, mut bottom) = (
            std::mem::take(&mut self.top),
            std::mem::take(&mut self.bottom),
        );
        let (Some(high), Some(low)) = (top.last().copied(), bottom.last().copied()) else {
            return;
        };
        top.push((self.right, high.1));
        bottom.push((self.right, low.1));
        scene
            .shapes
            .push(crate::scene::Shape::Area { top, bottom, color });
    }
}

fn draw_line(scene: &mut Scene, line: &Ready<'_>, kind: Kind, time: &TimeAxis, values: &ValueAxis) {
    let dense = line.points.len() > time.columns();
    let width = if dense { 1.0 } else { 2.0 };
    let room = (time.right - time.left) / line.points.len().max(1) as f64;
    for path in paths(&line.points, kind, time, values) {
        let ends = path.first().zip(path.last());
        let narrow = ends.is_some_and(|(a, b)| b.0 - a.0 < 1.0);
        if kind == Kind::Gauge && room >= DOTS_APART {
            for at in &path {
                scene.shapes.push(crate::scene::Shape::Dot {
                    at: *at,
                    radius: 2.5,
                    color: line.color,
                });
            }
        } else if narrow && let Some(at) = path.last() {
            scene.shapes.push(crate::scene::Shape::Dot {
                at: *at,
                radius: 2.0,
                color: line.color,
            });
        }
        scene.line(path, width, line.color);
    }
}

/// The series as unbroken lines in pixels: from reading to reading, or a step per value.
fn paths(points: &[Point], kind: Kind, time: &TimeAxis, values: &ValueAxis) -> Vec<Vec<At>> {
    let mut paths = Vec::new();
    let mut path: Vec<At> = Vec::new();
    let mut begin = 0.0;
    for point in points {
        match point.known() {
            Some((t, value)) => {
                let (x, y) = (time.x(t), values.y(value));
                if kind == Kind::Rate {
                    path.push((time.x(begin), y));
                }
                path.push((x, y));
                begin = t;
            }
            None => {
                paths.push(std::mem::take(&mut path));
                begin = if point.t_seconds.is_finite() {
                    point.t_seconds
                } else {
                    begin
                };
            }
        }
    }
    paths.push(path);
    paths.retain(|path| !path.is_empty());
    paths
}

/// The pixels in which labels must stay.
pub(crate) struct Plot {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

impl Plot {
    fn of(place: &Place) -> Self {
        Self {
            left: place.time.left,
            right: place.time.right,
            top: place.plot_top() - 4.0,
            bottom: place.plot_bottom(),
        }
    }
}

/// A place that a label has taken: left upper and right lower corner.
type Taken = (At, At);

/// Draws the reference lines that are near enough; returns the places of their labels.
fn references(scene: &mut Scene, panel: &Panel, place: &Place, values: &ValueAxis) -> Vec<Taken> {
    let mut taken: Vec<Taken> = Vec::new();
    let right = place.time.right;
    for reference in panel.references.iter().filter(|r| values.shows(r.value)) {
        let y = values.y(reference.value);
        let is_limit = reference.name.contains("limit");
        let color = if is_limit { LIMIT } else { INK };
        scene.dashes((place.time.left, right), y, color);
        let label = format!("{} {}", reference.name, panel.unit.format(reference.value));
        let label = text::fit(&label, SMALL, (right - place.time.left) * 0.5);
        let width = text::width(&label, SMALL);
        let rows = [y - 10.0, y + 11.0];
        let spot = |row: &f64| ((right - width - 6.0, row - 8.0), (right, row + 8.0));
        let free = |row: &&f64| {
            spot(row).0.1 >= place.plot_top() - 6.0
                && spot(row).1.1 <= place.plot_bottom()
                && !taken.iter().any(|other| overlap(*other, spot(row)))
        };
        let row = *rows.iter().find(free).unwrap_or(&rows[1]);
        scene
            .plated((right - 3.0, row), &label, SMALL, Anchor::Right)
            .color = color;
        taken.push(spot(&row));
    }
    taken
}

fn overlap(a: Taken, b: Taken) -> bool {
    a.0.0 < b.1.0 && b.0.0 < a.1.0 && a.0.1 < b.1.1 && b.0.1 < a.1.1
}

/// Marks the peak with a dot and its value, where there is room for it.
pub(crate) fn mark(
    scene: &mut Scene,
    plot: &Plot,
    (x, y): At,
    label: &str,
    color: Rgb,
    taken: &mut Vec<Taken>,
) {
    let width = text::width(label, SMALL) + 6.0;
    let around = [
        (x - width / 2.0, y - 13.0),
        (x + 9.0, y),
        (x - 9.0 - width, y),
        (x + 6.0, y + 13.0),
        (x - 6.0 - width, y + 13.0),
        (x + 6.0, y - 13.0),
        (x - 6.0 - width, y - 13.0),
    ];
    let spot = |(left, row): At| ((left, row - 8.0), (left + width, row + 8.0));
    let inside = |at: &At| {
        let (from, to) = spot(*at);
        let fits = from.0 >= plot.left && to.0 <= plot.right;
        fits && from.1 >= plot.top && to.1 <= plot.bottom
    };
    let free = |at: &&At| inside(at) && !taken.iter().any(|other| overlap(*other, spot(**at)));
    let chosen = around
        .iter()
        .find(free)
        .or_else(|| around.iter().find(|at| inside(at)));
    let (left, row) = chosen.copied().unwrap_or(around[0]);
    taken.push(spot((left, row)));
    scene.dot((x, y), 3.5, color);
    scene
        .plated((left + 3.0, row), label, SMALL, Anchor::Left)
        .bold = true;
}

/// The title with its unit at the left, the legend at the right.
fn title(
    scene: &mut Scene,
    panel: &Panel,
    lines: &[Ready<'_>],
    areas: &[(String, Rgb)],
    place: &Place,
    values: &ValueAxis,
) {
    let y = place.top + 12.0;
    let room = place.time.right - place.x;
    let name = text::fit(&panel.title, TITLE, room * 0.5);
    scene.text((place.x, y), &name, TITLE, Anchor::Left).bold = true;
    let beside = place.x + text::width(&name, TITLE) + 8.0;
    scene
        .text((beside, y), &values.unit, SMALL, Anchor::Left)
        .color = MUTED;
    let taken = beside + text::width(&values.unit, SMALL) + 16.0;
    let mut right = place.time.right;
    for entry in legend(panel, lines, areas, values).into_iter().rev() {
        let label = text::fit(&entry.label, SMALL, (right - taken - 26.0).max(0.0));
        let width = text::width(&label, SMALL);
        let left = right - width - if entry.swatch.is_some() { 22.0 } else { 0.0 };
        if left < taken {
            break;
        }
        scene
            .text((right - width, y), &label, SMALL, Anchor::Left)
            .color = MUTED;
        if let Some((color, thickness)) = entry.swatch {
            let half = thickness / 2.0;
            scene.rect((left, y - half), (left + 16.0, y + half), color);
        }
        right = left - 16.0;
    }
}

/// One entry of a legend: a swatch (colour and thickness) and words.
struct Entry {
    swatch: Option<(Rgb, f64)>,
    label: String,
}

fn legend(
    panel: &Panel,
    lines: &[Ready<'_>],
    areas: &[(String, Rgb)],
    values: &ValueAxis,
) -> Vec<Entry> {
    let mut entries = Vec::new();
    if lines.len() + areas.len() > 1 {
        entries.extend(lines.iter().map(|line| Entry {
            swatch: Some((line.color, 3.0)),
            label: line.series.name.clone(),
        }));
        let area = |(name, color): &(String, Rgb)| Entry {
            swatch: Some((*color, 11.0)),
            label: name.clone(),
        };
        entries.extend(areas.iter().map(area));
    }
    let far = panel
        .references
        .iter()
        .filter(|r| r.value.is_finite() && !values.shows(r.value));
    entries.extend(far.map(|reference| Entry {
        swatch: None,
        label: format!("{} {}", reference.name, panel.unit.format(reference.value)),
    }));
    entries
}
