//! Finds places for labels among the lines of a plot and the other labels.

use crate::palette::Rgb;
use crate::scene::{Anchor, At, Scene};
use crate::text;

/// The size of labels in a plot, in pixels.
pub(crate) const SMALL: f64 = 12.5;
/// A label's rows of pixels above and below its middle.
const HALF: f64 = 8.0;

/// A box: left upper and right lower corner.
type Area = (At, At);

/// The labels of one plot, and what they should not cover.
pub(crate) struct Labels {
    plot: Area,
    lines: Vec<Area>,
    taken: Vec<Area>,
}

impl Labels {
    /// Labels that stay inside of a plot.
    pub(crate) fn new(plot: Area) -> Self {
        Self {
            plot,
            lines: Vec::new(),
            taken: Vec::new(),
        }
    }

    /// Notes a line that labels should not cover.
    pub(crate) fn avoid(&mut self, path: &[At]) {
        let area = |a: At, b: At| ((a.0.min(b.0), a.1.min(b.1)), (a.0.max(b.0), a.1.max(b.1)));
        self.lines
            .extend(path.windows(2).map(|ends| area(ends[0], ends[1])));
    }

    /// Writes what a dashed line at row `y` is, right above or below it.
    pub(crate) fn name_line(&mut self, scene: &mut Scene, y: f64, label: &str, color: Rgb) {
        let (left, right) = (self.plot.0.0, self.plot.1.0);
        let label = text::fit(label, SMALL, (right - left) * 0.5);
        let width = text::width(&label, SMALL) + 6.0;
        let places: Vec<_> = [
            right - width,
            left + 4.0,
            f64::midpoint(left, right - width),
        ]
        .into_iter()
        .flat_map(|x| [(x, y - 10.0), (x, y + 11.0)])
        .collect();
        let at = self.take(&places, width);
        scene
            .plated((at.0 + width - 3.0, at.1), &label, SMALL, Anchor::Right)
            .color = color;
    }

    /// Marks a peak with a dot and its value.
    pub(crate) fn mark_peak(&mut self, scene: &mut Scene, (x, y): At, label: &str, color: Rgb) {
        let width = text::width(label, SMALL) + 6.0;
        let places = [
            (x - width / 2.0, y - 14.0),
            (x + 2.0, y - 14.0),
            (x - 2.0 - width, y - 14.0),
            (x + 8.0, y),
            (x - 8.0 - width, y),
            (x + 4.0, y + 14.0),
            (x - 4.0 - width, y + 14.0),
        ];
        let at = self.take(&places, width);
        scene.dot((x, y), 3.5, color);
        scene
            .plated((at.0 + width / 2.0, at.1), label, SMALL, Anchor::Middle)
            .bold = true;
    }

    /// The first of the places with the least in its way. A place is a label's left end and middle row.
    fn take(&mut self, places: &[At], width: f64) -> At {
        let area = |at: At| ((at.0, at.1 - HALF), (at.0 + width, at.1 + HALF));
        let cost = |at: &At| self.cost(area(*at));
        let best = places
            .iter()
            .copied()
            .min_by_key(cost)
            .unwrap_or(self.plot.0);
        self.taken.push(area(best));
        best
    }

    fn cost(&self, area: Area) -> usize {
        let inside = area.0.0 >= self.plot.0.0
            && area.0.1 >= self.plot.0.1
            && area.1.0 <= self.plot.1.0
            && area.1.1 <= self.plot.1.1;
        let labels = self
            .taken
            .iter()
            .filter(|other| overlap(**other, area))
            .count();
        let lines = self
            .lines
            .iter()
            .filter(|line| overlap(**line, area))
            .count();
        usize::from(!inside) * 10_000 + labels * 1000 + lines.min(999)
    }
}

fn overlap(a: Area, b: Area) -> bool {
    a.0.0 <= b.1.0 && b.0.0 <= a.1.0 && a.0.1 <= b.1.1 && b.0.1 <= a.1.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_avoid_lines_and_each_other() {
        let mut labels = Labels::new(((0.0, 0.0), (400.0, 100.0)));
        let places = [(10.0, 50.0), (100.0, 50.0), (200.0, 50.0)];
        labels.avoid(&[(0.0, 50.0), (60.0, 50.0)]);
        assert_eq!(labels.take(&places, 40.0), (100.0, 50.0));
        assert_eq!(labels.take(&places, 40.0), (200.0, 50.0));
        assert_eq!(
            labels.take(&[(380.0, 50.0), (10.0, 50.0)], 40.0),
            (10.0, 50.0)
        );
    }
}
