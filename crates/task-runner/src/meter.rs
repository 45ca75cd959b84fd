//! Takes readings: the probe's counters with a sequence number and a time.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use model::{
    AttemptSpec, Reading, Timestamp,
    reading::{Counters, Gauges},
};
use probe::{AnonPeak, Options, Probe, SourceKind};

/// The attempt's clock: the wall clock at the start plus the monotonic time since. It is read here
/// and nowhere else, so that times of one attempt never jump.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    wall_us: i64,
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            wall_us: wall.as_micros() as i64,
            start: Instant::now(),
        }
    }

    pub(crate) fn at(&self, instant: Instant) -> Timestamp {
        Timestamp(self.wall_us + self.elapsed_us(instant) as i64)
    }

    fn elapsed_us(&self, instant: Instant) -> u64 {
        instant.saturating_duration_since(self.start).as_micros() as u64
    }
}

/// The probe and what numbers its readings.
pub(crate) struct Meter {
    probe: Option<Probe>,
    clock: Clock,
    next_seq: u64,
    last_us: u64,
}

impl Meter {
    /// Opens the source. If there is none the attempt runs all the same, and its readings are empty.
    pub(crate) fn open(spec: &AttemptSpec, clock: Clock) -> Self {
        let options = Options {
            own_cgroup: spec.own_cgroup,
            network: spec.own_network,
            ..Options::default()
        };
        let probe = Probe::open(&options)
            .inspect_err(|error| eprintln!("podometer runner: nothing can be measured: {error}"))
            .ok();
        Self {
            probe,
            clock,
            next_seq: 0,
            last_us: 0,
        }
    }

    /// Counts time anew. Before the first reading.
    pub(crate) fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    pub(crate) fn source(&self) -> &'static str {
        self.probe
            .as_ref()
            .map_or("none", |probe| SourceKind::as_str(probe.kind()))
    }

    pub(crate) fn probe(&mut self) -> Option<&mut Probe> {
        self.probe.as_mut()
    }

    pub(crate) fn anon_peak(&self) -> AnonPeak {
        let nothing = AnonPeak {
            bytes: None,
            exact: false,
        };
        self.probe.as_ref().map_or(nothing, Probe::anon_peak)
    }

    /// Takes a reading. The first is the baseline.
    pub(crate) fn read(&mut self, is_final: bool) -> Reading {
        let raw = self.probe.as_mut().map(Probe::read).unwrap_or_default();
        let now = Instant::now();
        let now_us = self.clock.elapsed_us(now);
        // Two readings of one attempt never share an instant: their time is part of their key.
        let at_us = if self.next_seq == 0 {
            now_us
        } else {
            now_us.max(self.last_us + 1)
        };
        let reading = Reading {
            seq: self.next_seq,
            time_us: Timestamp(self.clock.wall_us + at_us as i64),
            step_us: if self.next_seq == 0 {
                0
            } else {
                at_us - self.last_us
            },
            is_final,
            cpu_lower_bound: raw.cpu_lower_bound,
            counters: counters(&raw),
            gauges: gauges(&raw),
        };
        self.next_seq += 1;
        self.last_us = at_us;
        reading
    }
}

fn counters(raw: &probe::Reading) -> Counters {
    Counters {
        cpu_usage_nsec: raw.cpu_usage_nsec,
        cpu_user_nsec: raw.cpu_user_nsec,
        cpu_system_nsec: raw.cpu_system_nsec,
        throttled_usec: raw.cpu_throttled_usec,
        io_read_bytes: raw.io_read_bytes,
        io_write_bytes: raw.io_write_bytes,
        read_chars: raw.read_chars,
        write_chars: raw.write_chars,
        net_rx_bytes: raw.net_rx_bytes,
        net_tx_bytes: raw.net_tx_bytes,
        cpu_pressure_usec: raw.cpu_pressure_usec,
        memory_pressure_usec: raw.memory_pressure_usec,
        io_pressure_usec: raw.io_pressure_usec,
        major_faults: raw.major_faults,
        oom_kill: raw.oom_kill,
        monitor_cpu_nsec: raw.own_cpu_nsec,
    }
}

fn gauges(raw: &probe::Reading) -> Gauges {
    Gauges {
        memory_bytes: raw.memory_working_set_bytes,
        memory_anon_bytes: raw.memory_anon_bytes,
        memory_file_bytes: raw.memory_file_bytes,
        swap_bytes: raw.memory_swap_bytes,
        memory_kernel_peak_bytes: raw.memory_kernel_peak_bytes,
        processes: raw.processes,
        threads: raw.threads,
        monitor_memory_bytes: raw.own_memory_bytes,
    }
}
