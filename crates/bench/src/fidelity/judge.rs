//! Whether what was measured is near enough to the truth.

use model::Resource;
use store::{RunRow, StoredSample};

use super::cases::Expect;
use crate::{
    table::{Line, Unit},
    truth::Truth,
};

/// What Podometer stored of one attempt.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) run: RunRow,
    pub(crate) samples: Vec<StoredSample>,
}

/// Whom a line is about.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub(crate) load: String,
    pub(crate) source: String,
}

/// 0.1 % or 1 ms, the larger, in seconds.
fn cpu_allowance(truth: f64) -> f64 {
    (truth * 1e-3).max(1e-3)
}

impl About {
    fn line(&self, what: &'static str, unit: Unit) -> Line {
        Line {
            load: self.load.clone(),
            source: self.source.clone(),
            what,
            unit,
            truth: None,
            measured: None,
            allowed: 0.0,
            ok: false,
            flags: Vec::new(),
        }
    }

    /// The lines of one attempt.
    pub(crate) fn judge(&self, expect: Expect, truth: &Truth, measured: &Measured) -> Vec<Line> {
        match expect {
            Expect::Cpu => vec![self.cpu(truth, measured, false)],
            Expect::CpuOrBound => vec![self.cpu(truth, measured, true)],
            Expect::Ramp { processes } => vec![self.peak(truth, measured, processes == 1)],
            Expect::Written => vec![
                self.cpu(truth, measured, false),
                self.written(truth, measured),
            ],
        }
    }

    /// CPU time. A bound must not be more than the truth, and is only allowed where it may be one.
    fn cpu(&self, truth: &Truth, measured: &Measured, may_be_bound: bool) -> Line {
        let totals = &measured.run.totals;
        let mut line = self.line("cpu", Unit::Milliseconds);
        line.truth = truth.cpu_nsec.map(|nsec| nsec as f64 / 1e9);
        line.measured = totals.cpu_seconds;
        line.allowed = cpu_allowance(line.truth.unwrap_or_default());
        let off = line.truth.zip(line.measured).map(|(t, m)| m - t);
        let near = off.is_some_and(|off| off.abs() <= line.allowed);
        let below = off.is_some_and(|off| off <= line.allowed);
        line.ok = if totals.cpu_lower_bound {
            line.flags.push("cpu_lower_bound".to_owned());
            may_be_bound && below
        } else {
            near
        };
        line
    }

    /// The peak of anonymous memory: near if it says that it is exact, else not above the truth.
    fn peak(&self, truth: &Truth, measured: &Measured, must_be_exact: bool) -> Line {
        let totals = &measured.run.totals;
        let said = truth.said.clone().unwrap_or_default();
        let mut line = self.line("anon peak", Unit::Mib);
        line.truth = said.anon_peak_bytes.map(|bytes| bytes as f64);
        line.measured = totals.memory_anon_peak_bytes.map(|bytes| bytes as f64);
        line.allowed = line.truth.unwrap_or_default() * 0.01;
        let off = line.truth.zip(line.measured).map(|(t, m)| m - t);
        line.ok = if totals.memory_anon_peak_exact {
            line.flags.push("exact".to_owned());
            off.is_some_and(|off| off.abs() <= line.allowed)
        } else {
            line.flags.push("bound".to_owned());
            !must_be_exact && off.is_some_and(|off| off <= line.allowed)
        };
        if let Some(seconds) = said.ramp_seconds.filter(|seconds| *seconds > 0.5) {
            line.flags.push(format!("took {seconds:.2} s"));
        }
        // The kernel's mark counts page tables and page cache, too, and a batch for each processor.
        let doubtful = truth.memory_peak_bytes.zip(line.truth);
        if doubtful.is_some_and(|(mark, said)| (mark as f64) < said * 0.995) {
            line.flags
                .push("the cgroup's own mark is lower than the truth".to_owned());
            line.ok = false;
        }
        line
    }

    /// What was passed through write calls, and its notes.
    fn written(&self, truth: &Truth, measured: &Measured) -> Line {
        let totals = &measured.run.totals;
        let said = truth.said.as_ref().and_then(|said| said.written_bytes);
        let mut line = self.line("written", Unit::Mib);
        line.truth = said.map(|bytes| bytes as f64);
        line.measured = totals.write_chars.map(|bytes| bytes as f64);
        line.allowed = 16.0 * 1024.0;
        let off = line.truth.zip(line.measured).map(|(t, m)| m - t);
        line.ok = off.is_some_and(|off| (0.0..=line.allowed).contains(&off));
        let to_disk = totals.disk_write_bytes.map(|bytes| bytes as f64);
        line.flags.push(to_disk.map_or_else(
            || "no disk_write".to_owned(),
            |bytes| format!("disk_write {:.2} MiB", bytes / f64::from(1 << 20)),
        ));
        line
    }
}

/// What is wrong with an attempt's samples; nothing if they are whole: the first and the last are
/// there, none is missing or there twice, and the totals are there.
pub(crate) fn incomplete(measured: &Measured) -> Option<&'static str> {
    let (run, samples) = (&measured.run, &measured.samples);
    let count = samples.len() as u64;
    let Some((first, last)) = samples.first().zip(samples.last()) else {
        return Some("no samples");
    };
    let contiguous = samples.iter().map(|s| s.seq).eq(0..count);
    let finals = samples.iter().filter(|s| s.flags.is_final).count();
    let totals = [
        run.totals.cpu_seconds,
        run.totals.duration_seconds,
        run.totals.monitor_cpu_seconds,
        run.totals.memory_anon_peak_bytes.map(|_| 0.0),
    ];
    let problem = if first.seq != 0 || first.flags.is_final || count < 2 {
        "no first sample"
    } else if !last.flags.is_final || finals != 1 {
        "no last sample"
    } else if !contiguous {
        "a sample is missing or there twice"
    } else if run.quality.samples != count {
        "the run counts other samples than there are"
    } else if run.quality.missed_samples != 0 || samples.iter().any(|s| s.flags.missed_before > 0) {
        "samples were missed"
    } else if totals.iter().any(Option::is_none) {
        "a total is missing"
    } else if run.censored != Some(false) || run.exit_code != Some(0) {
        "its end was not seen, or was none"
    } else {
        return None;
    };
    Some(problem)
}

/// The sum of rate times time step: CPU seconds.
pub(crate) fn integral(samples: &[StoredSample]) -> f64 {
    let step = |pair: &[StoredSample]| {
        let seconds = pair[1].time.seconds_since(pair[0].time);
        pair[1]
            .values
            .get(Resource::Cpu)
            .map_or(0.0, |rate| rate * seconds)
    };
    samples.windows(2).map(step).sum()
}

/// How far the integral may be from the total, seconds.
pub(crate) fn integral_allowance(total: f64) -> f64 {
    (total * 1e-6).max(1e-6)
}

#[cfg(test)]
mod tests;
