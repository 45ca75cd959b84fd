//! Counters since the baseline. Pure.

/// A counter that starts with 0 at the baseline and never falls.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counter {
    base: Option<i128>,
    last: u64,
}

impl Counter {
    /// Takes the kernel's value less the caller's own part. At the baseline this notes where the
    /// counter stood; one that could not be read then stays `None`.
    pub(crate) fn advance(&mut self, baseline: bool, whole: Option<u64>, own: u64) -> Option<u64> {
        let now = i128::from(whole?) - i128::from(own);
        if baseline {
            self.base = Some(now);
        }
        let since = u64::try_from(now - self.base?).unwrap_or(0);
        self.last = self.last.max(since);
        Some(self.last)
    }
}

/// The split of CPU time, nanoseconds: neither part falls and their sum is the usage.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Split {
    usage: u64,
    system: u64,
}

impl Split {
    /// Takes the usage and what the kernel's tick says of the part in the kernel, both since the
    /// baseline. Returns (user, system).
    pub(crate) fn advance(&mut self, usage: u64, system: u64) -> (u64, u64) {
        let more = usage.saturating_sub(self.usage);
        self.system += system.saturating_sub(self.system).min(more);
        self.usage += more;
        (self.usage - self.system, self.system)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_baseline_no_value() {
        let mut counter = Counter::default();
        assert_eq!(counter.advance(true, None, 0), None);
        assert_eq!(counter.advance(false, Some(7), 0), None);
        let mut counter = Counter::default();
        assert_eq!(counter.advance(true, Some(7), 9), Some(0));
        assert_eq!(counter.advance(false, Some(17), 12), Some(7));
    }

    proptest! {
        #[test]
        fn counters_never_fall(values in proptest::collection::vec((any::<u64>(), any::<u64>()), 1..20)) {
            let (mut counter, mut last) = (Counter::default(), 0);
            for (index, (whole, own)) in values.into_iter().enumerate() {
                let now = counter.advance(index == 0, Some(whole), own).unwrap();
                prop_assert!(now >= last && (index > 0 || now == 0));
                last = now;
            }
        }

        #[test]
        fn parts_never_fall_and_sum_up(values in proptest::collection::vec((0..u64::MAX / 2, any::<u64>()), 1..20)) {
            let (mut split, mut usage, mut last) = (Split::default(), 0, (0, 0));
            for (more, system) in values {
                usage = more.max(usage);
                let (user, system) = split.advance(usage, system);
                prop_assert!(user >= last.0 && system >= last.1 && user + system == usage);
                last = (user, system);
            }
        }
    }
}
