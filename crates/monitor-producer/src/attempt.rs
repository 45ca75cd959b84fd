//! What is known of one attempt, without any input or output.

use model::{
    Reading, Run, Sample, TaskName, Timestamp, Totals,
    message::{Halt, Started},
    run::{Quality, RunFacts},
};

use crate::rates;

/// The state of an attempt: what it was given, how far its readings were taken, how it ended.
#[derive(Debug, Default)]
pub(crate) struct AttemptState {
    facts: Option<RunFacts>,
    started_at: Option<Timestamp>,
    last: Option<Reading>,
    memory_peak: Option<u64>,
    anon_peak: Option<u64>,
    kernel_peak: Option<u64>,
    cpu_lower_bound: bool,
    quality: Quality,
    halt: Option<Halt>,
    /// Whether its final RUN has been published.
    pub(crate) closed: bool,
    /// Whether a connection to its stream may still bring readings.
    pub(crate) streaming: bool,
}

impl AttemptState {
    /// Notes the start. Returns whether it is news.
    pub(crate) fn start(&mut self, started: &Started) -> bool {
        let new = self.facts.is_none();
        if new {
            self.facts = Some(started.facts.clone());
            self.started_at = Some(started.started_at);
        }
        new
    }

    /// Takes a reading; `None` if it was taken before. Readings come in the order of their numbers,
    /// but the backlog may repeat what the stream has already brought.
    pub(crate) fn take(&mut self, reading: &Reading) -> Option<Sample> {
        if self
            .last
            .as_ref()
            .is_some_and(|last| reading.seq <= last.seq)
        {
            return None;
        }
        let sample = rates::sample(self.last.as_ref(), reading);
        if let Some(last) = &self.last {
            let gap = reading.time_us.seconds_since(last.time_us);
            self.quality.largest_gap_seconds =
                Some(self.quality.largest_gap_seconds.map_or(gap, |g| g.max(gap)));
        }
        self.quality.samples += 1;
        self.quality.missed_samples += sample.missed_before;
        self.observe(reading);
        Some(sample)
    }

    /// Takes a reading that has been seen to, with all before it: only the base of the next rate.
    pub(crate) fn base(&mut self, reading: &Reading) {
        if self.last.as_ref().is_none_or(|last| last.seq < reading.seq) {
            self.observe(reading);
        }
    }

    fn observe(&mut self, reading: &Reading) {
        self.memory_peak = self.memory_peak.max(reading.gauges.memory_bytes);
        self.anon_peak = self.anon_peak.max(reading.gauges.memory_anon_bytes);
        self.kernel_peak = self
            .kernel_peak
            .max(reading.gauges.memory_kernel_peak_bytes);
        self.cpu_lower_bound |= reading.cpu_lower_bound;
        self.last = Some(*reading);
    }

    /// Notes the end. Returns whether it says more than was known: the first end counts, a later one
    /// that was observed by the runner itself completes one that wasn't, and the orchestrator may know why
    /// a runner was told to end.
    pub(crate) fn end(&mut self, halt: Halt) -> bool {
        if let Some(known) = &mut self.halt
            && known.end.is_explained_by(&halt.end)
        {
            known.end = known.end.clone().explained_by(&halt.end);
            return true;
        }
        let news = match &self.halt {
            None => true,
            Some(known) => known.end.censored && !halt.end.censored,
        };
        if news {
            self.halt = Some(halt);
        }
        news
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.halt.is_some()
    }

