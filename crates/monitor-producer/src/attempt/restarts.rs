//! Whatever is acknowledged, thinned out, broken off or started anew: nothing is lost or counted as
//! lost that wasn't.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use model::{Reading, Resource, Sample, Timestamp, reading::Counters};
use proptest::prelude::*;

use super::AttemptState;

/// Uneven, so that a rate tells from which reading to which it is.
fn reading(seq: u64) -> Reading {
    Reading {
        seq,
        time_us: Timestamp(seq as i64 * 1_000_000),
        counters: Counters {
            cpu_usage_nsec: Some(seq * seq * 1_000_000_000),
            ..Counters::default()
        },
        ..Reading::default()
    }
}

/// What happens, one after another.
#[derive(Debug, Clone)]
enum Happens {
    /// The runner takes so many readings.
    Taken(u64),
    /// Its room is full.
    Thinned,
    /// The producer is told so many readings.
    Told(usize),
    /// All that it was told is with the broker or on disk, and acknowledged.
    Safe,
    /// The connection breaks.
    Broken,
    /// The producer is killed; what it was told is on disk or not, and never acknowledged.
    Killed { kept: bool },
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => (1u64..9).prop_map(Happens::Taken),
        1 => Just(Happens::Thinned),
        4 => (1usize..9).prop_map(Happens::Told),
        3 => Just(Happens::Safe),
        1 => Just(Happens::Broken),
        1 => any::<bool>().prop_map(|kept| Happens::Killed { kept }),
    ]
}

#[derive(Default)]
struct World {
    /// The runner: as in `task_runner::retained`.
    taken: u64,
    unacknowledged: VecDeque<u64>,
    acknowledged: Option<u64>,
    thinned: BTreeSet<u64>,
    /// The connection: how far the runner has told.
    told: Option<u64>,
    state: AttemptState,
    /// Taken by this producer, not safe yet.
    pending: Vec<Sample>,
    /// The first word stands, as in the store.
    published: BTreeMap<u64, Sample>,
    killed: bool,
}

impl World {
    fn new() -> Self {
        let mut world = Self::default();
        world.run(&Happens::Taken(1));
        world.begin();
        world
    }

    /// A producer reads ORDER, with the baseline in it, and connects.
    fn begin(&mut self) {
        self.take(0);
        self.connect();
    }

    fn connect(&mut self) {
        self.told = self.acknowledged;
        if let Some(base) = self.acknowledged {
            self.state.base(&reading(base));
        }
    }

    fn take(&mut self, seq: u64) {
        self.pending.extend(self.state.take(&reading(seq)));
    }

    fn publish(&mut self) -> Option<u64> {
        let last = self.pending.last().map(|sample| sample.reading.seq);
        for sample in self.pending.drain(..) {
            self.published.entry(sample.reading.seq).or_insert(sample);
        }
        last
    }

    fn run(&mut self, happens: &Happens) {
        match *happens {
            Happens::Taken(count) => {
                self.unacknowledged.extend(self.taken..self.taken + count);
                self.taken += count;
            }
            Happens::Thinned => {
                let all = std::mem::take(&mut self.unacknowledged);
                let last = all.len().wrapping_sub(1);
                for (index, seq) in all.into_iter().enumerate() {
                    if index % 2 == 0 || index == last {
                        self.unacknowledged.push_back(seq);
                    } else {
                        self.thinned.insert(seq);
                    }
                }
            }
            Happens::Told(count) => {
                let told = self.told;
                let new = |seq: &&u64| told.is_none_or(|told| **seq > told);
                let next: Vec<_> = self
                    .unacknowledged
                    .iter()
                    .filter(new)
                    .take(count)
                    .copied()
                    .collect();
                self.told = next.last().copied().or(self.told);
                for seq in next {
                    self.take(seq);
                }
            }
            Happens::Safe => {
                if let Some(last) = self.publish() {
                    while self.unacknowledged.front().is_some_and(|seq| *seq <= last) {
                        self.acknowledged = self.unacknowledged.pop_front();
                    }
                }
            }
            Happens::Broken => self.connect(),
            Happens::Killed { kept } => {
                self.killed = true;
                let known = self.state.last;
                self.state = AttemptState::default();
                if kept {
                    self.publish();
                    self.state.last = known;
                }
                self.pending.clear();
                self.begin();
            }
        }
    }

    /// BACKLOG: the base and all that isn't acknowledged.
    fn end(&mut self) {
        if let Some(base) = self.acknowledged {
            self.state.base(&reading(base));
        }
        let backlog: Vec<_> = self.unacknowledged.iter().copied().collect();
        for seq in backlog {
            self.take(seq);
        }
        self.publish();
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_or_said_to_be(all in prop::collection::vec(happens(), 0..80)) {
        let mut world = World::new();
        for happens in &all {
            world.run(happens);
        }
        world.run(&Happens::Taken(1));
        world.end();
        let mut said_missed = BTreeSet::new();
        for (seq, sample) in &world.published {
            let missed = sample.missed_before;
            said_missed.extend(seq - missed..*seq);
            let Some(previous) = seq.checked_sub(missed + 1) else {
                prop_assert_eq!((*seq, missed), (0, 0), "the baseline is never missed");
                continue;
            };
            // The mean of the squares' growth from one to the other.
            let rate = sample.values.get(Resource::Cpu).unwrap();
            let expected = (seq * seq - previous * previous) as f64 / (seq - previous) as f64;
            prop_assert!((rate - expected).abs() < 1e-9, "{seq}: {rate} since {previous}");
        }
        let all: BTreeSet<_> = (0..world.taken).collect();
        let unpublished: BTreeSet<_> = all.into_iter().filter(|s| !world.published.contains_key(s)).collect();
        prop_assert!(unpublished.is_subset(&world.thinned), "{unpublished:?}");
        prop_assert!(said_missed.is_subset(&world.thinned), "{said_missed:?}");
        prop_assert!(said_missed.is_superset(&unpublished));
        let run = world.state.run().quality;
        prop_assert!(run.missed_samples <= world.thinned.len() as u64);
        if !world.killed {
            prop_assert_eq!(&said_missed, &unpublished);
            prop_assert_eq!(run.missed_samples, unpublished.len() as u64);
            prop_assert_eq!(run.samples, world.published.len() as u64);
        }
    }
}
