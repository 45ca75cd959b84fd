//! What the runner reads of its task at one instant.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The task's counters since its baseline, and what it held, at one instant. The runner's own part
/// is already taken out. Missing is `None`, never zero. Names follow the kernel's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Reading {
    /// Sequence number within the attempt; the baseline has 0.
    pub seq: u64,
    /// Wall clock at the start plus the monotonic time since, in whole microseconds.
    pub time_us: Timestamp,
    /// Monotonic time since the previous reading (0 for the baseline), in microseconds.
    pub step_us: u64,
    /// Whether it was taken after the command's end.
    #[serde(rename = "final", skip_serializing_if = "std::ops::Not::not")]
    pub is_final: bool,
    /// Whether `cpu_usage_nsec` may be less than what was used.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cpu_lower_bound: bool,
    /// Counters.
    pub counters: Counters,
    /// Gauges.
    pub gauges: Gauges,
}

macro_rules! optional_numbers {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
        #[serde(default)]
        pub struct $name {
            $($(#[$fdoc])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<u64>),+
        }
    };
}

optional_numbers! {
    /// What only grows: totals since the baseline.
    Counters {
        /// Processor time, nanoseconds.
        cpu_usage_nsec,
        /// Processor time in user mode, nanoseconds.
        cpu_user_nsec,
        /// Processor time in kernel mode, nanoseconds.
        cpu_system_nsec,
        /// Time held back by the quota, microseconds.
        throttled_usec,
        /// Bytes fetched from block devices.
        io_read_bytes,
        /// Bytes sent to block devices.
        io_write_bytes,
        /// Bytes passed through read calls.
        read_chars,
        /// Bytes passed through write calls.
        write_chars,
        /// Bytes received by the network namespace, without loopback.
        net_rx_bytes,
        /// Bytes sent by the network namespace, without loopback.
        net_tx_bytes,
        /// Time in which some thread waited for a processor, microseconds.
        cpu_pressure_usec,
        /// Time in which some thread waited for memory, microseconds.
        memory_pressure_usec,
        /// Time in which some thread waited for input or output, microseconds.
        io_pressure_usec,
        /// Page faults that needed a disk.
        major_faults,
        /// Processes that the kernel killed for want of memory.
        oom_kill,
        /// The runner's own processor time, nanoseconds.
        monitor_cpu_nsec,
    }
}

optional_numbers! {
    /// What the task held at the instant.
    Gauges {
        /// Working set, bytes.
        memory_bytes,
        /// Anonymous memory, bytes.
        memory_anon_bytes,
        /// File-backed memory, bytes.
        memory_file_bytes,
        /// Swap, bytes.
        swap_bytes,
        /// The kernel's own high-water mark, page cache and runner included, bytes.
        memory_kernel_peak_bytes,
        /// Live processes.
        processes,
        /// Live threads.
        threads,
        /// The runner's own resident memory, bytes.
        monitor_memory_bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_stays_missing_on_the_wire() {
        let reading = Reading {
            seq: 3,
            time_us: Timestamp(5),
            counters: Counters {
                cpu_usage_nsec: Some(0),
                ..Counters::default()
            },
            ..Reading::default()
        };
        let wire = serde_json::to_string(&reading).unwrap();
        assert_eq!(
            wire,
            r#"{"seq":3,"time_us":5,"step_us":0,"counters":{"cpu_usage_nsec":0},"gauges":{}}"#
        );
        assert_eq!(serde_json::from_str::<Reading>(&wire).unwrap(), reading);
    }
}