    /// Whether every reading that was taken is here.
    pub(crate) fn is_drained(&self) -> bool {
        let last = self.halt.as_ref().and_then(|halt| halt.last_seq);
        match (last, &self.last) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(last), Some(seen)) => seen.seq >= last,
        }
    }

    /// The run as it stands.
    pub(crate) fn run(&self) -> Run {
        let halt = self.halt.as_ref();
        let mut quality = self.quality.clone();
        if let Some(last) = halt.and_then(|halt| halt.last_seq) {
            let next = self.last.as_ref().map_or(0, |seen| seen.seq + 1);
            quality.missed_samples += (last + 1).saturating_sub(next);
        }
        Run {
            facts: self.facts.clone(),
            started_at: self.started_at.or(halt.and_then(|halt| halt.started_at)),
            end: halt.map(|halt| halt.end.clone()),
            totals: halt
                .map(|halt| halt.totals.clone().or(&self.totals_so_far()))
                .unwrap_or_default(),
            quality,
            output: halt.and_then(|halt| halt.output.clone()),
        }
    }

    /// The task's name, from whichever message came.
    pub(crate) fn task(&self) -> Option<&TaskName> {
        let of_halt = self.halt.as_ref().map(|halt| &halt.task);
        self.facts.as_ref().map(|facts| &facts.task).or(of_halt)
    }

    /// What the last reading says, for an attempt whose runner could not sum up.
    fn totals_so_far(&self) -> Totals {
        let Some(last) = &self.last else {
            return Totals::default();
        };
        Totals {
            duration_seconds: self
                .started_at
                .map(|start| last.time_us.seconds_since(start)),
            cpu_lower_bound: self.cpu_lower_bound || !last.is_final,
            memory_peak_bytes: self.kernel_peak.or(self.memory_peak),
            memory_anon_peak_bytes: self.anon_peak,
            ..Totals::counted(last)
        }
    }
}

#[cfg(test)]
mod restarts;

#[cfg(test)]
mod tests {
    use model::{Reason, message::Sender, run::RunEnd};
    use proptest::prelude::*;

    use super::*;

    fn reading(seq: u64) -> Reading {
        Reading {
            seq,
            time_us: Timestamp(seq as i64 * 1000),
            ..Reading::default()
        }
    }

    fn halt(censored: bool, last_seq: Option<u64>) -> Halt {
        let (from, reason) = if censored {
            (Sender::Orchestrator, Reason::Lost)
        } else {
            (Sender::Runner, Reason::Completed)
        };
        Halt {
            from,
            task: "t".parse().unwrap(),
            started_at: Some(Timestamp(0)),
            end: RunEnd {
                ended_at: Timestamp(9),
                exit_code: (!censored).then_some(0),
                signal: None,
                reason,
                message: None,
                censored,
            },
            totals: Totals::default(),
            last_seq,
            thinned: 0,
            output: None,
        }
    }

    #[test]
    fn a_richer_end_replaces_a_poorer_one_and_never_the_other_way() {
        let mut state = AttemptState::default();
        assert!(state.end(halt(true, None)));
        assert!(!state.end(halt(true, None)));
        assert!(state.end(halt(false, Some(3))));
        assert!(!state.end(halt(true, None)));
        assert_eq!(state.run().end.unwrap().reason, Reason::Completed);
    }

    #[test]
    fn why_a_runner_was_told_to_end_is_taken_from_who_knows() {
        let because = |reason| {
            let mut halt = halt(false, Some(3));
            halt.end.reason = reason;
            halt
        };
        let mut state = AttemptState::default();
        assert!(state.end(because(Reason::Terminated)));
        assert!(state.end(because(Reason::Evicted)));
        assert!(!state.end(because(Reason::Terminated)));
        let end = state.run().end.unwrap();
        assert_eq!((end.reason, end.exit_code), (Reason::Evicted, Some(0)));
    }

    proptest! {
        #[test]
        fn every_reading_is_taken_once_whatever_repeats(
            seqs in prop::collection::vec(0u64..30, 0..100),
            last in 0u64..40,
        ) {
            let mut state = AttemptState::default();
            let taken: Vec<_> = seqs.iter().filter(|s| state.take(&reading(**s)).is_some()).collect();
            prop_assert!(taken.windows(2).all(|w| w[0] < w[1]));
            let highest = seqs.iter().max().copied();
            state.end(halt(false, Some(last)));
            prop_assert_eq!(state.is_drained(), highest.is_some_and(|h| h >= last));
            let quality = state.run().quality;
            let expected = highest.map_or(last + 1, |h| (h + 1).max(last + 1));
            prop_assert_eq!(quality.samples + quality.missed_samples, expected);
        }
    }
}
