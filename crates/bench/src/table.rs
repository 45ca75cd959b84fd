//! Lines that people read and scripts can split.

use std::fmt;

/// What is compared: CPU time in seconds, memory in bytes, or plain numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Milliseconds,
    Microseconds,
    Mib,
    Count,
}

impl Unit {
    fn text(self, value: f64) -> String {
        match self {
            Self::Milliseconds => format!("{:.3} ms", value * 1e3),
            Self::Microseconds => format!("{:.4} us", value * 1e6),
            Self::Mib => format!("{:.2} MiB", value / f64::from(1 << 20)),
            Self::Count => format!("{value}"),
        }
    }

    fn signed(self, value: f64) -> String {
        let sign = if value < 0.0 { "-" } else { "+" };
        format!("{sign}{}", self.text(value.abs()))
    }
}

/// One comparison of a measurement with the truth.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// What was run.
    pub(crate) load: String,
    /// Where Podometer read.
    pub(crate) source: String,
    /// What was measured.
    pub(crate) what: &'static str,
    pub(crate) unit: Unit,
    /// `None`: there is nothing to compare with.
    pub(crate) truth: Option<f64>,
    /// `None`: not measured.
    pub(crate) measured: Option<f64>,
    /// How far apart they may be.
    pub(crate) allowed: f64,
    pub(crate) ok: bool,
    /// What else is to be known.
    pub(crate) flags: Vec<String>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: Option<f64>| value.map_or("-".to_owned(), |v| self.unit.text(v));
        let off = self.truth.zip(self.measured).map(|(t, m)| m - t);
        let off = off.map_or("-".to_owned(), |off| self.unit.signed(off));
        let verdict = if self.ok { "ok" } else { "MISSED" };
        write!(
            f,
            "{:<22} {:<13} {:<14} {:>14} {:>14} {:>13} {:>12}  {verdict:<6} {}",
            self.load,
            self.source,
            self.what,
            text(self.truth),
            text(self.measured),
            off,
            self.unit.text(self.allowed),
            self.flags.join(", ")
        )
    }
}

/// The heading of [`Line`]s.
pub(crate) fn heading() -> String {
    format!(
        "{:<22} {:<13} {:<14} {:>14} {:>14} {:>13} {:>12}  {:<6} flags",
        "load", "source", "what", "truth", "measured", "difference", "allowed", ""
    )
}

/// Lines as they come, and how many were missed.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    passed: usize,
    failed: usize,
}

impl Tally {
    pub(crate) fn print(&mut self, line: &Line) {
        println!("{}", line.to_string().trim_end());
        if line.ok {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }

    /// Whether all went well; prints the last line.
    pub(crate) fn close(&self) -> bool {
        println!("{} passed, {} failed", self.passed, self.failed);
        self.failed == 0 && self.passed > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let line = |unit, truth, measured, ok| Line {
            load: "busy, 2 threads".to_owned(),
            source: "process_tree".to_owned(),
            what: "cpu",
            unit,
            truth,
            measured,
            allowed: 0.004,
            ok,
            flags: vec!["cpu_lower_bound".to_owned()],
        };
        let lines = [
            heading(),
            line(Unit::Milliseconds, Some(4.0), Some(4.000_25), true).to_string(),
            line(Unit::Mib, Some(3e8), Some(1e8), false).to_string(),
            line(Unit::Count, Some(2.0), None, false).to_string(),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }
}
