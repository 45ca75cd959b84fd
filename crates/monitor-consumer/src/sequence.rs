//! Gaps in an attempt's sequence numbers.

use model::Sample;

/// How far an attempt's sequence numbers have come.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    next: Option<u64>,
    lost: u64,
}

impl Sequence {
    /// Notes a sample; how many were lost on the way to here, for which nobody else has accounted.
    pub(crate) fn note(&mut self, sample: &Sample) -> u64 {
        let seq = sample.reading.seq;
        let skipped = self.next.map_or(0, |next| seq.saturating_sub(next));
        let lost = skipped.saturating_sub(sample.missed_before);
        self.next = Some(self.next.unwrap_or(0).max(seq.saturating_add(1)));
        self.lost += lost;
        lost
    }

    /// How many were lost so far.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use model::{Reading, Values};

    use super::*;

    fn sample(seq: u64, missed_before: u64) -> Sample {
        let reading = Reading {
            seq,
            ..Reading::default()
        };
        Sample {
            reading,
            values: Values::default(),
            missed_before,
        }
    }

    #[test]
    fn gaps_that_nobody_accounts_for_are_lost() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.note(&sample(0, 0)), 0);
        assert_eq!(sequence.note(&sample(1, 0)), 0);
        assert_eq!(sequence.note(&sample(1, 0)), 0, "a repetition is no gap");
        assert_eq!(sequence.note(&sample(5, 3)), 0, "the producer has said so");
        assert_eq!(sequence.note(&sample(9, 1)), 2);
        assert_eq!(sequence.lost(), 2);
    }

    #[test]
    fn a_consumer_that_starts_in_the_middle_claims_no_gap() {
        assert_eq!(Sequence::default().note(&sample(70, 0)), 0);
    }
}
