//! What a probe hands out.

/// Where the counters of an attempt come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// One cgroup of the unified hierarchy.
    CgroupV2,
    /// One cgroup in each of the v1 hierarchies.
    CgroupV1,
    /// The processes below the caller.
    ProcessTree,
}

impl SourceKind {
    /// The name that is stored with a run.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CgroupV2 => "cgroup_v2",
            Self::CgroupV1 => "cgroup_v1",
            Self::ProcessTree => "process_tree",
        }
    }
}

impl std::fmt::Display for SourceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The counters of the task at one instant.
///
/// Counters are cumulative since the first reading (the baseline) and never fall; the others
/// (memory, `processes`, `threads`) are what is there now. The caller's own part is taken out,
/// except from the kernel's peak, the pressure and the network. What can't be read is `None`.
/// `COUNTERS.md` says for each source which file and field a number comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    /// CPU time, nanoseconds.
    pub cpu_usage_nsec: Option<u64>,
    /// CPU time in user mode, nanoseconds. With the system part it sums up to the usage. The
    /// kernel samples the split at its tick.
    pub cpu_user_nsec: Option<u64>,
    /// CPU time in the kernel, nanoseconds.
    pub cpu_system_nsec: Option<u64>,
    /// Periods in which the quota held the cgroup back.
    pub cpu_nr_throttled: Option<u64>,
    /// Time in which it was held back, microseconds.
    pub cpu_throttled_usec: Option<u64>,
    /// Memory in use that the kernel can't drop at once, bytes.
    pub memory_working_set_bytes: Option<u64>,
    /// Anonymous memory, bytes.
    pub memory_anon_bytes: Option<u64>,
    /// Page cache and shared memory (process tree: what of it is mapped), bytes.
    pub memory_file_bytes: Option<u64>,
    /// Swapped out, bytes.
    pub memory_swap_bytes: Option<u64>,
    /// The kernel's own high-water mark of the cgroup, with page cache and the caller's memory, bytes.
    pub memory_kernel_peak_bytes: Option<u64>,
    /// Processes killed for want of memory.
    pub oom_kill: Option<u64>,
    /// Read from block devices, bytes.
    pub io_read_bytes: Option<u64>,
    /// Written to block devices (process tree and v1: handed to the page cache for it), bytes.
    pub io_write_bytes: Option<u64>,
    /// Read by system calls, from whatever, bytes.
    pub read_chars: Option<u64>,
    /// Written by system calls, to whatever, bytes.
    pub write_chars: Option<u64>,
    /// Received by the network namespace, without loopback, bytes.
    pub net_rx_bytes: Option<u64>,
    /// Sent by the network namespace, without loopback, bytes.
    pub net_tx_bytes: Option<u64>,
    /// Processes that live now (zombies don't count).
    pub processes: Option<u64>,
    /// Threads that live now.
    pub threads: Option<u64>,
    /// Time in which some task of the cgroup waited for a processor, microseconds.
    pub cpu_pressure_usec: Option<u64>,
    /// Time in which some task of the cgroup waited for memory, microseconds.
    pub memory_pressure_usec: Option<u64>,
    /// Time in which some task of the cgroup waited for a device, microseconds.
    pub io_pressure_usec: Option<u64>,
    /// Page faults that needed a read from a device.
    pub major_faults: Option<u64>,
    /// CPU time of the caller itself since the baseline, nanoseconds.
    pub own_cpu_nsec: Option<u64>,
    /// Resident memory of the caller itself now, bytes.
    pub own_memory_bytes: Option<u64>,
    /// The CPU time is only a lower bound: children of a process that ignores SIGCHLD (or sets
    /// `SA_NOCLDWAIT`) leave no trace of what they used.
    pub cpu_lower_bound: bool,
}

/// The highest anonymous memory of the attempt so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AnonPeak {
    /// Bytes; `None` if no process of the task was ever seen alive.
    pub bytes: Option<u64>,
    /// Within 1 % of the truth; otherwise it is a lower bound.
    pub exact: bool,
}
