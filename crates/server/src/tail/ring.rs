//! The events of the last while, bounded by number and bytes, each with its own number.

use std::{collections::VecDeque, fmt, str::FromStr};

use bytes::Bytes;
use model::OrderId;

/// An event as it goes out.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// The order that it is about.
    pub(crate) order: OrderId,
    /// Its text on the stream.
    pub(crate) frame: Bytes,
}

/// What names an event: which life of the tail, and its number in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventId {
    pub(crate) epoch: u32,
    pub(crate) number: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{}", self.epoch, self.number)
    }
}

impl FromStr for EventId {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (epoch, number) = text.split_once('-').ok_or(())?;
        Ok(Self {
            epoch: u32::from_str_radix(epoch, 16).map_err(drop)?,
            number: number.parse().map_err(drop)?,
        })
    }
}

/// What a watcher finds at its place.
#[derive(Debug)]
pub(crate) enum Found {
    /// These events; the place after them.
    Events(Vec<Event>, u64),
    /// Its place is no longer held.
    Fallen,
}

/// The events.
#[derive(Debug)]
pub(crate) struct Ring {
    events: VecDeque<Event>,
    bytes: usize,
    /// The number of the next event.
    next: u64,
    max_events: usize,
    max_bytes: usize,
}

/// Events that a watcher takes at once.
const AT_ONCE: usize = 64;

impl Ring {
    pub(crate) fn new(max_events: usize, max_bytes: usize) -> Self {
        Self {
            events: VecDeque::new(),
            bytes: 0,
            next: 1,
            max_events,
            max_bytes,
        }
    }

    /// The number of the next event.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// The number of the oldest event that is held.
    fn first(&self) -> u64 {
        self.next - self.events.len() as u64
    }

    /// Whether a watcher may go on at this place.
    pub(crate) fn holds(&self, place: u64) -> bool {
        (self.first()..=self.next).contains(&place)
    }

    pub(crate) fn push(&mut self, event: Event) {
        self.bytes += event.frame.len();
        self.events.push_back(event);
        self.next += 1;
        while self.events.len() > self.max_events || self.bytes > self.max_bytes {
            let Some(gone) = self.events.pop_front() else {
                return;
            };
            self.bytes -= gone.frame.len();
        }
    }

    pub(crate) fn read(&self, place: u64) -> Found {
        if !self.holds(place) {
            return Found::Fallen;
        }
        let from = (place - self.first()) as usize;
        let events: Vec<_> = self.events.range(from..).take(AT_ONCE).cloned().collect();
        let after = place + events.len() as u64;
        Found::Events(events, after)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(number: u64, size: usize) -> Event {
        let mut text = number.to_string().into_bytes();
        text.resize(text.len().max(size), b' ');
        Event {
            order: "leaf".parse().unwrap(),
            frame: text.into(),
        }
    }

    fn number(event: &Event) -> u64 {
        String::from_utf8_lossy(&event.frame)
            .trim()
            .parse()
            .unwrap()
    }

    #[test]
    fn ids_print_and_parse() {
        let id = EventId {
            epoch: 0xab,
            number: 7,
        };
        assert_eq!(id.to_string(), "000000ab-7");
        assert_eq!("000000ab-7".parse(), Ok(id));
        for bad in ["", "-", "x-1", "1", "1-", "1--1", "123456789-1"] {
            assert!(bad.parse::<EventId>().is_err(), "{bad}");
        }
    }

    /// What happens: an event of a size, or a watcher that reads.
    fn steps() -> impl Strategy<Value = Vec<Option<usize>>> {
        prop::collection::vec(prop::option::of(1usize..40), 1..400)
    }

    proptest! {
        #[test]
        fn a_watcher_misses_nothing_and_sees_nothing_twice_or_is_told(
            steps in steps(), max_events in 1usize..50, max_bytes in 40usize..800,
        ) {
            let mut ring = Ring::new(max_events, max_bytes);
            let mut place = ring.next();
            for step in steps {
                match step {
                    Some(size) => ring.push(event(ring.next(), size)),
                    None => match ring.read(place) {
                        Found::Events(events, after) => {
                            let seen: Vec<_> = events.iter().map(number).collect();
                            prop_assert_eq!(seen, (place..after).collect::<Vec<_>>());
                            place = after;
                        }
                        Found::Fallen => {
                            prop_assert!(place < ring.first());
                            place = ring.next();
                        }
                    },
                }
                prop_assert!(ring.events.len() <= max_events && ring.bytes <= max_bytes);
                prop_assert_eq!(ring.bytes, ring.events.iter().map(|e| e.frame.len()).sum::<usize>());
            }
        }
    }
}
