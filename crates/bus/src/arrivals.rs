//! How readers of the embedded broker know that something came.
//!
//! The in-memory broker answers an empty fetch only when the fetch's wait is over, even if records
//! came meanwhile. Asking often would cost more of a processor than a task monitor may take
//! (measured: 0.15 ms of CPU a fetch, 10 % of a core for three readers that ask every 5 ms), asking
//! seldom would make every step of an order late. But the broker lives in this process and says
//! in its debug log what it appends where. So: readers fetch only while there is something to
//! fetch, and an announcement in that log wakes them.
//!
//! The log's text is no contract. The delivery report of every record that this process publishes
//! checks that its announcement was understood; if one wasn't, readers go over to asking often.

use std::{
    collections::HashMap,
    sync::{
        Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use tracing::warn;

use crate::{bus::lock, feed::Feed};

/// What the embedded broker holds, and who wants to know.
#[derive(Default)]
pub(crate) struct Arrivals {
    /// For each topic the offset behind its last record.
    ends: Mutex<HashMap<String, i64>>,
    feeds: Mutex<Vec<Weak<Feed>>>,
    silent: AtomicBool,
}

impl Arrivals {
    /// From now on the feed is told what comes.
    pub(crate) fn tell(&self, feed: Weak<Feed>) {
        let mut feeds = lock(&self.feeds);
        feeds.retain(|feed| feed.strong_count() > 0);
        feeds.push(feed);
    }

    /// The offset behind a topic's last record; as far off as can be if that can't be known.
    pub(crate) fn end(&self, topic: &str) -> i64 {
        if self.silent.load(Ordering::SeqCst) {
            return i64::MAX;
        }
        lock(&self.ends).get(topic).copied().unwrap_or(0)
    }

    /// Takes a line of the broker's log.
    pub(crate) fn heard(&self, line: &str) {
        if let Some((topic, end)) = announcement(line) {
            lock(&self.ends).insert(topic.to_owned(), end);
            for feed in self.feeds() {
                feed.arrived(topic, end);
            }
        }
    }

    /// Takes the place of a record that the broker has confirmed, and that it must have announced.
    pub(crate) fn confirmed(&self, topic: &str, offset: i64) {
        if self.end(topic) > offset || self.silent.swap(true, Ordering::SeqCst) {
            return;
        }
        warn!(
            "the embedded broker doesn't announce its records as expected; readers ask for them \
             instead, which costs processor time. Please report this with your version of Podometer"
        );
        for feed in self.feeds() {
            feed.arrived_everywhere();
        }
    }

    fn feeds(&self) -> Vec<std::sync::Arc<Feed>> {
        lock(&self.feeds).iter().filter_map(Weak::upgrade).collect()
    }
}

/// Reads `... Log append TOPIC [0] 1 messages, 99 bytes at offset 5 (log now 2..6, ...)`: the topic
/// and the offset behind its last record. All topics here have the one partition.
fn announcement(line: &str) -> Option<(&str, i64)> {
    let (topic, rest) = line.split_once("Log append ")?.1.split_once(" [")?;
    let (_, range) = rest.split_once("(log now ")?;
    let (_, end) = range.split_once("..")?;
    let digits = end.find(|c: char| !c.is_ascii_digit()).unwrap_or(end.len());
    Some((topic, end[..digits].parse().ok()?))
}

/// Where reading a partition stands. Pure: it only decides.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The offset to be read next.
    next: i64,
    /// The offset behind the last record that is known of.
    end: i64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The client doesn't know of it.
    Idle,
    Fetching,
    Paused,
}

/// What the client is to do with a partition.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Begin to fetch it at this offset.
    Assign(i64),
    /// Go on to fetch it at this offset.
    Resume(i64),
}

impl Position {
    /// A partition to be read from `start` on that ends at `end`. Without a start that is still to
    /// come it begins at the oldest record.
    pub(crate) fn new(start: i64, end: i64) -> Self {
        Self {
            next: if start > end { 0 } else { start },
            end: 0,
            state: State::Idle,
        }
    }

    /// The partition now ends at `end`.
    pub(crate) fn arrived(&mut self, end: i64) -> Option<Step> {
        self.end = self.end.max(end);
        if self.next >= self.end {
            return None;
        }
        match std::mem::replace(&mut self.state, State::Fetching) {
            State::Idle => Some(Step::Assign(self.next)),
            State::Paused => Some(Step::Resume(self.next)),
            State::Fetching => None,
        }
    }

    /// The record at `offset` was read: whether fetching should pause. `None` if it is an old one
    /// that came again.
    pub(crate) fn read(&mut self, offset: i64) -> Option<bool> {
        if offset < self.next {
            return None;
        }
        self.next = offset + 1;
        let pause = self.next >= self.end && self.state == State::Fetching;
        if pause {
            self.state = State::Paused;
        }
        Some(pause)
    }

    /// The offset to be read next.
    pub(crate) fn next(&self) -> i64 {
        self.next
    }

    /// Whether the client knows of the partition.
    pub(crate) fn is_assigned(&self) -> bool {
        self.state != State::Idle
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_log() {
        let line = "[thrd:mock]: Broker 1: Log append taskleaf-1 [0] 2 messages, 300 bytes at \
                    offset 4 (log now 1..6, original start 0)";
        assert_eq!(announcement(line), Some(("taskleaf-1", 6)));
        let failed = "Broker 1: Log append x [0] failed: PID mismatch: TransactionalId=";
        assert_eq!(announcement(failed), None);
        assert_eq!(announcement("Broker 1: Received FetchRequestV16"), None);
    }

    #[test]
    fn fetches_only_what_is_there() {
        let mut position = Position::new(0, 0);
        assert_eq!(position.arrived(0), None);
        assert_eq!(position.arrived(2), Some(Step::Assign(0)));
        assert_eq!(position.read(0), Some(false));
        assert_eq!(position.arrived(3), None);
        assert_eq!(position.read(1), Some(false));
        assert_eq!(position.read(2), Some(true));
        assert_eq!(position.read(1), None);
        assert_eq!(position.arrived(5), Some(Step::Resume(3)));
    }

    #[test]
    fn a_start_that_never_was_is_the_oldest() {
        assert_eq!(Position::new(9, 4).arrived(4), Some(Step::Assign(0)));
        assert_eq!(Position::new(4, 4).arrived(5), Some(Step::Assign(4)));
    }

    proptest! {
        #[test]
        fn any_line_parses_or_not(line in ".*", tail in ".*") {
            let _ = announcement(&line);
            let _ = announcement(&format!("Log append {line} [0] (log now 0..{tail}"));
        }

        /// Whatever comes when: it fetches exactly while something is left.
        #[test]
        fn fetches_while_something_is_left(steps in prop::collection::vec((any::<bool>(), 1i64..4), 0..60)) {
            let mut position = Position::new(0, 0);
            let mut end = 0;
            for (arrives, count) in steps {
                if arrives {
                    end += count;
                    position.arrived(end);
                } else {
                    for _ in 0..count {
                        if position.next < end {
                            let offset = position.next;
                            position.read(offset);
                        }
                    }
                }
                prop_assert_eq!(position.state == State::Fetching, position.next < end);
            }
        }
    }
}
