//! What an attempt used up to its last reading.

use model::{Reading, Totals};
use probe::AnonPeak;

/// The largest gauges so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Peaks {
    memory: Option<u64>,
    kernel: Option<u64>,
    monitor: Option<u64>,
    cpu_lower_bound: bool,
}

impl Peaks {
    pub(crate) fn observe(&mut self, reading: &Reading) {
        let gauges = &reading.gauges;
        // `None` is less than any value, so a missing reading never lowers a peak.
        self.memory = self.memory.max(gauges.memory_bytes);
        self.kernel = self.kernel.max(gauges.memory_kernel_peak_bytes);
        self.monitor = self.monitor.max(gauges.monitor_memory_bytes);
        self.cpu_lower_bound |= reading.cpu_lower_bound;
    }

    /// Totals as of `last`.
    pub(crate) fn totals(&self, last: &Reading, anon: AnonPeak, duration: Option<f64>) -> Totals {
        let counters = &last.counters;
        Totals {
            duration_seconds: duration,
            cpu_seconds: seconds(counters.cpu_usage_nsec, 1e9),
            cpu_user_seconds: seconds(counters.cpu_user_nsec, 1e9),
            cpu_system_seconds: seconds(counters.cpu_system_nsec, 1e9),
            cpu_throttled_seconds: seconds(counters.throttled_usec, 1e6),
            cpu_lower_bound: self.cpu_lower_bound,
            memory_peak_bytes: self.kernel.or(self.memory.max(anon.bytes)),
            memory_anon_peak_bytes: anon.bytes,
            memory_anon_peak_exact: anon.exact,
            disk_read_bytes: counters.io_read_bytes,
            disk_write_bytes: counters.io_write_bytes,
            read_chars: counters.read_chars,
            write_chars: counters.write_chars,
            net_rx_bytes: counters.net_rx_bytes,
            net_tx_bytes: counters.net_tx_bytes,
            major_faults: counters.major_faults,
            oom_kills: counters.oom_kill,
            leftover_processes: None,
            monitor_cpu_seconds: seconds(counters.monitor_cpu_nsec, 1e9),
            monitor_memory_bytes: self.monitor,
        }
    }
}

fn seconds(count: Option<u64>, per_second: f64) -> Option<f64> {
    count.map(|count| count as f64 / per_second)
}
