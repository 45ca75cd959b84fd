//! Draws the lines of a panel: from reading to reading, or a step per mean.

use crate::axis::{TimeAxis, ValueAxis};
use crate::input::{Kind, Point, Series};
use crate::palette::{self, Rgb};
use crate::reduce::reduce;
use crate::scene::{At, Scene, Shape};

/// Readings this far apart, in pixels, get a dot each.
const DOTS_APART: f64 = 9.0;

/// A series, reduced to what can be seen.
pub(crate) struct Line<'a> {
    pub(crate) name: &'a str,
    pub(crate) color: Rgb,
    points: Vec<Point>,
    kind: Kind,
    /// Where it stands among the panel's lines.
    index: usize,
}

/// The highest value of a line, and the time to mark it at, in seconds.
pub(crate) struct Peak {
    pub(crate) t: f64,
    pub(crate) value: f64,
    pub(crate) color: Rgb,
}

impl<'a> Line<'a> {
    pub(crate) fn new(series: &'a Series, index: usize, kind: Kind, time: &TimeAxis) -> Self {
        let points = reduce(&series.points, time.end, time.columns());
        Self {
            name: &series.name,
            color: palette::line(index),
            points,
            kind,
            index,
        }
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = f64> {
        self.points
            .iter()
            .filter_map(|point| point.known())
            .map(|(_, value)| value)
    }

    /// The first of the highest values; a mean is marked in the middle of its time step.
    pub(crate) fn peak(&self) -> Option<Peak> {
        let mut begin = 0.0;
        let mut peak: Option<Peak> = None;
        for point in &self.points {
            if let Some((t, value)) = point.known()
                && peak.as_ref().is_none_or(|peak| value > peak.value)
            {
                let t = if self.kind == Kind::Rate {
                    f64::midpoint(begin, t)
                } else {
                    t
                };
                peak = Some(Peak {
                    t,
                    value,
                    color: self.color,
                });
            }
            begin = point.t_seconds;
        }
        peak
    }

    /// Draws the line; returns its paths, so that labels can keep off them. Later lines are a
    /// little wider and drawn first: where two coincide, both can be seen.
    pub(crate) fn draw(
        &self,
        scene: &mut Scene,
        time: &TimeAxis,
        values: &ValueAxis,
    ) -> Vec<Vec<At>> {
        let dense = self.points.len() > time.columns();
        let width = if dense {
            1.0
        } else {
            1.75 + 1.25 * self.index as f64
        };
        let apart = (time.right - time.left) / self.points.len().max(1) as f64;
        let dots = self.kind == Kind::Gauge && apart >= DOTS_APART;
        let paths = self.paths(time, values);
        for path in &paths {
            let dot = |at: &At| Shape::Dot {
                at: *at,
                radius: 1.5 + width / 2.0,
                color: self.color,
            };
            let narrow = path
                .first()
                .zip(path.last())
                .is_some_and(|(a, b)| b.0 - a.0 < 1.0);
            if dots {
                scene.shapes.extend(path.iter().map(dot));
            } else if narrow {
                scene.shapes.extend(path.last().map(dot));
            }
            scene.line(path.clone(), width, self.color);
        }
        paths
    }

    /// The unbroken stretches of the line, in pixels.
    fn paths(&self, time: &TimeAxis, values: &ValueAxis) -> Vec<Vec<At>> {
        let mut paths = vec![Vec::new()];
        let mut begin = 0.0;
        for point in &self.points {
            let Some((t, value)) = point.known() else {
                paths.push(Vec::new());
                begin = point.t_seconds;
                continue;
            };
            let (x, y) = (time.x(t), values.y(value));
            if let Some(path) = paths.last_mut() {
                if self.kind == Kind::Rate {
                    path.push((time.x(begin), y));
                }
                path.push((x, y));
            }
            begin = t;
        }
        paths.retain(|path| !path.is_empty());
        paths
    }
}
