//! What was measured of one run, bounded: a run of a week takes no more memory than one of an hour.

use model::{Resource, Timestamp, Values};

/// How many points are held; at that many, two neighbours become one. No terminal has half as many columns.
const MAX_POINTS: usize = 2048;

/// A sample, as far as it is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    /// When it was taken.
    pub(crate) time: Timestamp,
    /// Its sequence number within the attempt.
    pub(crate) seq: u64,
    /// How many readings right before it were missed.
    pub(crate) missed_before: u64,
    /// The values.
    pub(crate) values: Values,
}

/// A span of time with the least and the most of each resource in it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    from: Timestamp,
    to: Timestamp,
    /// Whether readings right before it were missed.
    is_after_gap: bool,
    low: Values,
    high: Values,
}

/// The samples of a run in the order of their sequence numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series {
    points: Vec<Point>,
    last: Option<Measured>,
    cpu_seconds: Option<f64>,
    peaks: Values,
}

impl Series {
    /// Adds a sample. One that is known already is left out.
    pub(crate) fn add(&mut self, sample: &Measured) {
        let before = self.last;
        if before.is_some_and(|last| sample.seq <= last.seq) {
            return;
        }
        let from = before.map_or(sample.time, |last| last.time);
        if let Some(cores) = sample.values.get(Resource::Cpu) {
            let step = sample.time.seconds_since(from).max(0.0);
            self.cpu_seconds = Some(self.cpu_seconds.unwrap_or(0.0) + cores * step);
        }
        self.peaks = fold(&self.peaks, &sample.values, f64::max);
        self.last = Some(*sample);
        self.points.push(Point {
            from,
            to: sample.time,
            is_after_gap: sample.missed_before > 0,
            low: sample.values,
            high: sample.values,
        });
        if self.points.len() == MAX_POINTS {
            self.points = self.points.chunks(2).map(merged).collect();
        }
    }

    /// The newest sample.
    pub(crate) fn newest(&self) -> Option<&Measured> {
        self.last.as_ref()
    }

    /// The processor time that the samples amount to, seconds.
    pub(crate) fn cpu_seconds(&self) -> Option<f64> {
        self.cpu_seconds
    }

    /// The most that was seen of a resource.
    pub(crate) fn peak(&self, resource: Resource) -> Option<f64> {
        self.peaks.get(resource)
    }

    /// When the first sample was taken.
    pub(crate) fn begins(&self) -> Option<Timestamp> {
        self.points.first().map(|point| point.from)
    }

    /// The lines of a resource over the seconds since `start`; a line ends where a value is missing, and a gauge's
    /// where readings were. A rate holds over the whole time step before its sample.
    pub(crate) fn lines(&self, resource: Resource, start: Timestamp) -> Vec<Vec<(f64, f64)>> {
        let at = |time: Timestamp| time.seconds_since(start).max(0.0);
        let (mut lines, mut line) = (Vec::new(), Vec::new());
        for point in &self.points {
            let (Some(low), Some(high)) = (point.low.get(resource), point.high.get(resource))
            else {
                lines.push(std::mem::take(&mut line));
                continue;
            };
            let is_rate = resource.unit().is_rate();
            if point.is_after_gap && !is_rate {
                lines.push(std::mem::take(&mut line));
            }
            if is_rate || low < high {
                line.push((at(point.from), low));
            }
            line.push((at(point.to), high));
        }
        lines.push(line);
        lines.retain(|line| !line.is_empty());
        lines
    }
}

fn merged(points: &[Point]) -> Point {
    let (first, last) = (points[0], points[points.len() - 1]);
    Point {
        from: first.from,
        to: last.to,
        // One between the two is too narrow to be seen.
        is_after_gap: first.is_after_gap,
        low: fold(&first.low, &last.low, f64::min),
        high: fold(&first.high, &last.high, f64::max),
    }
}

fn fold(one: &Values, other: &Values, by: fn(f64, f64) -> f64) -> Values {
    let mut both = *one;
    for (resource, value) in other.iter() {
        let known = one.get(resource).map_or(value, |known| by(known, value));
        both.set(resource, Some(known));
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(seq: u64, cpu: Option<f64>, memory: Option<f64>) -> Measured {
        let mut values = Values::default();
        values.set(Resource::Cpu, cpu);
        values.set(Resource::Memory, memory);
        Measured {
            time: Timestamp(seq as i64 * 1_000_000),
            seq,
            missed_before: 0,
            values,
        }
    }

    #[test]
    fn a_rate_holds_over_its_step_and_a_gap_breaks_the_line() {
        let mut series = Series::default();
        for (seq, cpu) in [None, Some(1.0), None, Some(2.0)].into_iter().enumerate() {
            series.add(&sample(seq as u64, cpu, Some(7.0)));
        }
        let start = Timestamp(0);
        assert_eq!(
            series.lines(Resource::Cpu, start),
            [vec![(0.0, 1.0), (1.0, 1.0)], vec![(2.0, 2.0), (3.0, 2.0)]]
        );
        assert_eq!(series.lines(Resource::Memory, start)[0].len(), 4);
        assert_eq!(series.lines(Resource::Swap, start).len(), 0);
        assert_eq!(series.cpu_seconds(), Some(3.0));
        assert_eq!(series.peak(Resource::Cpu), Some(2.0));
        assert_eq!(series.peak(Resource::Swap), None);
    }

    #[test]
    fn missed_readings_break_a_gauge_and_no_rate() {
        let mut series = Series::default();
        for seq in [0, 1, 5, 6] {
            let mut one = sample(seq, (seq > 0).then_some(1.0), Some(7.0));
            one.missed_before = if seq == 5 { 3 } else { 0 };
            series.add(&one);
        }
        let start = Timestamp(0);
        let gauge = [vec![(0.0, 7.0), (1.0, 7.0)], vec![(5.0, 7.0), (6.0, 7.0)]];
        assert_eq!(series.lines(Resource::Memory, start), gauge);
        assert_eq!(series.lines(Resource::Cpu, start).len(), 1);
    }

    #[test]
    fn what_is_known_is_not_counted_again() {
        let mut series = Series::default();
        for seq in [0, 1, 1, 0, 2] {
            series.add(&sample(seq, Some(1.0), None));
        }
        assert_eq!(series.cpu_seconds(), Some(2.0));
        assert_eq!(series.newest().unwrap().seq, 2);
    }

    #[test]
    fn however_many_come_few_are_held_and_extremes_stay() {
        let mut series = Series::default();
        for seq in 0..100_000 {
            let cpu = if seq == 31_415 { 9.0 } else { 1.0 };
            series.add(&sample(seq, Some(cpu), None));
        }
        assert!(series.points.len() < MAX_POINTS);
        let line = &series.lines(Resource::Cpu, Timestamp(0))[0];
        assert!(line.iter().any(|(_, value)| (*value - 9.0).abs() < 1e-9));
        assert!((line.last().unwrap().0 - 99_999.0).abs() < 1e-9);
        assert_eq!(series.cpu_seconds(), Some(100_007.0));
    }
}
