//! What stands above and below the panels of a picture.

use crate::input::Outcome;
use crate::palette::{GREEN_TEXT, LIMIT, MUTED, RED_TEXT};
use crate::scene::{Anchor, Scene};
use crate::{text, units};

pub(crate) const MARGIN: f64 = 28.0;
const TITLE_SIZE: f64 = 22.0;
const SMALL: f64 = 13.0;
const LABEL: f64 = 12.5;
const VALUE: f64 = 16.0;

/// What the header says.
pub(crate) struct Header<'a> {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    pub(crate) outcome: &'a Outcome,
    pub(crate) facts: Vec<(String, String)>,
}

/// The facts that every header begins with, without those that nobody knows.
pub(crate) fn totals(
    duration_seconds: Option<f64>,
    cpu_seconds: Option<f64>,
    memory_peak_bytes: Option<f64>,
) -> Vec<(String, String)> {
    let duration = duration_seconds.map(|s| ("duration", units::format_seconds(s)));
    let cpu = cpu_seconds.map(|s| ("CPU total", units::format_cpu_seconds(s)));
    let memory = memory_peak_bytes.map(|b| ("peak memory", units::format_bytes(b)));
    let known = [duration, cpu, memory].into_iter().flatten();
    known
        .map(|(label, value)| (label.to_owned(), value))
        .collect()
}

impl Header<'_> {
    /// Draws the header; returns the row of pixels below it.
    pub(crate) fn draw(&self, scene: &mut Scene) -> f64 {
        let (left, right) = (MARGIN, f64::from(scene.width) - MARGIN);
        let outcome = text::fit(&self.outcome.text, VALUE, (right - left) * 0.4);
        let color = if self.outcome.failed {
            RED_TEXT
        } else {
            GREEN_TEXT
        };
        let label = scene.text((right, 34.0), &outcome, VALUE, Anchor::Right);
        (label.color, label.bold) = (color, true);
        let room = right - left - text::width(&outcome, VALUE) - 24.0;
        let title = text::fit(&self.title, TITLE_SIZE, room * 0.75);
        scene
            .text((left, 34.0), &title, TITLE_SIZE, Anchor::Left)
            .bold = true;
        let beside = left + text::width(&title, TITLE_SIZE) + 12.0;
        let subtitle = text::fit(&self.subtitle, VALUE, (left + room - beside).max(40.0));
        scene
            .text((beside, 35.0), &subtitle, VALUE, Anchor::Left)
            .color = MUTED;
        self.draw_facts(scene, 72.0)
    }

    /// Pairs side by side, label above value, in as many rows as they need.
    fn draw_facts(&self, scene: &mut Scene, mut y: f64) -> f64 {
        let (left, right) = (MARGIN, f64::from(scene.width) - MARGIN);
        let mut x = left;
        for (label, value) in &self.facts {
            let label = text::fit(label, LABEL, 300.0);
            let value = text::fit(value, VALUE, (right - left) * 0.5);
            let width = text::width(&label, LABEL).max(text::width(&value, VALUE));
            if x > left && x + width > right {
                (x, y) = (left, y + 46.0);
            }
            scene.text((x, y), &label, LABEL, Anchor::Left).color = MUTED;
            scene.text((x, y + 19.0), &value, VALUE, Anchor::Left);
            x += width + 30.0;
        }
        y + if self.facts.is_empty() { 4.0 } else { 50.0 }
    }
}

/// Draws the source and the flags from row `y` on; returns the picture's height.
pub(crate) fn footer(scene: &mut Scene, y: f64, source: &str, flags: &[String]) -> f64 {
    let (left, right) = (MARGIN, f64::from(scene.width) - MARGIN);
    let mut y = y + 8.0;
    if !source.is_empty() {
        let line = text::fit(&format!("Source: {source}"), SMALL, right - left);
        scene.text((left, y), &line, SMALL, Anchor::Left).color = MUTED;
        y += 20.0;
    }
    for flag in flags {
        scene.rect((left, y - 5.0), (left + 4.0, y + 6.0), LIMIT);
        let line = text::fit(flag, SMALL, right - left - 12.0);
        scene.text((left + 12.0, y), &line, SMALL, Anchor::Left);
        y += 20.0;
    }
    y + 4.0
}
