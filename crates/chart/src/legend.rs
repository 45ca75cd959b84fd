//! The row above a plot: its title with the unit at the left, the legend at the right.

use crate::axis::ValueAxis;
use crate::input::Panel;
use crate::labels::SMALL;
use crate::lines::Line;
use crate::palette::{MUTED, Rgb};
use crate::scene::{Anchor, Scene};
use crate::text;

const TITLE: f64 = 15.0;
const SWATCH: f64 = 22.0;
const APART: f64 = 16.0;

/// One entry of a legend: a swatch (colour and thickness) and words.
pub(crate) struct Entry {
    swatch: Option<(Rgb, f64)>,
    label: String,
}

/// What tells a panel's series apart, and the reference lines that are off its scale.
pub(crate) fn entries(
    panel: &Panel,
    lines: &[Line<'_>],
    areas: &[(&str, Rgb)],
    values: &ValueAxis,
) -> Vec<Entry> {
    let mut entries = Vec::new();
    if lines.len() + areas.len() > 1 {
        let line = lines.iter().map(|line| (line.name, line.color, 3.0));
        let area = areas.iter().map(|(name, color)| (*name, *color, 11.0));
        entries.extend(line.chain(area).map(|(name, color, thickness)| Entry {
            swatch: Some((color, thickness)),
            label: name.to_owned(),
        }));
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

/// "CPU in cores", "Threads", "Major faults per second".
pub(crate) fn title(name: &str, unit: &str) -> String {
    match unit {
        "" => name.to_owned(),
        unit if unit.starts_with("per ") => format!("{name} {unit}"),
        unit => format!("{name} in {unit}"),
    }
}

/// Draws the row between two columns of pixels, `y` in its middle.
pub(crate) fn draw(
    scene: &mut Scene,
    (left, right): (f64, f64),
    y: f64,
    title: &str,
    entries: &[Entry],
) {
    let share = if entries.is_empty() { 1.0 } else { 0.5 };
    let title = text::fit(title, TITLE, (right - left) * share);
    scene.text((left, y), &title, TITLE, Anchor::Left).bold = true;
    let start = left + text::width(&title, TITLE) + APART;
    let room = ((right - start) / entries.len().max(1) as f64 - SWATCH - APART).max(20.0);
    let whole: f64 = entries
        .iter()
        .map(|entry| width(&entry.label) + SWATCH + APART)
        .sum();
    let mut right = right;
    for entry in entries.iter().rev() {
        let fits = whole <= right - start + APART || width(&entry.label) <= room;
        let label = if fits {
            text::clean(&entry.label)
        } else {
            text::fit(&entry.label, SMALL, room)
        };
        let x = right - width(&label);
        scene.text((x, y), &label, SMALL, Anchor::Left).color = MUTED;
        right = x - APART;
        if let Some((color, thickness)) = entry.swatch {
            let half = thickness / 2.0;
            scene.rect((x - SWATCH, y - half), (x - SWATCH + 16.0, y + half), color);
            right -= SWATCH;
        }
    }
}

fn width(label: &str) -> f64 {
    text::width(label, SMALL)
}
