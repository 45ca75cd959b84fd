//! Where a reader stands in its topics. Pure: it only decides.

use std::{collections::HashMap, sync::Arc};

use crate::arrivals::Position;

/// The topics that are read.
#[derive(Default)]
pub(crate) struct Progress {
    pub(crate) topics: HashMap<Arc<str>, Reading>,
    /// Records that the broker dropped before they were read.
    pub(crate) dropped: u64,
}

/// How a topic is read.
pub(crate) enum Reading {
    /// On a Kafka: the broker holds an empty fetch open until something comes. One for each
    /// partition; those that aren't read have none.
    Always(Vec<Option<Cursor>>),
    /// On the embedded broker: only while there is something.
    Announced(Position),
}

/// Where a partition is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The offset to be read next, where it is known.
    pub(crate) next: Option<i64>,
}

/// What to do with a record that came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Hand it on.
    Take(Gap),
    /// Hand it on, and fetch no more: it was the last one.
    TakeLast(Gap),
    /// It was on its way when its topic was removed, or came twice.
    Ignore,
}

/// What is between the offset that was to be read and the one that came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    /// Nothing.
    None,
    /// So many records that the broker dropped before they were read.
    Dropped(i64),
    /// There is no such offset: the topic ends before it.
    NotThere {
        /// The offset that was to be read.
        wanted: i64,
    },
}

impl Progress {
    /// Reads a partition from an offset on; `None`: from the first record that comes.
    pub(crate) fn begin(&mut self, topic: &Arc<str>, partition: i32, next: Option<i64>) {
        let fresh = || Reading::Always(Vec::new());
        let reading = self.topics.entry(Arc::clone(topic)).or_insert_with(fresh);
        let Reading::Always(cursors) = reading else {
            return;
        };
        let place = partition.max(0) as usize;
        if cursors.len() <= place {
            cursors.resize(place + 1, None);
        }
        cursors[place] = Some(Cursor { next });
    }

    /// Whether a partition is read.
    pub(crate) fn is_begun(&self, topic: &str, partition: i32) -> bool {
        match self.topics.get(topic) {
            Some(Reading::Always(cursors)) => {
                let cursor = cursors.get(partition.max(0) as usize);
                cursor.is_some_and(Option::is_some)
            }
            _ => false,
        }
    }

    /// Reads a partition no longer. `false` if it wasn't read.
    pub(crate) fn forget(&mut self, topic: &str, partition: i32) -> bool {
        let Some(Reading::Always(cursors)) = self.topics.get_mut(topic) else {
            return false;
        };
        let cursor = cursors.get_mut(partition.max(0) as usize);
        cursor.and_then(Option::take).is_some()
    }
}

impl Reading {
    /// A record came.
    pub(crate) fn read(&mut self, partition: i32, offset: i64) -> Verdict {
        match self {
            Self::Always(cursors) => {
                let cursor = usize::try_from(partition).ok();
                let cursor = cursor.and_then(|n| cursors.get_mut(n)?.as_mut());
                match cursor {
                    None => Verdict::Ignore,
                    Some(cursor) => Verdict::Take(gap(cursor.next.replace(offset + 1), offset)),
                }
            }
            Self::Announced(position) => {
                let expected = position.next();
                let Some(pause) = position.read(offset) else {
                    return Verdict::Ignore;
                };
                let gap = gap(Some(expected), offset);
                if pause {
                    Verdict::TakeLast(gap)
                } else {
                    Verdict::Take(gap)
                }
            }
        }
    }

    /// For each partition that is read the offset to be read next, where it is known.
    pub(crate) fn nexts(&self) -> Vec<(i32, i64)> {
        match self {
            Self::Announced(position) => vec![(0, position.next())],
            Self::Always(cursors) => (0..)
                .zip(cursors)
                .filter_map(|(n, cursor)| Some((n, cursor.as_ref()?.next?)))
                .collect(),
        }
    }

    /// The partitions that the client knows of.
    pub(crate) fn assigned(&self) -> Vec<i32> {
        match self {
            Self::Announced(position) if position.is_assigned() => vec![0],
            Self::Announced(_) => Vec::new(),
            Self::Always(cursors) => (0..)
                .zip(cursors)
                .filter_map(|(n, cursor)| cursor.map(|_| n))
                .collect(),
        }
    }
}

fn gap(expected: Option<i64>, offset: i64) -> Gap {
    match expected {
        Some(expected) if expected < offset => Gap::Dropped(offset - expected),
        Some(wanted) if wanted > offset => Gap::NotThere { wanted },
        _ => Gap::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(next: Option<i64>) -> Reading {
        Reading::Always(vec![None, Some(Cursor { next })])
    }

    #[test]
    fn gaps_are_seen() {
        let mut unknown = reading(None);
        assert_eq!(unknown.read(1, 7), Verdict::Take(Gap::None));
        assert_eq!(unknown.read(1, 8), Verdict::Take(Gap::None));
        assert_eq!(unknown.read(1, 12), Verdict::Take(Gap::Dropped(3)));
        assert_eq!(unknown.nexts(), [(1, 13)]);
        assert_eq!(unknown.assigned(), [1]);
    }

    #[test]
    fn an_offset_that_is_not_there_is_seen_once() {
        let mut ahead = reading(Some(90));
        assert_eq!(
            ahead.read(1, 3),
            Verdict::Take(Gap::NotThere { wanted: 90 })
        );
        assert_eq!(ahead.read(1, 4), Verdict::Take(Gap::None));
    }

    #[test]
    fn what_is_not_read_is_ignored() {
        for partition in [-1, 0, 2] {
            assert_eq!(reading(None).read(partition, 0), Verdict::Ignore);
        }
    }
}
