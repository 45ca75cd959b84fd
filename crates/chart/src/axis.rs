//! Scales: from seconds and values to pixels, with ticks at round numbers.

use crate::units::{self, Unit};

/// Steps of time that people count in, past ten seconds.
const TIME_STEPS: [f64; 18] = [
    10.0,
    15.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    900.0,
    1800.0,
    3600.0,
    7200.0,
    10_800.0,
    21_600.0,
    43_200.0,
    86_400.0,
    172_800.0,
    604_800.0,
    1_209_600.0,
];

/// A tick: where it is in pixels, and what it says.
pub(crate) type Tick = (f64, String);

/// Seconds from left to right, from zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TimeAxis {
    /// The last second that is shown; more than zero.
    pub(crate) end: f64,
    pub(crate) left: f64,
    pub(crate) right: f64,
}

impl TimeAxis {
    /// An axis that reaches to `end`, or to one second if that is no length of time.
    pub(crate) fn new(end: f64, left: f64, right: f64) -> Self {
        let end = if end.is_finite() && end > 0.0 {
            end.clamp(1e-9, 1e15)
        } else {
            1.0
        };
        Self { end, left, right }
    }

    pub(crate) fn x(&self, t_seconds: f64) -> f64 {
        let share = (t_seconds / self.end).clamp(0.0, 1.0);
        self.left + share * (self.right - self.left)
    }

    /// How many pixel columns there are.
    pub(crate) fn columns(&self) -> usize {
        (self.right - self.left).max(1.0) as usize
    }

    /// Round seconds, at least `apart` pixels from each other.
    pub(crate) fn ticks(&self, apart: f64) -> Vec<Tick> {
        let most = ((self.right - self.left) / apart).floor().max(1.0);
        let step = time_step(self.end / most);
        let count = (self.end / step * (1.0 + 1e-9)).floor().min(1000.0) as u32;
        (0..=count)
            .map(|i| f64::from(i) * step)
            .map(|t| (self.x(t), time_label(t, step, self.end)))
            .collect()
    }
}

fn time_step(least: f64) -> f64 {
    if least <= 5.0 {
        return round_step(least);
    }
    TIME_STEPS
        .into_iter()
        .find(|step| *step >= least)
        .unwrap_or_else(|| round_step(least / 86_400.0) * 86_400.0)
}

/// "20 ms", "4 s", "1:30 min", "2:15 h", "3 d".
fn time_label(t: f64, step: f64, end: f64) -> String {
    let parts = |big: f64, small: f64| {
        let whole = (t / small).round() * small;
        format!(
            "{}:{:02}",
            (whole / big).floor(),
            ((whole % big) / small).round()
        )
    };
    match end {
        e if e < 1e-3 => format!("{} µs", plain(t * 1e6, step * 1e6)),
        e if e < 1.0 => format!("{} ms", plain(t * 1e3, step * 1e3)),
        e if e < 120.0 => format!("{} s", plain(t, step)),
        e if e < 7200.0 => format!("{} min", parts(60.0, 1.0)),
        e if e < 172_800.0 => format!("{} h", parts(3600.0, 60.0)),
        _ => units::format_seconds(if t == 0.0 { 0.0 } else { t }),
    }
}

/// The smallest of 1, 2, 5 times a power of ten that is not below `least`.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|f| f * power >= least * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// A number with as many decimals as its step has.
fn plain(value: f64, step: f64) -> String {
    if value.abs() >= 1e6 {
        return units::format_number(value);
    }
    let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
    let text = units::trimmed(&format!("{value:.decimals$}"));
    if text == "-0" { "0".into() } else { text }
}

/// Values from bottom to top, in the unit that suits the largest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ValueAxis {
    low: f64,
    high: f64,
    step: f64,
    /// One of the shown unit in the panel's unit.
    size: f64,
    /// The name of the shown unit; empty for plain counts.
    pub(crate) unit: String,
    top: f64,
    bottom: f64,
}

