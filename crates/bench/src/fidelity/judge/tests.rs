use model::{Attempt, Position, Reason, Timestamp, Totals, Values, run::Quality};
use proptest::prelude::*;
use store::{Given, SampleFlags, Statistics};

use super::*;
use crate::truth::Said;

const MIB: u64 = 1 << 20;

/// A run of `cpu` seconds whose samples, a second apart, have these rates.
fn measured(cpu: f64, rates: &[f64]) -> Measured {
    let sample = |(seq, rate): (u64, Option<f64>)| {
        let mut values = Values::default();
        values.set(Resource::Cpu, rate);
        StoredSample {
            time: Timestamp(1_000_000 * seq as i64),
            seq,
            values,
            flags: SampleFlags {
                is_final: seq == rates.len() as u64,
                ..SampleFlags::default()
            },
        }
    };
    let rates_of = std::iter::once(None).chain(rates.iter().copied().map(Some));
    let run = RunRow {
        position: Position(0),
        task: "load".parse().unwrap(),
        task_id: 1,
        attempt: Attempt(1),
        exit_code: Some(0),
        signal: None,
        reason: Some(Reason::Completed),
        message: None,
        censored: Some(false),
        started_at: Some(Timestamp(0)),
        ended_at: Some(Timestamp(1_000_000)),
        totals: Totals {
            duration_seconds: Some(1.0),
            cpu_seconds: Some(cpu),
            monitor_cpu_seconds: Some(0.001),
            memory_anon_peak_bytes: Some(300 * MIB),
            memory_anon_peak_exact: true,
            ..Totals::default()
        },
        quality: Quality {
            samples: rates.len() as u64 + 1,
            ..Quality::default()
        },
        statistics: Statistics::default(),
        given: Given::default(),
        machine_id: 0,
        machine: model::MachineFacts::default(),
        output: None,
    };
    Measured {
        run,
        samples: (0..).zip(rates_of).map(sample).collect(),
    }
}

fn about() -> About {
    About {
        load: "load".to_owned(),
        source: "process_tree".to_owned(),
    }
}

fn cpu_truth(seconds: f64) -> Truth {
    Truth {
        cpu_nsec: Some((seconds * 1e9) as u64),
        ..Truth::default()
    }
}

fn peak_truth(mib: u64) -> Truth {
    Truth {
        said: Some(Said {
            anon_peak_bytes: Some(mib * MIB),
            ..Said::default()
        }),
        ..Truth::default()
    }
}

fn ok(expect: Expect, truth: &Truth, measured: &Measured) -> bool {
    let lines = about().judge(expect, truth, measured);
    lines.iter().all(|line| line.ok)
}

#[test]
fn cpu_within_a_thousandth_or_a_millisecond() {
    let run = measured(2.0, &[2.0]);
    assert!(ok(Expect::Cpu, &cpu_truth(2.0019), &run));
    assert!(!ok(Expect::Cpu, &cpu_truth(2.0021), &run));
    assert!(!ok(Expect::Cpu, &cpu_truth(1.9979), &run));
    let short = measured(0.01, &[0.01]);
    assert!(ok(Expect::Cpu, &cpu_truth(0.0109), &short));
    assert!(!ok(Expect::Cpu, &cpu_truth(0.0111), &short));
    assert!(!ok(Expect::Cpu, &Truth::default(), &short), "no truth");
}

#[test]
fn a_bound_is_below_and_only_where_it_may_be() {
    let mut run = measured(0.2, &[0.2]);
    assert!(!ok(Expect::CpuOrBound, &cpu_truth(1.0), &run), "no flag");
    run.run.totals.cpu_lower_bound = true;
    assert!(ok(Expect::CpuOrBound, &cpu_truth(1.0), &run));
    assert!(!ok(Expect::CpuOrBound, &cpu_truth(0.1), &run), "above");
    assert!(
        !ok(Expect::Cpu, &cpu_truth(0.2), &run),
        "flagged for nothing"
    );
}

#[test]
fn a_peak_is_as_good_as_it_says() {
    let (one, three) = (Expect::Ramp { processes: 1 }, Expect::Ramp { processes: 3 });
    let mut run = measured(1.0, &[1.0]);
    assert!(ok(one, &peak_truth(302), &run));
    assert!(!ok(one, &peak_truth(304), &run));
    assert!(
        !ok(three, &peak_truth(400), &run),
        "wrongly said to be exact"
    );
    run.run.totals.memory_anon_peak_exact = false;
    assert!(
        !ok(one, &peak_truth(300), &run),
        "of one it has to be exact"
    );
    assert!(ok(three, &peak_truth(400), &run));
    assert!(!ok(three, &peak_truth(290), &run), "more than there was");
}

#[test]
fn a_truth_that_the_kernel_contradicts_is_none() {
    let mut truth = peak_truth(300);
    truth.memory_peak_bytes = Some(290 * MIB);
    let run = measured(1.0, &[1.0]);
    assert!(!ok(Expect::Ramp { processes: 1 }, &truth, &run));
}

#[test]
fn what_is_missing_is_seen() {
    let whole = measured(1.0, &[0.25, 0.75]);
    assert_eq!(incomplete(&whole), None);
    let spoil = |how: fn(&mut Measured)| {
        let mut spoilt = whole.clone();
        how(&mut spoilt);
        incomplete(&spoilt).unwrap_or("nothing")
    };
    let all = [
        spoil(|m| m.samples.clear()),
        spoil(|m| m.samples = m.samples.split_off(1)),
        spoil(|m| m.samples.truncate(2)),
        spoil(|m| m.samples.retain(|s| s.seq != 1)),
        spoil(|m| m.samples.insert(1, m.samples[1])),
        spoil(|m| m.samples[1].flags.missed_before = 2),
        spoil(|m| m.run.quality.samples = 4),
        spoil(|m| m.run.totals.cpu_seconds = None),
        spoil(|m| m.run.censored = Some(true)),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

proptest! {
    #[test]
    fn the_integral_of_rates_is_the_total(rates in prop::collection::vec(0.0..64.0_f64, 1..50)) {
        let total: f64 = rates.iter().sum();
        let sum = integral(&measured(total, &rates).samples);
        prop_assert!((sum - total).abs() <= integral_allowance(total));
    }
}
