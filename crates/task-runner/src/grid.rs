//! When readings are taken: close together at first, then every period.

use std::time::Duration;

/// The first instants (and their likes, ten times later each) until the period takes over.
const DENSE: [u64; 3] = [10, 20, 50];

/// The first instant of the grid after `elapsed`, both counted from the command's start.
pub(crate) fn next_after(elapsed: Duration, period: Duration) -> Duration {
    let dense = (0..5u32).flat_map(|decade| DENSE.map(|ms| ms * 10u64.pow(decade)));
    let early = dense
        .map(Duration::from_millis)
        .find(|at| *at > elapsed && *at < period);
    early.unwrap_or_else(|| {
        let periods = elapsed.as_nanos() / period.as_nanos().max(1) + 1;
        period.saturating_mul(u32::try_from(periods).unwrap_or(u32::MAX))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grid(period_ms: u64, count: usize) -> Vec<u64> {
        let period = Duration::from_millis(period_ms);
        let mut at = Duration::ZERO;
        let mut all = Vec::new();
        for _ in 0..count {
            at = next_after(at, period);
            all.push(at.as_millis() as u64);
        }
        all
    }

    #[test]
    fn dense_then_periodic() {
        assert_eq!(grid(1000, 9), [10, 20, 50, 100, 200, 500, 1000, 2000, 3000]);
        assert_eq!(grid(100, 6), [10, 20, 50, 100, 200, 300]);
        assert_eq!(
            grid(60_000, 13)[6..],
            [1000, 2000, 5000, 10_000, 20_000, 50_000, 60_000]
        );
    }

    proptest! {
        #[test]
        fn always_ahead(elapsed_us in 0u64..10_000_000_000, period_ms in 100u64..=60_000) {
            let (elapsed, period) = (Duration::from_micros(elapsed_us), Duration::from_millis(period_ms));
            let next = next_after(elapsed, period);
            prop_assert!(next > elapsed);
            prop_assert!(next <= elapsed + period);
        }
    }
}
