//! What was measured beside what is aimed at.

use std::{fs, process::ExitCode};

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// From seconds.
    Microseconds,
    /// From seconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// From a share.
    Percent,
    /// From bytes.
    Mib,
    /// A second.
    Rate,
    /// By another number.
    Times,
}

impl Unit {
    fn text(self, value: f64) -> String {
        match self {
            Self::Microseconds => format!("{:.1} us", value * 1e6),
            Self::Milliseconds => format!("{:.2} ms", value * 1e3),
            Self::Seconds => format!("{value:.3} s"),
            Self::Percent => format!("{:.4} %", value * 100.0),
            Self::Mib => format!("{:.2} MiB", value / f64::from(1 << 20)),
            Self::Rate => format!("{value:.0}"),
            Self::Times => format!("{value:.2}"),
        }
    }
}

/// Prints figures as they come, and counts the aims.
#[derive(Debug)]
pub(crate) struct Aims {
    met: usize,
    missed: usize,
}

impl Aims {
    /// Says on what machine.
    pub(crate) fn begin(what: &str) -> Self {
        println!("bench {what}: {}", machine());
        println!("{:<58} {:>12} {:>11}  {:<6}", "", "measured", "aim", "");
        Self { met: 0, missed: 0 }
    }

    /// A figure that should be less than an aim.
    pub(crate) fn aimed(&mut self, what: &str, unit: Unit, measured: f64, aim: f64) {
        self.judged(what, unit, measured, ('<', aim), measured < aim);
    }

    /// A figure that should be at least an aim.
    pub(crate) fn at_least(&mut self, what: &str, unit: Unit, measured: f64, aim: f64) {
        self.judged(what, unit, measured, ('≥', aim), measured >= aim);
    }

    fn judged(
        &mut self,
        what: &str,
        unit: Unit,
        measured: f64,
        (sign, aim): (char, f64),
        met: bool,
    ) {
        if met {
            self.met += 1;
        } else {
            self.missed += 1;
        }
        let verdict = if met { "ok" } else { "MISSED" };
        let (measured, aim) = (unit.text(measured), format!("{sign} {}", unit.text(aim)));
        println!("{what:<58} {measured:>12} {aim:>11}  {verdict}");
    }

    /// A missed aim is said, and is no failure of this program.
    pub(crate) fn close(&self) -> ExitCode {
        println!("aims: {} met, {} missed", self.met, self.missed);
        ExitCode::SUCCESS
    }
}

/// Prints a figure to compare with, or to know beside.
pub(crate) fn beside(what: &str, unit: Unit, measured: f64) {
    println!("  {what:<56} {:>12}", unit.text(measured));
}

/// Prints what could not be measured, and why.
pub(crate) fn absent(what: &str, why: &anyhow::Error) {
    println!("  {what:<56} not measured: {why:#}");
}

fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| {
        let value = line.strip_prefix("model name")?;
        Some(value.trim_start_matches([' ', '\t', ':']).to_owned())
    });
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    format!(
        "{}, {} processors, Linux {}, load {}",
        model.unwrap_or_default(),
        std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        kernel.trim(),
        load.split(' ').next().unwrap_or_default()
    )
}

/// The middle of some numbers, and the one that 95 % don't exceed; zeros of none.
pub(crate) fn median_and_p95(numbers: Vec<f64>) -> (f64, f64) {
    median_and(numbers, 0.95)
}

/// The middle of some numbers, and the one that such a share doesn't exceed; zeros of none.
pub(crate) fn median_and(mut numbers: Vec<f64>, share: f64) -> (f64, f64) {
    numbers.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (numbers.len() as f64 * share).ceil() as usize;
        numbers
            .get(place.saturating_sub(1))
            .copied()
            .unwrap_or_default()
    };
    (at(0.5), at(share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn middle() {
        let numbers = (1..=20).rev().map(f64::from).collect();
        assert_eq!(median_and_p95(numbers), (10.0, 19.0));
        assert_eq!(median_and_p95(vec![3.0]), (3.0, 3.0));
        assert_eq!(median_and_p95(Vec::new()), (0.0, 0.0));
    }
}
