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
        quality: better(old.quality, new.quality),
        output: old.output.or(new.output),
    }
}

fn ends(
    old: Option<RunEnd>,
    old_totals: Totals,
    new: Option<RunEnd>,
    new_totals: Totals,
) -> (Option<RunEnd>, Totals) {
    match (old, new) {
        (None, new) => (new, new_totals.or(old_totals)),
        (old, None) => (old, old_totals.or(new_totals)),
        (Some(old), Some(new)) if is_guess(&old) && !new.censored => {
            (Some(seen_after_all(old, new)), new_totals.or(old_totals))
        }
        (old, _) => (old, old_totals.or(new_totals)),
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

fn better(old: Quality, new: Quality) -> Quality {
    Quality {
        samples: old.samples.max(new.samples),
        missed_samples: old.missed_samples.max(new.missed_samples),
        largest_gap_seconds: match (old.largest_gap_seconds, new.largest_gap_seconds) {
            (Some(old), Some(new)) => Some(old.max(new)),
            (old, new) => old.or(new),
        },
    }
}
