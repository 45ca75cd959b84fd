//! Fewer samples that look the same: of each stretch those where a resource is lowest and highest.

use std::collections::BTreeMap;

use model::Resource;
use store::StoredSample;

/// Thins the samples of a run as they come. It holds what it keeps of one stretch.
pub(super) struct Thin {
    /// Those whose extremes are kept.
    resources: Vec<Resource>,
    /// How many stretches, and how many samples there are.
    stretches: usize,
    stored: usize,
    /// How many came.
    came: usize,
    stretch: usize,
    /// For each resource the places of its lowest and highest sample.
    extremes: Vec<Option<(usize, usize)>>,
    /// The samples at those places.
    held: BTreeMap<usize, StoredSample>,
    last: Option<(usize, StoredSample)>,
    /// How many readings were missed up to now, and up to the last sample that was kept for good. Samples that are held
    /// have the former in place of how many were missed before them.
    missed: u64,
    told: u64,
}

impl Thin {
    /// At most `most` samples (2 or more) of about so many: the first, the last, and extremes. Where `most`
    /// isn't enough for two of each resource, only the first resources' extremes are kept.
    pub(super) fn new(most: usize, stored: usize, resources: &[Resource]) -> Self {
        let room = most.saturating_sub(2);
        let kept = resources.len().min(room / 2);
        let resources = resources[..kept].to_vec();
        Self {
            stretches: if kept == 0 {
                1
            } else {
                (room / (2 * kept)).max(1)
            },
            extremes: vec![None; kept],
            resources,
            stored,
            came: 0,
            stretch: 0,
            held: BTreeMap::new(),
            last: None,
            missed: 0,
            told: 0,
        }
    }

    /// Takes the next sample; what of those before is kept for good. What was missed before one that isn't kept was
    /// missed before the next one that is.
    pub(super) fn take(&mut self, sample: &StoredSample) -> Vec<StoredSample> {
        let place = self.came;
        self.came += 1;
        self.missed += sample.flags.missed_before;
        let mut sample = *sample;
        sample.flags.missed_before = self.missed;
        // More may have been stored since they were counted: those belong to the last stretch.
        let stretch = (place * self.stretches / self.stored.max(1)).min(self.stretches - 1);
        let mut kept = Vec::new();
        if stretch > self.stretch {
            self.stretch = stretch;
            kept = self.flush();
        }
        self.last = Some((place, sample));
        if place == 0 {
            kept.push(sample);
        } else {
            self.compare(place, &sample);
        }
        self.telling(kept)
    }

    fn compare(&mut self, place: usize, sample: &StoredSample) {
        for (at, resource) in self.resources.iter().enumerate() {
            let Some(value) = sample.values.get(*resource) else {
                continue;
            };
            let of = |place: usize| self.held.get(&place).and_then(|s| s.values.get(*resource));
            let (low, high) = self.extremes[at].unwrap_or((place, place));
            let low = if of(low).is_none_or(|lowest| value < lowest) {
                place
            } else {
                low
            };
            let high = if of(high).is_none_or(|highest| value > highest) {
                place
            } else {
                high
            };
            self.extremes[at] = Some((low, high));
            if low == place || high == place {
                self.held.insert(place, *sample);
            }
        }
        let extremes = &self.extremes;
        let is_extreme = |place: usize| {
            extremes
                .iter()
                .flatten()
                .any(|(low, high)| *low == place || *high == place)
        };
        self.held.retain(|place, _| is_extreme(*place));
    }

    /// What is kept of the stretch, in order.
    fn flush(&mut self) -> Vec<StoredSample> {
        self.extremes.fill(None);
        std::mem::take(&mut self.held).into_values().collect()
    }

    /// With how many were missed before each since the one before.
    fn telling(&mut self, mut kept: Vec<StoredSample>) -> Vec<StoredSample> {
        for sample in &mut kept {
            let missed = &mut sample.flags.missed_before;
            *missed -= std::mem::replace(&mut self.told, *missed);
        }
        kept
    }

    /// What is left at the end: of the last stretch, and the last sample.
    pub(super) fn end(mut self) -> Vec<StoredSample> {
        let last = self.last.take();
        if let Some((place, sample)) = last.filter(|(place, _)| *place > 0) {
            self.held.insert(place, sample);
        }
        let held = std::mem::take(&mut self.held);
        self.telling(held.into_values().collect())
    }
}

#[cfg(test)]
mod tests {
    use model::{Timestamp, Values};
    use proptest::prelude::*;
    use store::SampleFlags;

    use super::*;

    const TWO: [Resource; 2] = [Resource::Cpu, Resource::Memory];

    fn sample(seq: usize, cpu: Option<f64>, memory: f64) -> StoredSample {
        let mut values = Values::default();
        values.set(Resource::Cpu, cpu);
        values.set(Resource::Memory, Some(memory));
        StoredSample {
            time: Timestamp(seq as i64),
            seq: seq as u64,
            values,
            flags: SampleFlags {
                missed_before: seq as u64 % 3,
                ..SampleFlags::default()
            },
        }
    }

    fn thinned(samples: &[StoredSample], most: usize, said: usize) -> Vec<StoredSample> {
        let mut thin = Thin::new(most, said, &TWO);
        let mut left: Vec<_> = samples.iter().flat_map(|s| thin.take(s)).collect();
        left.extend(thin.end());
        left
    }

    proptest! {
        #[test]
        fn few_are_left_in_order_with_the_first_the_last_and_the_extremes(
            values in prop::collection::vec((prop::option::of(0.0..9.0f64), 0.0..9.0f64), 1..300),
            most in 2usize..60,
            more in 0usize..20,
        ) {
            let samples: Vec<_> = values.iter().enumerate().map(|(n, (c, m))| sample(n, *c, *m)).collect();
            let left = thinned(&samples, most, samples.len().saturating_sub(more).max(1));
            prop_assert!(left.len() <= most, "{} of {most}", left.len());
            prop_assert!(left.windows(2).all(|pair| pair[0].seq < pair[1].seq));
            let values = |sample: Option<&StoredSample>| sample.map(|s| (s.seq, s.values));
            prop_assert_eq!(values(left.first()), values(samples.first()));
            prop_assert_eq!(values(left.last()), values(samples.last()));
            let missed = |list: &[StoredSample]| list.iter().map(|s| s.flags.missed_before).sum::<u64>();
            prop_assert_eq!(missed(&left), missed(&samples));
            let memory = |list: &[StoredSample]| {
                let all = list.iter().filter_map(|s| s.values.get(Resource::Memory));
                (all.clone().fold(f64::MAX, f64::min), all.fold(f64::MIN, f64::max))
            };
            if most >= 6 {
                prop_assert_eq!(memory(&left), memory(&samples));
            }
        }
    }
}
