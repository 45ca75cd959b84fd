//! The readings that no reader has acknowledged yet.

use std::collections::VecDeque;

use model::Reading;

/// What is kept at most, bytes (DESIGN.md section 6).
const MAX_BYTES: usize = 2 * 1024 * 1024;
const MAX_READINGS: usize = MAX_BYTES / size_of::<Reading>();

/// Readings in order of their sequence numbers.
#[derive(Debug, Default)]
pub(crate) struct Retained {
    unacknowledged: VecDeque<Reading>,
    last_acknowledged: Option<Reading>,
    thinned: u64,
    ended: bool,
}

impl Retained {
    pub(crate) fn push(&mut self, reading: &Reading) {
        if self.unacknowledged.len() >= MAX_READINGS {
            self.thin();
        }
        self.unacknowledged.push_back(*reading);
    }

    /// Drops every second reading but keeps the first and the last. Counters are cumulative, so
    /// totals stay right; what is lost is detail.
    fn thin(&mut self) {
        let (before, last) = (self.unacknowledged.len(), self.unacknowledged.len() - 1);
        let mut index = 0;
        self.unacknowledged.retain(|_| {
            index += 1;
            (index - 1) % 2 == 0 || index - 1 == last
        });
        self.thinned += (before - self.unacknowledged.len()) as u64;
    }

    pub(crate) fn acknowledge(&mut self, seq: u64) {
        while self.unacknowledged.front().is_some_and(|r| r.seq <= seq) {
            self.last_acknowledged = self.unacknowledged.pop_front();
        }
    }

    /// The base of the next rate for who has read nothing yet: the last acknowledged reading.
    pub(crate) fn base(&self) -> Option<Reading> {
        self.last_acknowledged
    }

    /// What a reader that has read up to `after` (nothing if `None`) must still be told.
    pub(crate) fn after(&self, after: Option<u64>) -> impl Iterator<Item = &Reading> {
        let new = move |r: &&Reading| after.is_none_or(|after| r.seq > after);
        self.unacknowledged.iter().filter(new)
    }

    pub(crate) fn thinned(&self) -> u64 {
        self.thinned
    }

    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reading(seq: u64) -> Reading {
        Reading {
            seq,
            ..Reading::default()
        }
    }

    #[test]
    fn a_new_reader_begins_after_the_last_acknowledged() {
        let mut retained = Retained::default();
        (0..5).for_each(|seq| retained.push(&reading(seq)));
        retained.acknowledge(2);
        let told: Vec<_> = retained.after(None).map(|r| r.seq).collect();
        assert_eq!(told, [3, 4]);
        assert_eq!(retained.base(), Some(reading(2)));
        let told: Vec<_> = retained.after(Some(3)).map(|r| r.seq).collect();
        assert_eq!(told, [4]);
    }

    proptest! {
        #[test]
        fn bounded_and_counted(count in 1u64..30_000, acks in prop::collection::vec(0u64..30_000, 0..4)) {
            let mut retained = Retained::default();
            let mut acknowledged = 0;
            for seq in 0..count {
                retained.push(&reading(seq));
                if acks.contains(&seq) {
                    acknowledged += retained.after(None).count() as u64;
                    retained.acknowledge(seq);
                }
            }
            let kept: Vec<_> = retained.after(None).map(|r| r.seq).collect();
            prop_assert!(kept.len() <= MAX_READINGS);
            prop_assert!(kept.is_sorted());
            prop_assert_eq!(kept.len() as u64 + retained.thinned() + acknowledged, count);
            if !acks.contains(&(count - 1)) {
                prop_assert_eq!(kept.last().copied(), Some(count - 1));
            }
        }
    }
}
