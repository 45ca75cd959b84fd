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
        Totals {
            duration_seconds: duration,
            cpu_lower_bound: self.cpu_lower_bound,
            memory_peak_bytes: self.kernel.or(self.memory.max(anon.bytes)),
            memory_anon_peak_bytes: anon.bytes,
            memory_anon_peak_exact: anon.exact,
            monitor_memory_bytes: self.monitor,
            ..Totals::counted(last)
        }
    }
}
