//! What it takes to carry an order's samples from the broker to the store. Pure.

use model::Timestamp;
use store::Pipeline;

/// The shortest delay that is told apart, seconds.
const LEAST: f64 = 1e-4;
/// How much longer each class of delays is than the one before: quantiles are exact to this.
const STEP: f64 = 1.05;
/// Up to an hour.
const CLASSES: usize = 360;

/// What was counted of one order so far.
#[derive(Debug)]
pub(crate) struct Carried {
    messages: u64,
    bytes: u64,
    batches: u64,
    samples: u64,
    delays: Box<[u32; CLASSES]>,
    longest_us: Option<i64>,
}

impl Default for Carried {
    fn default() -> Self {
        Self {
            messages: 0,
            bytes: 0,
            batches: 0,
            samples: 0,
            delays: Box::new([0; CLASSES]),
            longest_us: None,
        }
    }
}

impl Carried {
    /// A record of it was read.
    pub(crate) fn read(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
    }

    /// A batch holds some of it.
    pub(crate) fn batch(&mut self) {
        self.batches += 1;
    }

    /// A sample of it is stored. Where clocks differ, it may seem to be stored before it was taken: then
    /// its delay counts as none.
    pub(crate) fn stored(&mut self, taken: Timestamp, now: Timestamp) {
        let delay_us = now.0.saturating_sub(taken.0).max(0);
        self.samples += 1;
        self.delays[class(delay_us as f64 / 1e6)] += 1;
        self.longest_us = self.longest_us.max(Some(delay_us));
    }

    /// All of it.
    pub(crate) fn sum(&self) -> Pipeline {
        Pipeline {
            messages: self.messages,
            bytes: self.bytes,
            batches: self.batches,
            samples: self.samples,
            delay_p50_seconds: self.quantile(0.5),
            delay_p99_seconds: self.quantile(0.99),
            delay_max_seconds: self.longest(),
        }
    }

    fn longest(&self) -> Option<f64> {
        self.longest_us.map(|us| us as f64 / 1e6)
    }

    /// The upper end of the class that the quantile is in.
    fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = (self.samples as f64 * share).ceil() as u64;
        let mut upto = 0;
        let class = self.delays.iter().position(|count| {
            upto += u64::from(*count);
            upto >= wanted
        })?;
        let upper = LEAST * STEP.powi(class as i32);
        self.longest().map(|longest| upper.min(longest))
    }
}

fn class(seconds: f64) -> usize {
    let class = (seconds / LEAST).max(1.0).log(STEP).ceil();
    (class as usize).min(CLASSES - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_stored_has_no_delay() {
        let mut carried = Carried::default();
        carried.read(300);
        let expected = Pipeline {
            messages: 1,
            bytes: 300,
            ..Pipeline::default()
        };
        assert_eq!(carried.sum(), expected);
    }

    #[test]
    fn a_clock_that_is_ahead_is_no_negative_delay() {
        let mut carried = Carried::default();
        carried.stored(Timestamp(10), Timestamp(5));
        assert_eq!(carried.sum().delay_max_seconds, Some(0.0));
        assert_eq!(carried.sum().delay_p50_seconds, Some(0.0));
    }

    proptest! {
        #[test]
        fn quantiles_are_right_to_the_step(mut delays in prop::collection::vec(100i64..3_000_000_000, 1..200)) {
            let mut carried = Carried::default();
            for delay in &delays {
                carried.stored(Timestamp(0), Timestamp(*delay));
            }
            delays.sort_unstable();
            let sum = carried.sum();
            for (share, found) in [(0.5, sum.delay_p50_seconds), (0.99, sum.delay_p99_seconds)] {
                let rank = (delays.len() as f64 * share).ceil() as usize;
                let exact = delays[rank - 1] as f64 / 1e6;
                let found = found.unwrap();
                prop_assert!(found >= exact * 0.999 && found <= exact * STEP * 1.001, "{exact} {found}");
            }
            prop_assert_eq!(sum.delay_max_seconds, delays.last().map(|us| *us as f64 / 1e6));
        }
    }
}
