//! Lines about many attempts.

use std::collections::BTreeMap;

use super::judge::{About, Measured, incomplete, integral, integral_allowance};
use crate::table::{Line, Unit};

/// How often problems are named.
const NAMED: usize = 3;

/// Of lines of the same load and quantity the one furthest off, with how many there were; those
/// that were missed stay.
pub(super) fn worst(lines: Vec<Line>) -> Vec<Line> {
    let off = |line: &Line| {
        let off = line.truth.zip(line.measured).map(|(t, m)| (m - t).abs());
        off.unwrap_or(f64::INFINITY)
    };
    let mut groups: BTreeMap<(String, &str), Vec<Line>> = BTreeMap::new();
    for line in lines {
        let group = groups.entry((line.load.clone(), line.what));
        group.or_default().push(line);
    }
    let mut all = Vec::new();
    for ((load, _), mut group) in groups {
        group.sort_by(|a, b| off(b).total_cmp(&off(a)));
        let (count, missed) = (group.len(), group.iter().filter(|line| !line.ok).count());
        let mut shown = group.into_iter();
        let shown = shown.by_ref().take(1 + missed.min(NAMED));
        for mut line in shown {
            line.load = format!("{load} x {count}");
            line.flags
                .push(format!("furthest off; {missed} of {count} missed"));
            all.push(line);
        }
    }
    all
}

/// What is asked of every attempt: all of its samples, and rates that sum up to its total.
pub(super) fn lines(batch: &str, source: &str, all: &[Option<Measured>]) -> Vec<Line> {
    let load = format!("{batch}: {} runs", all.len());
    vec![whole(&load, source, all), rates(&load, source, all)]
}

fn blank(load: String, source: &str, what: &'static str, unit: Unit) -> Line {
    Line {
        load,
        source: source.to_owned(),
        what,
        unit,
        truth: None,
        measured: None,
        allowed: 0.0,
        ok: false,
        flags: Vec::new(),
    }
}

fn whole(load: &str, source: &str, all: &[Option<Measured>]) -> Line {
    let problem = |measured: &Option<Measured>| match measured {
        None => Some("not run".to_owned()),
        Some(measured) => incomplete(measured)
            .map(|problem| format!("{} {}: {problem}", measured.run.task, measured.run.position)),
    };
    let problems: Vec<_> = all.iter().filter_map(problem).collect();
    let samples: usize = all.iter().flatten().map(|m| m.samples.len()).sum();
    let mut line = blank(load.to_owned(), source, "whole runs", Unit::Count);
    line.truth = Some(all.len() as f64);
    line.measured = Some((all.len() - problems.len()) as f64);
    line.ok = problems.is_empty();
    line.flags = vec![format!("{samples} samples, first, last and totals of each")];
    line.flags.extend(problems.into_iter().take(NAMED));
    line
}

/// The attempt whose integral is furthest from its total, measured by what is allowed.
fn rates(load: &str, source: &str, all: &[Option<Measured>]) -> Line {
    let off = |measured: &Measured| {
        let total = measured.run.totals.cpu_seconds?;
        let sum = integral(&measured.samples);
        Some((total, sum, (sum - total).abs() / integral_allowance(total)))
    };
    let worst = all.iter().flatten().filter_map(off);
    let worst = worst.max_by(|a, b| a.2.total_cmp(&b.2));
    let mut line = blank(load.to_owned(), source, "rate x step", Unit::Microseconds);
    if let Some((total, sum, _)) = worst {
        line.truth = Some(total);
        line.measured = Some(sum);
        line.allowed = integral_allowance(total);
        line.ok = (sum - total).abs() <= line.allowed;
    }
    line.flags = vec!["sum and total of the run furthest off".to_owned()];
    line
}

impl About {
    /// The line of a case that Podometer didn't come to.
    pub(super) fn not_run(self) -> Line {
        let mut line = blank(self.load, &self.source, "not run", Unit::Count);
        line.flags.push("no run was stored".to_owned());
        line
    }
}