impl ValueAxis {
    /// An axis between two rows of pixels for values from `low` to `high`; zero is always on it.
    pub(crate) fn new(unit: Unit, (low, high): (f64, f64), (top, bottom): (f64, f64)) -> Self {
        let (low, high) = (low.min(0.0), high.max(0.0));
        let (size, name) = unit.axis(high.max(-low));
        let (low, high) = (low / size, high / size);
        let span = if high - low > 1e-12 { high - low } else { 1.0 };
        let flat = high <= low;
        let whole = flat || matches!(unit, Unit::Count) || name == "B" || name == "B/s";
        let least = if whole { 1.0 } else { 0.0 };
        let step = round_step(span / 4.0).max(least);
        let low = (low / step).floor() * step;
        let high = ((low + span) / step * (1.0 - 1e-9)).ceil().max(1.0) * step;
        Self {
            low,
            high,
            step,
            size,
            unit: name,
            top,
            bottom,
        }
    }

    pub(crate) fn y(&self, value: f64) -> f64 {
        let share = (value / self.size - self.low) / (self.high - self.low);
        self.bottom - share.clamp(0.0, 1.0) * (self.bottom - self.top)
    }

    /// Whether the value is between bottom and top.
    pub(crate) fn shows(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&(value / self.size))
    }

    pub(crate) fn ticks(&self) -> Vec<Tick> {
        let count = ((self.high - self.low) / self.step)
            .round()
            .clamp(1.0, 20.0) as u32;
        (0..=count)
            .map(|i| self.low + f64::from(i) * self.step)
            .map(|v| (self.y(v * self.size), plain(v, self.step)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(ticks: Vec<Tick>) -> Vec<String> {
        ticks.into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn times_are_round() {
        let shown = |end| labels(TimeAxis::new(end, 0.0, 500.0).ticks(90.0));
        assert_eq!(shown(0.0103), ["0 ms", "5 ms", "10 ms"]);
        assert_eq!(shown(61.0), ["0 s", "15 s", "30 s", "45 s", "60 s"]);
        assert_eq!(
            shown(300.0),
            [
                "0:00 min", "1:00 min", "2:00 min", "3:00 min", "4:00 min", "5:00 min"
            ]
        );
        assert_eq!(
            shown(9000.0),
            ["0:00 h", "0:30 h", "1:00 h", "1:30 h", "2:00 h", "2:30 h"]
        );
    }

    #[test]
    fn values_are_round_and_in_the_unit_that_fits() {
        let axis = ValueAxis::new(Unit::Bytes, (0.0, 300.0 * 1_048_576.0), (0.0, 100.0));
        assert_eq!(axis.unit, "MiB");
        assert_eq!(labels(axis.ticks()), ["0", "100", "200", "300"]);
        let axis = ValueAxis::new(Unit::Cores, (0.0, 0.04), (0.0, 100.0));
        assert_eq!(
            (axis.unit.as_str(), labels(axis.ticks()).len()),
            ("millicores", 5)
        );
        let axis = ValueAxis::new(Unit::Bytes, (0.0, 0.0), (0.0, 100.0));
        assert_eq!(
            (axis.unit.as_str(), labels(axis.ticks())),
            ("MiB", vec!["0".into(), "1".into()])
        );
        let axis = ValueAxis::new(Unit::Count, (0.0, 1.0), (0.0, 100.0));
        assert_eq!(labels(axis.ticks()), ["0", "1"]);
    }

    proptest! {
        #[test]
        fn any_range_has_ticks_inside(low in -1e30..1e30, high in -1e30..1e30, end in any::<f64>()) {
            for unit in [Unit::Bytes, Unit::Cores, Unit::Share, Unit::Count] {
                let axis = ValueAxis::new(unit, (low, high), (10.0, 110.0));
                let ticks = axis.ticks();
                prop_assert!(ticks.len() >= 2);
                prop_assert!(ticks.iter().all(|(y, _)| (10.0..=110.0).contains(y)));
                prop_assert!((10.0..=110.0).contains(&axis.y(high)));
            }
            let ticks = TimeAxis::new(end, 0.0, 500.0).ticks(90.0);
            prop_assert!((1..=8).contains(&ticks.len()), "{ticks:?}");
        }
    }
}
