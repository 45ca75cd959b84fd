//! Which samples of an attempt have been told: they may be stored out of order.

use std::collections::BTreeSet;

/// How far behind the highest number a sample may come and still be told.
const WINDOW: u64 = 256;

/// The numbers that have been told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seqs {
    /// All below count as told.
    below: u64,
    /// Those from there on that have been.
    above: BTreeSet<u64>,
}

impl Seqs {
    /// So far up to `highest`, of which the last ones are to be [noted](Seqs::insert).
    pub(crate) fn up_to(highest: u64) -> Self {
        Self {
            below: (highest + 1).saturating_sub(WINDOW),
            above: BTreeSet::new(),
        }
    }

    /// Beyond which number samples are to be asked for; -1 for all.
    pub(crate) fn beyond(&self) -> i64 {
        self.below as i64 - 1
    }

    /// Notes one; false if it has been told, or comes too late to be known from one that has.
    pub(crate) fn insert(&mut self, seq: u64) -> bool {
        if seq < self.below || !self.above.insert(seq) {
            return false;
        }
        let highest = self.above.last().copied().unwrap_or(seq);
        self.below = self.below.max((highest + 1).saturating_sub(WINDOW));
        self.above = self.above.split_off(&self.below);
        while self.above.remove(&self.below) {
            self.below += 1;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_is_told_once_also_out_of_order(
            order in Just((0u64..200).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let mut seqs = Seqs::default();
            for seq in &order {
                prop_assert!(*seq as i64 > seqs.beyond());
                prop_assert!(seqs.insert(*seq));
                prop_assert!(!seqs.insert(*seq));
            }
            for seq in order {
                prop_assert!(!seqs.insert(seq));
            }
            prop_assert_eq!(seqs.beyond(), 199);
        }

        #[test]
        fn a_gap_is_not_asked_for_without_end(gap in 1u64..50, many in 400u64..2000) {
            let mut seqs = Seqs::default();
            for seq in (0..many).filter(|seq| *seq != gap) {
                prop_assert!(seqs.insert(seq));
            }
            prop_assert!(seqs.above.len() as u64 <= WINDOW);
            prop_assert_eq!(seqs.beyond(), many as i64 - 1);
        }
    }

    #[test]
    fn what_was_there_before_is_not_told() {
        let mut seqs = Seqs::up_to(1000);
        assert!(seqs.beyond() < 1000);
        for seq in seqs.beyond() as u64 + 1..=1000 {
            seqs.insert(seq);
        }
        assert_eq!(seqs.beyond(), 1000);
        assert!(!seqs.insert(3));
        assert!(seqs.insert(1001));
    }
}
