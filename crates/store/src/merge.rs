//! What is known of a run, when more of it arrives.
//!
//! A RUN may arrive twice, late, from two senders, or poorer than what is stored. The rules:
//!
//! - What ended stays ended; what is known stays known: a gap is filled, never made.
//! - The first end stands, with its reason, exit code and signal, with two exceptions. An end that
//!   says only that the report was lost gives way to one from the runner itself. And an end that
//!   the runner did not see (`censored`) gives way in its time and totals, which are those of the
//!   last sample, to the runner's own; in its exit code and signal if it knew neither; its reason
//!   stays, because plans were made on it.
//! - Of a run that was told to end, the reason gives way to one that says why.
//! - Counts of samples only grow.

use model::{
    Reason, Run, Totals,
    run::{Quality, RunEnd},
};

/// A run with what a later message adds to it. The facts are the older ones where there are any.
pub(crate) fn merge(old: Run, new: Run) -> Run {
    let (end, totals) = ends(old.end, old.totals, new.end, new.totals);
    Run {
        facts: old.facts.or(new.facts),
        started_at: old.started_at.or(new.started_at),
        end,
        totals,
        quality: better(&old.quality, &new.quality),
        output: old.output.or(new.output),
    }
}

fn ends(
    old: Option<RunEnd>,
    old_totals: Totals,
    new: Option<RunEnd>,
    new_totals: Totals,
) -> (Option<RunEnd>, Totals) {
    let old = match (old, &new) {
        (Some(old), Some(new)) if old.is_explained_by(new) => Some(old.explained_by(new)),
        (old, _) => old,
    };
    match (old, new) {
        (None, new) => (new, new_totals.or(&old_totals)),
        (Some(old), Some(new)) if is_guess(&old) && !new.censored => {
            (Some(seen_after_all(old, new)), new_totals.or(&old_totals))
        }
        (old, _) => (old, old_totals.or(&new_totals)),
    }
}

fn is_guess(end: &RunEnd) -> bool {
    end.censored || end.reason == Reason::ReportLost
}

fn seen_after_all(old: RunEnd, new: RunEnd) -> RunEnd {
    if old.reason == Reason::ReportLost {
        return new;
    }
    let unknown = old.exit_code.is_none() && old.signal.is_none();
    RunEnd {
        ended_at: new.ended_at,
        exit_code: if unknown {
            new.exit_code
        } else {
            old.exit_code
        },
        signal: if unknown { new.signal } else { old.signal },
        reason: old.reason,
        message: old.message.or(new.message),
        censored: false,
    }
}

fn better(old: &Quality, new: &Quality) -> Quality {
    Quality {
        samples: old.samples.max(new.samples),
        missed_samples: old.missed_samples.max(new.missed_samples),
        largest_gap_seconds: match (old.largest_gap_seconds, new.largest_gap_seconds) {
            (Some(old), Some(new)) => Some(old.max(new)),
            (old, new) => old.or(new),
        },
    }
}

#[cfg(test)]
mod tests {
    use model::Timestamp;
    use proptest::{option, prelude::*, sample::select};

    use super::*;

    fn ends() -> impl Strategy<Value = Option<RunEnd>> {
        let end = (
            0i64..9,
            option::of(0i32..3),
            option::of(1i32..3),
            select(Reason::ALL),
            any::<bool>(),
        );
        option::of(
            end.prop_map(|(at, exit_code, signal, reason, censored)| RunEnd {
                ended_at: Timestamp(at),
                exit_code,
                signal,
                reason,
                message: None,
                censored,
            }),
        )
    }

    fn runs() -> impl Strategy<Value = Run> {
        let totals = (option::of(0.0..9.0f64), option::of(0u64..9));
        let rest = (option::of(0i64..9), 0u64..9, option::of("[ab]"));
        (ends(), totals, rest).prop_map(|(end, (cpu, peak), (started, samples, output))| Run {
            facts: None,
            started_at: started.map(Timestamp),
            end,
            totals: Totals {
                cpu_seconds: cpu,
                memory_peak_bytes: peak,
                ..Totals::default()
            },
            quality: Quality {
                samples,
                ..Quality::default()
            },
            output,
        })
    }

    fn ended(reason: Reason, exit_code: Option<i32>, censored: bool, cpu: Option<f64>) -> Run {
        Run {
            facts: None,
            started_at: None,
            end: Some(RunEnd {
                ended_at: Timestamp(7),
                exit_code,
                signal: None,
                reason,
                message: None,
                censored,
            }),
            totals: Totals {
                cpu_seconds: cpu,
                ..Totals::default()
            },
            quality: Quality::default(),
            output: None,
        }
    }

    #[test]
    fn a_lost_report_gives_way_to_the_runners_own() {
        let lost = ended(Reason::ReportLost, None, true, Some(1.0));
        let own = ended(Reason::Completed, Some(0), false, Some(1.5));
        assert_eq!(merge(lost, own.clone()), own);
    }

    #[test]
    fn a_censored_end_keeps_its_reason_and_takes_the_runners_totals() {
        let seen = ended(Reason::OomKilled, None, true, Some(1.0));
        let own = ended(Reason::Error, Some(137), false, Some(1.5));
        let merged = merge(seen, own);
        assert_eq!(
            merged,
            ended(Reason::OomKilled, Some(137), false, Some(1.5))
        );
    }

    #[test]
    fn a_second_end_fills_gaps_only() {
        let first = ended(Reason::TimedOut, None, false, None);
        let second = ended(Reason::Completed, Some(0), false, Some(2.0));
        assert_eq!(
            merge(first, second),
            ended(Reason::TimedOut, None, false, Some(2.0))
        );
    }

    #[test]
    fn why_it_was_told_to_end_is_told_later() {
        let told = ended(Reason::Terminated, Some(143), false, Some(2.0));
        let evicted = ended(Reason::Evicted, Some(143), false, Some(2.0));
        assert_eq!(merge(told.clone(), evicted.clone()), evicted);
        assert_eq!(merge(evicted.clone(), told), evicted);
    }

    proptest! {
        #[test]
        fn the_same_message_again_changes_nothing(old in runs(), new in runs()) {
            let once = merge(old, new.clone());
            prop_assert_eq!(merge(once.clone(), new), once);
        }

        #[test]
        fn nothing_known_is_forgotten(old in runs(), new in runs()) {
            let merged = merge(old.clone(), new.clone());
            prop_assert!(merged.end.is_some() || (old.end.is_none() && new.end.is_none()));
            let had = old.totals.cpu_seconds.is_some() || new.totals.cpu_seconds.is_some();
            prop_assert_eq!(merged.totals.cpu_seconds.is_some(), had);
            prop_assert!(merged.quality.samples >= old.quality.samples);
            if let Some(reason) = old.end.map(|e| e.reason).filter(|r| ![Reason::ReportLost, Reason::Terminated].contains(r)) {
                prop_assert_eq!(merged.end.map(|e| e.reason), Some(reason));
            }
        }
    }
}
