//! Stacks layers exactly: whatever their samples' times are, each pixel column shows the instant at
//! which the sum of the layers was highest. So the peak of the sum is in the picture, layers fit on
//! each other, and two attempts that touch inside of a column are not added up.

use std::iter;

use crate::input::{Kind, Point};

/// What one layer is over a stretch of time: straight from `from` to `to`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Stretch {
    begin: f64,
    end: f64,
    from: f64,
    to: f64,
}

/// Which side of an instant is meant: a step has two values there.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Before,
    After,
}

impl Stretch {
    /// Whether it is no stretch but a lone reading at `t`.
    #[expect(clippy::float_cmp, reason = "instants are copied, never computed")]
    fn is_only(&self, t: f64) -> bool {
        self.begin == t && self.end == t
    }

    fn value(&self, t: f64, side: Side) -> Option<f64> {
        let inside = match side {
            Side::Before => self.begin < t && t <= self.end,
            Side::After => self.begin <= t && t < self.end,
        };
        if self.is_only(t) {
            return Some(self.to);
        }
        let share = (t - self.begin) / (self.end - self.begin);
        inside.then_some(self.from + (self.to - self.from) * share)
    }
}

/// A series as stretches, in order of time.
fn stretches(points: &[Point], kind: Kind) -> impl Iterator<Item = Stretch> {
    let mut points = points.iter().peekable();
    let mut before: Option<(f64, Option<f64>)> = None;
    iter::from_fn(move || {
        loop {
            let point = points.next()?;
            let known = point.known();
            let previous = before.replace((point.t_seconds, known.map(|(_, v)| v)));
            let Some((t, value)) = known else { continue };
            let begin = previous.map_or(0.0, |(t, _)| t).min(t);
            if kind == Kind::Rate {
                return Some(Stretch {
                    begin,
                    end: t,
                    from: value,
                    to: value,
                });
            }
            if let Some((begin, Some(from))) = previous {
                return Some(Stretch {
                    begin: begin.min(t),
                    end: t,
                    from,
                    to: value,
                });
            }
            let alone = points.peek().is_none_or(|next| next.known().is_none());
            if alone {
                return Some(Stretch {
                    begin: t,
                    end: t,
                    from: value,
                    to: value,
                });
            }
        }
    })
}

/// A layer on its way through time.
struct Cursor<'a> {
    layer: usize,
    now: Option<Stretch>,
    rest: Box<dyn Iterator<Item = Stretch> + 'a>,
}

impl Cursor<'_> {
    /// Leaves behind what ends by `t`; with `instants` also what is only at `t`.
    fn pass(&mut self, t: f64, instants: bool) {
        while let Some(stretch) = self.now {
            if stretch.end > t || (stretch.is_only(t) && !instants) {
                return;
            }
            self.now = self.rest.next();
        }
    }

    /// The next instant after `t` at which this layer bends, begins or ends.
    fn bend(&self, t: f64) -> Option<f64> {
        let stretch = self.now?;
        if stretch.begin > t {
            Some(stretch.begin)
        } else {
            Some(stretch.end).filter(|e| *e > t)
        }
    }
}

/// One pixel column: the layers (by number) and their values at the column's highest instant.
pub(crate) type Column = Vec<(usize, f64)>;

/// The stack of the layers over `0..end`, one entry a pixel column, empty where nothing is known.
pub(crate) fn stack(layers: &[&[Point]], kind: Kind, end: f64, columns: usize) -> Vec<Column> {
    let mut sweep = Sweep::new(layers, kind);
    let edge = |column: usize| end * column as f64 / columns as f64;
    (0..columns)
        .map(|c| sweep.column(edge(c), edge(c + 1), c + 1 == columns))
        .collect()
}

struct Sweep<'a> {
    /// Layers that have not begun, the next one last.
    waiting: Vec<Cursor<'a>>,
    live: Vec<Cursor<'a>>,
    highest: Column,
    sum: f64,
    scratch: Column,
}

