//! How much may be on its way on a topic.
//!
//! The in-memory broker drops the oldest records of a partition past 5 MB or 100,000 batches. A
//! record of a *controlled* topic therefore counts as being on its way until a reader has said that
//! it is stored ([`crate::Reader::stored`]); on every other topic until the broker has confirmed it.
//! What doesn't fit waits in line, in order.

use std::collections::VecDeque;

/// Bytes that may be on their way on one topic; less than half of what the broker keeps.
pub(crate) const MAX_BYTES: usize = 2 * 1024 * 1024;
/// Records that may be on their way on one topic.
pub(crate) const MAX_RECORDS: usize = 40_000;
/// What a record weighs on the broker beside its key, value and headers, bytes: the head of a batch
/// of one.
pub(crate) const OVERHEAD: usize = 96;

/// The window of one topic, with the line of those who wait for it. Pure: it only counts.
#[derive(Debug)]
pub(crate) struct Window<T> {
    bytes: usize,
    records: usize,
    /// Confirmed but not stored, by offset, ascending.
    unstored: VecDeque<(i64, usize)>,
    /// All below is stored.
    stored: i64,
    readers: usize,
    controlled: bool,
    line: VecDeque<(T, usize)>,
}

impl<T> Window<T> {
    /// An empty window. `controlled`: a record is on its way until it is stored.
    pub(crate) fn new(controlled: bool) -> Self {
        Self {
            bytes: 0,
            records: 0,
            unstored: VecDeque::new(),
            stored: 0,
            readers: 0,
            controlled,
            line: VecDeque::new(),
        }
    }

    /// Puts a record of so many bytes at the line's end; take it out by [`Self::next`].
    pub(crate) fn push(&mut self, record: T, bytes: usize) {
        self.line.push_back((record, bytes));
    }

    /// The record that may go now, with its weight, if one may. It then is on its way.
    pub(crate) fn next(&mut self) -> Option<(T, usize)> {
        let bytes = self.line.front()?.1;
        let fits = self.bytes + bytes <= MAX_BYTES && self.records < MAX_RECORDS;
        // One that is larger than the window goes when it is alone.
        if !fits && self.records > 0 {
            return None;
        }
        self.bytes += bytes;
        self.records += 1;
        self.line.pop_front()
    }

    fn release(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.records = self.records.saturating_sub(1);
    }

    /// The broker has confirmed a record at this offset, or refused it (`None`).
    pub(crate) fn confirmed(&mut self, offset: Option<i64>, bytes: usize) {
        match offset {
            Some(offset) if self.controlled && offset >= self.stored => {
                self.unstored.push_back((offset, bytes));
            }
            _ => self.release(bytes),
        }
    }

    /// All below `next_offset` is stored.
    pub(crate) fn stored(&mut self, next_offset: i64) {
        self.stored = self.stored.max(next_offset);
        while let Some((offset, bytes)) = self.unstored.front().copied()
            && offset < self.stored
        {
            self.unstored.pop_front();
            self.release(bytes);
        }
    }

    /// A reader has begun with the topic.
    pub(crate) fn reader_came(&mut self) {
        if self.readers == 0 && self.stored == i64::MAX {
            self.stored = 0;
        }
        self.readers += 1;
    }

    /// A reader has left the topic. Nobody waits for stores that can't come: without readers the
    /// topic counts only what isn't confirmed, until a reader comes again.
    pub(crate) fn reader_left(&mut self) {
        self.readers = self.readers.saturating_sub(1);
        if self.readers == 0 {
            self.forgive();
        }
    }

    /// From now on confirmed is enough.
    pub(crate) fn close(&mut self) {
        self.controlled = false;
        self.forgive();
    }

    /// Takes everybody out of the line.
    pub(crate) fn clear(&mut self) -> Vec<T> {
        self.line.drain(..).map(|(record, _)| record).collect()
    }

    fn forgive(&mut self) {
        self.stored(i64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HALF: usize = MAX_BYTES / 2;

    fn go(window: &mut Window<i64>) -> Vec<i64> {
        std::iter::from_fn(|| window.next().map(|(n, _)| n)).collect()
    }

    fn filled(controlled: bool) -> Window<i64> {
        let mut window = Window::new(controlled);
        for n in 0..5 {
            window.push(n, HALF);
        }
        assert_eq!(go(&mut window), [0, 1]);
        window
    }

    #[test]
    fn what_is_stored_makes_room() {
        let mut window = filled(true);
        window.reader_came();
        window.confirmed(Some(0), HALF);
        window.confirmed(Some(1), HALF);
        assert_eq!(go(&mut window), [0; 0]);
        window.stored(1);
        assert_eq!(go(&mut window), [2]);
        // Stored before the report of its delivery came.
        window.stored(3);
        assert_eq!(go(&mut window), [3]);
        window.confirmed(Some(2), HALF);
        assert_eq!(go(&mut window), [4]);
    }

    #[test]
    fn what_is_confirmed_makes_room_where_nobody_stores() {
        let mut window = filled(false);
        window.confirmed(Some(0), HALF);
        assert_eq!(go(&mut window), [2]);
        window.confirmed(None, HALF);
        assert_eq!(go(&mut window), [3]);
    }

    #[test]
    fn nobody_waits_for_a_reader_that_left() {
        let mut window = filled(true);
        window.reader_came();
        window.confirmed(Some(0), HALF);
        window.reader_left();
        assert_eq!(go(&mut window), [2]);
        window.confirmed(Some(1), HALF);
        assert_eq!(go(&mut window), [3]);
        window.reader_came();
        window.confirmed(Some(2), HALF);
        assert_eq!(go(&mut window), [0; 0]);
        window.close();
        assert_eq!(go(&mut window), [4]);
    }

    #[test]
    fn one_that_is_too_large_goes_alone() {
        let mut window = Window::new(true);
        window.push(0, 3 * MAX_BYTES);
        window.push(1, 1);
        assert_eq!(go(&mut window), [0]);
        window.confirmed(Some(0), 3 * MAX_BYTES);
        window.stored(1);
        assert_eq!(go(&mut window), [1]);
    }

    #[test]
    fn records_are_counted_too() {
        let mut window = Window::new(true);
        for n in 0..=MAX_RECORDS as i64 {
            window.push(n, 1);
        }
        assert_eq!(go(&mut window).len(), MAX_RECORDS);
    }

    proptest! {
        /// Never more than the window between what is published and what is stored, in order, and
        /// all of it in the end.
        #[test]
        fn bounded_ordered_complete(
            sizes in prop::collection::vec(1..MAX_BYTES, 1..60),
            stores in prop::collection::vec(1i64..5, 60),
        ) {
            let mut window = Window::new(true);
            window.reader_came();
            for (n, size) in sizes.iter().enumerate() {
                window.push(n as i64, *size);
            }
            let (mut sent, mut stored) = (Vec::new(), 0i64);
            for step in stores {
                for n in go(&mut window) {
                    sent.push(n);
                    window.confirmed(Some(n), sizes[n as usize]);
                }
                let held: usize = sizes[stored as usize..sent.len()].iter().sum();
                prop_assert!(held <= MAX_BYTES, "{held}");
                stored = (stored + step).min(sent.len() as i64);
                window.stored(stored);
            }
            prop_assert_eq!(sent, (0..sizes.len() as i64).collect::<Vec<_>>());
        }
    }
}
