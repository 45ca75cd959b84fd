//! A run: one attempt of a task with everything that is known about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    InputFacts, MachineFacts, Reading, Reason, Resources, TaskName, Timestamp, attempt::Launcher,
};

/// What is known of a run when it starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFacts {
    /// The task's name.
    pub task: TaskName,
    /// The container image as the order names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The image's digest, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    /// The command that ran, with its arguments.
    pub command: Vec<String>,
    /// What it was granted.
    pub resources: Resources,
    /// Which launcher started it.
    pub launcher: Launcher,
    /// Where its counters are read: `cgroup_v2`, `cgroup_v1` or `process_tree`.
    pub source: String,
    /// The sampling period, seconds.
    pub period_seconds: f64,
    /// The machine.
    pub machine: MachineFacts,
    /// The input picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<InputFacts>,
}

/// What a run used in all. Missing is `None`, never zero. The names are the store's columns.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Totals {
    /// From the command's start to its end, seconds.
    pub duration_seconds: Option<f64>,
    /// Processor time, seconds.
    pub cpu_seconds: Option<f64>,
    /// In user mode, seconds.
    pub cpu_user_seconds: Option<f64>,
    /// In kernel mode, seconds.
    pub cpu_system_seconds: Option<f64>,
    /// Held back by the quota, seconds.
    pub cpu_throttled_seconds: Option<f64>,
    /// Whether `cpu_seconds` may be less than what was used.
    pub cpu_lower_bound: bool,
    /// The kernel's own peak where there is one, else the largest resident size seen, bytes.
    pub memory_peak_bytes: Option<u64>,
    /// Peak of anonymous memory, bytes.
    pub memory_anon_peak_bytes: Option<u64>,
    /// Whether that is the peak itself (within 1 %) and not only a lower bound of it.
    pub memory_anon_peak_exact: bool,
    /// Read from block devices, bytes.
    pub disk_read_bytes: Option<u64>,
    /// Written to block devices, bytes.
    pub disk_write_bytes: Option<u64>,
    /// Passed through read calls, bytes.
    pub read_chars: Option<u64>,
    /// Passed through write calls, bytes.
    pub write_chars: Option<u64>,
    /// Received by the pod, bytes.
    pub net_rx_bytes: Option<u64>,
    /// Sent by the pod, bytes.
    pub net_tx_bytes: Option<u64>,
    /// Page faults that needed a disk.
    pub major_faults: Option<u64>,
    /// Processes that the kernel killed for want of memory.
    pub oom_kills: Option<u64>,
    /// Processes that the command left behind and that had to be ended.
    pub leftover_processes: Option<u64>,
    /// The runner's own processor time, seconds.
    pub monitor_cpu_seconds: Option<f64>,
    /// The runner's own resident memory at its highest, bytes.
    pub monitor_memory_bytes: Option<u64>,
}

impl Totals {
    /// What the counters of a reading amount to. Duration and peaks are not in them.
    pub fn counted(last: &Reading) -> Self {
        let seconds = |count: Option<u64>, per_second: f64| count.map(|n| n as f64 / per_second);
        let counters = &last.counters;
        Self {
            cpu_seconds: seconds(counters.cpu_usage_nsec, 1e9),
            cpu_user_seconds: seconds(counters.cpu_user_nsec, 1e9),
            cpu_system_seconds: seconds(counters.cpu_system_nsec, 1e9),
            cpu_throttled_seconds: seconds(counters.throttled_usec, 1e6),
            cpu_lower_bound: last.cpu_lower_bound,
            disk_read_bytes: counters.io_read_bytes,
            disk_write_bytes: counters.io_write_bytes,
            read_chars: counters.read_chars,
            write_chars: counters.write_chars,
            net_rx_bytes: counters.net_rx_bytes,
            net_tx_bytes: counters.net_tx_bytes,
            major_faults: counters.major_faults,
            oom_kills: counters.oom_kill,
            monitor_cpu_seconds: seconds(counters.monitor_cpu_nsec, 1e9),
            monitor_memory_bytes: last.gauges.monitor_memory_bytes,
            ..Self::default()
        }
    }

    /// These totals; where they have a gap, the other's.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            duration_seconds: self.duration_seconds.or(other.duration_seconds),
            cpu_seconds: self.cpu_seconds.or(other.cpu_seconds),
            cpu_user_seconds: self.cpu_user_seconds.or(other.cpu_user_seconds),
            cpu_system_seconds: self.cpu_system_seconds.or(other.cpu_system_seconds),
            cpu_throttled_seconds: self.cpu_throttled_seconds.or(other.cpu_throttled_seconds),
            cpu_lower_bound: self.cpu_lower_bound || other.cpu_lower_bound,
            memory_peak_bytes: self.memory_peak_bytes.or(other.memory_peak_bytes),
            memory_anon_peak_exact: match self.memory_anon_peak_bytes {
                Some(_) => self.memory_anon_peak_exact,
                None => other.memory_anon_peak_exact,
            },
            memory_anon_peak_bytes: self.memory_anon_peak_bytes.or(other.memory_anon_peak_bytes),
            disk_read_bytes: self.disk_read_bytes.or(other.disk_read_bytes),
            disk_write_bytes: self.disk_write_bytes.or(other.disk_write_bytes),
            read_chars: self.read_chars.or(other.read_chars),
            write_chars: self.write_chars.or(other.write_chars),
            net_rx_bytes: self.net_rx_bytes.or(other.net_rx_bytes),
            net_tx_bytes: self.net_tx_bytes.or(other.net_tx_bytes),
            major_faults: self.major_faults.or(other.major_faults),
            oom_kills: self.oom_kills.or(other.oom_kills),
            leftover_processes: self.leftover_processes.or(other.leftover_processes),
            monitor_cpu_seconds: self.monitor_cpu_seconds.or(other.monitor_cpu_seconds),
            monitor_memory_bytes: self.monitor_memory_bytes.or(other.monitor_memory_bytes),
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunEnd {
    /// When.
    pub ended_at: Timestamp,
    /// The exit code; `None` after a signal, or if nobody saw it.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Why.
    pub reason: Reason,
    /// What a person should know of it, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Whether the end was not observed by the runner, so that totals are those of the last sample.
    pub censored: bool,
}

impl RunEnd {
    /// Whether this says only that something told the run to end, and `other` says why.
    pub fn is_explained_by(&self, other: &Self) -> bool {
        let causes = [Reason::Evicted, Reason::TimedOut, Reason::Lost];
        self.reason == Reason::Terminated && causes.contains(&other.reason)
    }

    /// This end, for the other one's reason.
    #[must_use]
    pub fn explained_by(self, other: &Self) -> Self {
        Self {
            reason: other.reason,
            message: other.message.clone().or(self.message),
            ..self
        }
    }
}

/// How well a run was measured.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Quality {
    /// Samples published.
    pub samples: u64,
    /// Readings that were taken and lost, or that are known to be missing.
    pub missed_samples: u64,
    /// The longest time between two samples, seconds.
    pub largest_gap_seconds: Option<f64>,
}

/// A run as it is published and stored: once when it starts, again when it has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What was known at its start; `None` if its start was never reported.
    pub facts: Option<RunFacts>,
    /// When its command was started.
    pub started_at: Option<Timestamp>,
    /// How it ended; `None` while it runs.
    pub end: Option<RunEnd>,
    /// What it used; while it runs, nothing.
    pub totals: Totals,
    /// How well it was measured so far.
    pub quality: Quality,
    /// Its output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}
