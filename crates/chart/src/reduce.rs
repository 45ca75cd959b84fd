//! Reduces a series to the picture's width, so that nothing that can be seen is lost.

use crate::input::Point;

/// The values that are kept of one pixel column.
struct Column {
    end: f64,
    first: Seen,
    least: Seen,
    most: Seen,
    last: Seen,
}

/// A value with its place in the series, which tells two equal ones apart.
#[derive(Clone, Copy)]
struct Seen {
    index: usize,
    t: f64,
    value: f64,
}

/// Keeps of each pixel column the first, the smallest, the largest and the last value, in order of
/// time: at most four a column. Between values of different columns a gap stays a gap (one missing
/// point, the last of the gap); a gap inside of one column is narrower than a pixel and is left out.
/// Values outside of `0..end` count to the outermost columns. One pass, no state but the column's.
pub(crate) fn reduce(points: &[Point], end: f64, columns: usize) -> Vec<Point> {
    let width = end / columns.max(1) as f64;
    let mut kept = Vec::with_capacity(points.len().min(columns * 4 + 8));
    let mut column: Option<Column> = None;
    let mut gap = None;
    for (index, point) in points.iter().enumerate() {
        let Some((t, value)) = point.known() else {
            gap = Some(point.t_seconds);
            continue;
        };
        let seen = Seen { index, t, value };
        match &mut column {
            Some(column) if t < column.end => column.add(seen),
            _ => {
                if let Some(full) = column.take() {
                    full.keep(&mut kept);
                }
                kept.extend(gap.map(Point::missing));
                column = Some(Column::new(seen, column_end(t, width, columns)));
            }
        }
        gap = None;
    }
    if let Some(full) = column {
        full.keep(&mut kept);
    }
    kept.extend(gap.map(Point::missing));
    kept
}

/// Where the column of `t` ends; the last one never does.
fn column_end(t: f64, width: f64, columns: usize) -> f64 {
    let number = (t / width).floor().max(0.0) + 1.0;
    if number >= columns as f64 {
        f64::INFINITY
    } else {
        number * width
    }
}

impl Column {
    fn new(seen: Seen, end: f64) -> Self {
        Self {
            end,
            first: seen,
            least: seen,
            most: seen,
            last: seen,
        }
    }

    fn add(&mut self, seen: Seen) {
        if seen.value < self.least.value {
            self.least = seen;
        }
        if seen.value > self.most.value {
            self.most = seen;
        }
        self.last = seen;
    }

    fn keep(self, kept: &mut Vec<Point>) {
        let (early, late) = if self.least.index < self.most.index {
            (self.least, self.most)
        } else {
            (self.most, self.least)
        };
        let mut before = None;
        for seen in [self.first, early, late, self.last] {
            if before != Some(seen.index) {
                kept.push(Point::new(seen.t, seen.value));
            }
            before = Some(seen.index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn series() -> impl Strategy<Value = Vec<Point>> {
        let value = prop_oneof![4 => (-1e3..1e3).prop_map(Some), 1 => Just(None)];
        proptest::collection::vec((0.0..0.3, value), 0..400).prop_map(|steps| {
            let mut t_seconds = 0.0;
            let next = |(step, value): (f64, Option<f64>)| {
                t_seconds += step;
                Point { t_seconds, value }
            };
            steps.into_iter().map(next).collect()
        })
    }

    fn number(t: f64, end: f64, columns: usize) -> usize {
        let width = end / columns as f64;
        (0..columns - 1)
            .find(|c| t < (*c as f64 + 1.0) * width)
            .unwrap_or(columns - 1)
    }

    fn of_column(points: &[Point], end: f64, columns: usize, column: usize) -> Vec<f64> {
        let known = points.iter().filter_map(|p| p.known());
        known
            .filter(|(t, _)| number(*t, end, columns) == column)
            .map(|(_, v)| v)
            .collect()
    }

    fn extremes(values: &[f64]) -> Option<(f64, f64, f64, f64)> {
        let least = values.iter().copied().reduce(f64::min)?;
        let most = values.iter().copied().reduce(f64::max)?;
        Some((*values.first()?, least, most, *values.last()?))
    }

    proptest! {
        #[test]
        fn every_column_keeps_first_least_most_last(points in series(), columns in 1_usize..40) {
            let end = 60.0;
            let kept = reduce(&points, end, columns);
            for column in 0..columns {
                let before = of_column(&points, end, columns, column);
                let after = of_column(&kept, end, columns, column);
                prop_assert!(after.len() <= 4);
                prop_assert_eq!(extremes(&before), extremes(&after));
            }
        }

        #[test]
        fn kept_points_are_given_points_in_their_order(points in series(), columns in 1_usize..40) {
            let kept = reduce(&points, 60.0, columns);
            let mut rest = points.iter();
            for point in &kept {
                prop_assert!(rest.any(|given| given == point), "{point:?} is out of order");
            }
        }

        #[test]
        fn gaps_between_columns_stay(points in series(), columns in 1_usize..40) {
            let end = 60.0;
            let kept = reduce(&points, end, columns);
            let gaps = |points: &[Point]| {
                let mut gaps = Vec::new();
                let (mut before, mut gap) = (None, false);
                for point in points {
                    let Some((t, _)) = point.known() else { gap = true; continue };
                    let column = number(t, end, columns);
                    if gap && before != Some(column) {
                        gaps.push((before, column));
                    }
                    (before, gap) = (Some(column), false);
                }
                gaps
            };
            prop_assert_eq!(gaps(&points), gaps(&kept));
        }

        #[test]
        fn few_points_stay_as_they_are(values in proptest::collection::vec(-5.0..5.0, 0..20)) {
            let points: Vec<_> =
                values.iter().enumerate().map(|(i, v)| Point::new(i as f64, *v)).collect();
            prop_assert_eq!(reduce(&points, 20.0, 100), points);
        }

        #[test]
        fn nothing_panics(
            raw in proptest::collection::vec((any::<f64>(), any::<Option<f64>>()), 0..50),
            end in any::<f64>(),
            columns in 0_usize..20,
        ) {
            let points: Vec<_> =
                raw.into_iter().map(|(t_seconds, value)| Point { t_seconds, value }).collect();
            prop_assert!(reduce(&points, end, columns).len() <= points.len());
        }
    }
}
