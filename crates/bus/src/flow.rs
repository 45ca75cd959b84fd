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

    fn forgive(&mut self) {
        self.stored(i64::MAX);
    }
}

impl<T> Window<T> {
    /// Drops the line.
    pub(crate) fn clear(&mut self) {
        self.line.clear();
    }
}