impl<'a> Sweep<'a> {
    fn new(layers: &[&'a [Point]], kind: Kind) -> Self {
        let cursor = |(layer, points): (usize, &&'a [Point])| {
            let mut rest: Box<dyn Iterator<Item = Stretch> + 'a> =
                Box::new(stretches(points, kind));
            Cursor {
                layer,
                now: rest.next(),
                rest,
            }
        };
        let mut waiting: Vec<_> = layers.iter().enumerate().map(cursor).collect();
        let begin = |c: &Cursor<'_>| c.now.map_or(f64::INFINITY, |s| s.begin);
        waiting.sort_by(|a, b| begin(b).total_cmp(&begin(a)));
        Self {
            waiting,
            live: Vec::new(),
            highest: Vec::new(),
            sum: 0.0,
            scratch: Vec::new(),
        }
    }

    fn column(&mut self, from: f64, to: f64, last: bool) -> Column {
        self.highest = Vec::new();
        self.step(from);
        let mut now = from;
        while let Some(next) = self.bend(now).filter(|t| *t < to) {
            self.look(next, Side::Before);
            self.step(next);
            now = next;
        }
        self.look(to, Side::Before);
        if last {
            self.step(to);
        }
        std::mem::take(&mut self.highest)
    }

    /// Moves to `t` and looks at what begins there.
    fn step(&mut self, t: f64) {
        let begun = |c: &Cursor<'_>| c.now.is_some_and(|s| s.begin <= t);
        while self.waiting.last().is_some_and(begun) {
            self.live.extend(self.waiting.pop());
            self.live.sort_by_key(|c| c.layer);
        }
        self.live
            .iter_mut()
            .for_each(|cursor| cursor.pass(t, false));
        self.look(t, Side::After);
        self.live.iter_mut().for_each(|cursor| cursor.pass(t, true));
        self.live.retain(|cursor| cursor.now.is_some());
    }

    fn bend(&self, t: f64) -> Option<f64> {
        let begin = self.waiting.last().and_then(|c| c.bend(t));
        self.live
            .iter()
            .filter_map(|c| c.bend(t))
            .chain(begin)
            .reduce(f64::min)
    }

    /// Keeps the stack of this instant if it is the column's highest so far.
    fn look(&mut self, t: f64, side: Side) {
        self.scratch.clear();
        for cursor in &self.live {
            let value = cursor.now.and_then(|stretch| stretch.value(t, side));
            self.scratch
                .extend(value.map(|v| (cursor.layer, v.max(0.0))));
        }
        let sum = self.scratch.iter().map(|(_, v)| v).sum();
        let more = self.highest.is_empty() || sum > self.sum;
        if more && !self.scratch.is_empty() {
            self.sum = sum;
            self.highest.clone_from(&self.scratch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn steps(values: &[(f64, f64)]) -> Vec<Point> {
        values.iter().map(|(t, v)| Point::new(*t, *v)).collect()
    }

    #[test]
    fn tasks_that_touch_are_not_added_up() {
        let first = steps(&[(0.0, 0.0), (5.5, 1.0)]);
        let mut second = vec![Point::missing(5.5)];
        second.extend(steps(&[(10.0, 1.0)]));
        let columns = stack(&[&first, &second], Kind::Rate, 10.0, 10);
        let sums: Vec<f64> = columns
            .iter()
            .map(|c| c.iter().map(|(_, v)| v).sum())
            .collect();
        assert_eq!(sums, vec![1.0; 10]);
        assert_eq!((columns[0][0].0, columns[9][0].0), (0, 1));
    }

    #[test]
    fn tasks_that_overlap_are() {
        let first = steps(&[(0.0, 4.0), (10.0, 4.0)]);
        let second = steps(&[(5.0, 0.0), (10.0, 5.0)]);
        let columns = stack(&[&first, &second], Kind::Gauge, 10.0, 10);
        assert_eq!(columns[2], [(0, 4.0)]);
        assert_eq!(columns[9], [(0, 4.0), (1, 5.0)]);
    }

    #[test]
    fn short_and_lonely_values_are_seen() {
        let blink = [Point::missing(3.001), Point::new(3.002, 7.0)];
        let alone = [Point::new(8.0, 2.0)];
        assert_eq!(stack(&[&blink], Kind::Rate, 10.0, 10)[3], [(0, 7.0)]);
        assert_eq!(stack(&[&alone], Kind::Gauge, 10.0, 10)[8], [(0, 2.0)]);
        let last = [Point::new(10.0, 2.0)];
        assert_eq!(stack(&[&last], Kind::Gauge, 10.0, 10)[9], [(0, 2.0)]);
    }

    proptest! {
        #[test]
        fn one_layer_keeps_its_peak(values in proptest::collection::vec(0.0..9.0, 1..200)) {
            let points: Vec<_> =
                values.iter().enumerate().map(|(i, v)| Point::new((i + 1) as f64, *v)).collect();
            let most = values.iter().copied().fold(0.0, f64::max);
            for kind in [Kind::Rate, Kind::Gauge] {
                let columns = stack(&[&points], kind, values.len() as f64, 20);
                let shown = columns.iter().flatten().map(|(_, v)| *v).fold(0.0, f64::max);
                prop_assert!((shown - most).abs() < 1e-9, "{shown} {most}");
            }
        }

        #[test]
        fn nothing_panics_or_hangs(
            raw in proptest::collection::vec((any::<f64>(), any::<Option<f64>>()), 0..40),
            end in 1e-9..1e12,
        ) {
            let points: Vec<_> =
                raw.into_iter().map(|(t_seconds, value)| Point { t_seconds, value }).collect();
            for kind in [Kind::Rate, Kind::Gauge] {
                prop_assert_eq!(stack(&[&points, &points], kind, end, 30).len(), 30);
            }
        }
    }
}
