//! Two readings -> a sample.

use model::{Reading, Resource, Sample, Values};

/// The sample at `current`: gauges as they are, rates over the time since `previous`.
///
/// A rate needs both readings to have the counter, and a counter that did not fall. Summed over a
/// run, rate times time step gives back the counter's change.
pub fn sample(previous: Option<&Reading>, current: &Reading) -> Sample {
    let mut values = Values::default();
    gauges(&mut values, current);
    if let Some(previous) = previous {
        rates(&mut values, previous, current);
    }
    let missed_before = previous.map_or(current.seq, |p| current.seq.saturating_sub(p.seq + 1));
    Sample {
        reading: *current,
        values,
        missed_before,
    }
}

fn gauges(values: &mut Values, reading: &Reading) {
    let g = &reading.gauges;
    for (resource, value) in [
        (Resource::Memory, g.memory_bytes),
        (Resource::MemoryAnon, g.memory_anon_bytes),
        (Resource::MemoryFile, g.memory_file_bytes),
        (Resource::Swap, g.swap_bytes),
        (Resource::Processes, g.processes),
        (Resource::Threads, g.threads),
    ] {
        values.set(resource, value.map(|v| v as f64));
    }
}

fn rates(values: &mut Values, previous: &Reading, current: &Reading) {
    let seconds = current.time_us.seconds_since(previous.time_us);
    if seconds <= 0.0 {
        return;
    }
    let (p, c) = (&previous.counters, &current.counters);
    for (resource, before, after, per_unit) in [
        (Resource::Cpu, p.cpu_usage_nsec, c.cpu_usage_nsec, 1e9),
        (Resource::CpuUser, p.cpu_user_nsec, c.cpu_user_nsec, 1e9),
        (
            Resource::CpuSystem,
            p.cpu_system_nsec,
            c.cpu_system_nsec,
            1e9,
        ),
        (
            Resource::CpuThrottled,
            p.throttled_usec,
            c.throttled_usec,
            1e6,
        ),
        (Resource::DiskRead, p.io_read_bytes, c.io_read_bytes, 1.0),
        (Resource::DiskWrite, p.io_write_bytes, c.io_write_bytes, 1.0),
        (Resource::ReadChars, p.read_chars, c.read_chars, 1.0),
        (Resource::WriteChars, p.write_chars, c.write_chars, 1.0),
        (Resource::NetRx, p.net_rx_bytes, c.net_rx_bytes, 1.0),
        (Resource::NetTx, p.net_tx_bytes, c.net_tx_bytes, 1.0),
        (
            Resource::CpuPressure,
            p.cpu_pressure_usec,
            c.cpu_pressure_usec,
            1e6,
        ),
        (
            Resource::MemoryPressure,
            p.memory_pressure_usec,
            c.memory_pressure_usec,
            1e6,
        ),
        (
            Resource::IoPressure,
            p.io_pressure_usec,
            c.io_pressure_usec,
            1e6,
        ),
        (Resource::MajorFaults, p.major_faults, c.major_faults, 1.0),
    ] {
        let change = before
            .zip(after)
            .and_then(|(before, after)| after.checked_sub(before));
        values.set(
            resource,
            change.map(|change| change as f64 / per_unit / seconds),
        );
    }
}

#[cfg(test)]
mod tests {
    use model::{Timestamp, reading::Counters};
    use proptest::prelude::*;

    use super::*;

    fn reading(seq: u64, us: i64, cpu: Option<u64>) -> Reading {
        Reading {
            seq,
            time_us: Timestamp(us),
            counters: Counters {
                cpu_usage_nsec: cpu,
                ..Counters::default()
            },
            ..Reading::default()
        }
    }

    #[test]
    fn no_rate_without_two_readings() {
        let cpu = |p: Option<Reading>, c| sample(p.as_ref(), &c).values.get(Resource::Cpu);
        assert_eq!(cpu(None, reading(0, 0, Some(5))), None);
        assert_eq!(
            cpu(Some(reading(0, 0, None)), reading(1, 10, Some(5))),
            None
        );
        assert_eq!(
            cpu(Some(reading(0, 0, Some(6))), reading(1, 10, Some(5))),
            None
        );
        assert_eq!(
            cpu(Some(reading(0, 10, Some(5))), reading(1, 10, Some(5))),
            None
        );
        let one_core = cpu(
            Some(reading(0, 0, Some(0))),
            reading(1, 1000, Some(1_000_000)),
        );
        assert!((one_core.unwrap() - 1.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn the_integral_is_the_total(
            steps in prop::collection::vec((1i64..70_000_000, 0u64..200_000_000_000), 1..200),
        ) {
            let mut previous = reading(0, 1_700_000_000_000_000, Some(0));
            let (mut integral, mut total) = (0.0, 0u64);
            for (i, (step_us, used)) in steps.into_iter().enumerate() {
                total += used;
                let at = previous.time_us.0 + step_us;
                let current = reading(i as u64 + 1, at, Some(total));
                let sample = sample(Some(&previous), &current);
                integral += sample.values.get(Resource::Cpu).unwrap() * step_us as f64 / 1e6;
                prop_assert_eq!(sample.missed_before, 0);
                previous = current;
            }
            let total = total as f64 / 1e9;
            prop_assert!((integral - total).abs() <= 1e-9 * total.max(1.0));
        }

        #[test]
        fn gaps_are_counted(first in 0u64..1000, gap in 0u64..1000) {
            let previous = reading(first, 0, None);
            let current = reading(first + 1 + gap, 10, None);
            prop_assert_eq!(sample(Some(&previous), &current).missed_before, gap);
        }
    }
}
