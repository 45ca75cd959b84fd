//! Puts the sources together: takes the caller's part out, counts from the baseline. Pure.

use crate::Reading;
use crate::cgroup::{CgroupReading, Member};
use crate::counter::{Counter, Split};
use crate::own::{OwnMemory, Used};
use crate::parse::Io;
use crate::tree::TreeReading;

/// One instant's raw numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Raw {
    pub(crate) tree: TreeReading,
    /// By the caller.
    pub(crate) used: Option<Used>,
    /// By its reaped children.
    pub(crate) children: Option<Used>,
    pub(crate) own_memory: Option<OwnMemory>,
    pub(crate) own_io: Option<Io>,
    pub(crate) own_threads: u64,
    pub(crate) cgroup: Option<CgroupReading>,
    /// Received and sent.
    pub(crate) net: Option<(u64, u64)>,
}

/// What is carried from one reading to the next.
#[derive(Debug)]
pub(crate) struct Compose {
    member: Member,
    counters: Counters,
    /// The caller's anonymous memory at the baseline, and how much of it the cgroup was charged for.
    own_anon: Option<OwnAnon>,
    taken: bool,
}

/// Every counter of a [`Reading`].
#[derive(Debug, Default)]
struct Counters {
    cpu: Counter,
    system: Counter,
    split: Split,
    nr_throttled: Counter,
    throttled_usec: Counter,
    oom_kill: Counter,
    io_read: Counter,
    io_write: Counter,
    read_chars: Counter,
    write_chars: Counter,
    net_rx: Counter,
    net_tx: Counter,
    cpu_pressure: Counter,
    memory_pressure: Counter,
    io_pressure: Counter,
    major_faults: Counter,
    own_cpu: Counter,
}

#[derive(Debug, Clone, Copy)]
struct OwnAnon {
    at_baseline: u64,
    charged_at_baseline: u64,
}

impl OwnAnon {
    /// How much of the cgroup's anonymous memory is the caller's, which has `now` bytes. What it
    /// had before it entered the cgroup is charged elsewhere.
    fn charged(self, now: u64) -> u64 {
        (self.charged_at_baseline + now).saturating_sub(self.at_baseline)
    }
}

impl Compose {
    /// `member` says where the caller's part is in the cgroup's numbers.
    pub(crate) fn new(member: Member) -> Self {
        Self {
            member,
            counters: Counters::default(),
            own_anon: None,
            taken: false,
        }
    }

    /// The first one is the baseline.
    pub(crate) fn reading(&mut self, raw: &Raw) -> Reading {
        let baseline = !std::mem::replace(&mut self.taken, true);
        if baseline {
            self.own_anon = raw.own_memory.map(|own| {
                let charged = raw.cgroup.and_then(|cgroup| cgroup.anon);
                let charged = charged.map_or(own.anon, |charged| charged.min(own.anon));
                OwnAnon {
                    at_baseline: own.anon,
                    charged_at_baseline: charged,
                }
            });
        }
        let own_cpu = raw.used.map(|used| used.cpu_nsec);
        let mut reading = Reading {
            own_memory_bytes: raw.own_memory.map(|own| own.resident),
            own_cpu_nsec: self.counters.own_cpu.advance(baseline, own_cpu, 0),
            ..Reading::default()
        };
        self.cpu(raw, baseline, &mut reading);
        self.memory(raw, baseline, &mut reading);
        self.io(raw, baseline, &mut reading);
        self.network(raw, baseline, &mut reading);
        self.rest(raw, baseline, &mut reading);
        reading
    }

    fn cpu(&mut self, raw: &Raw, baseline: bool, reading: &mut Reading) {
        let own = raw.used.filter(|_| self.member.cpu).unwrap_or_default();
        let (usage, system) = match (&raw.cgroup, raw.children) {
            (Some(cgroup), _) => (cgroup.cpu_nsec, cgroup.system_nsec),
            (None, Some(children)) => (
                Some(children.cpu_nsec + raw.tree.cpu_nsec),
                Some(children.system_nsec + raw.tree.system_nsec),
            ),
            (None, None) => (None, None),
        };
        let counters = &mut self.counters;
        reading.cpu_usage_nsec = counters.cpu.advance(baseline, usage, own.cpu_nsec);
        let system = counters.system.advance(baseline, system, own.system_nsec);
        if let (Some(usage), Some(system)) = (reading.cpu_usage_nsec, system) {
            let (user, system) = counters.split.advance(usage, system);
            (reading.cpu_user_nsec, reading.cpu_system_nsec) = (Some(user), Some(system));
        }
        reading.cpu_lower_bound = raw.cgroup.is_none() && raw.tree.cpu_lower_bound;
    }

    fn memory(&mut self, raw: &Raw, baseline: bool, reading: &mut Reading) {
        let Some(cgroup) = raw.cgroup.filter(|cgroup| cgroup.memory_usage.is_some()) else {
            // No cgroup, or one without a memory controller.
            let tree = &raw.tree;
            reading.memory_anon_bytes = Some(tree.anon_bytes);
            reading.memory_file_bytes = Some(tree.file_bytes);
            reading.memory_working_set_bytes = Some(tree.anon_bytes + tree.file_bytes);
            reading.memory_swap_bytes = Some(tree.swap_bytes);
            return;
        };
        let own = self
            .own_anon
            .zip(raw.own_memory)
            .filter(|_| self.member.memory);
        let own = own.map_or(0, |(anon, now)| anon.charged(now.anon));
        let working_set = cgroup.memory_usage.zip(cgroup.inactive_file);
        reading.memory_working_set_bytes =
            working_set.map(|(usage, inactive)| usage.saturating_sub(inactive).saturating_sub(own));
        reading.memory_anon_bytes = cgroup.anon.map(|anon| anon.saturating_sub(own));
        reading.memory_file_bytes = cgroup.file;
        reading.memory_swap_bytes = cgroup.swap;
        reading.memory_kernel_peak_bytes = cgroup.peak;
        reading.oom_kill = self.counters.oom_kill.advance(baseline, cgroup.oom_kill, 0);
    }

    fn io(&mut self, raw: &Raw, baseline: bool, reading: &mut Reading) {
        let own = raw.own_io.filter(|_| self.member.cpu).unwrap_or_default();
        let (read, written, own) = if let Some((read, written)) = raw.cgroup.and_then(|it| it.io) {
            let own_written = own.write_bytes.saturating_sub(own.cancelled_write_bytes);
            (Some(read), Some(written), (own.read_bytes, own_written))
        } else {
            let io = raw.tree.block_io;
            (
                io.map(|io| io.read_bytes),
                io.map(|io| io.write_bytes),
                (0, 0),
            )
        };
        let counters = &mut self.counters;
        reading.io_read_bytes = counters.io_read.advance(baseline, read, own.0);
        reading.io_write_bytes = counters.io_write.advance(baseline, written, own.1);
        let chars = raw.tree.io;
        reading.read_chars = counters
            .read_chars
            .advance(baseline, chars.map(|io| io.rchar), 0);
        reading.write_chars = counters
            .write_chars
            .advance(baseline, chars.map(|io| io.wchar), 0);
    }

    fn network(&mut self, raw: &Raw, baseline: bool, reading: &mut Reading) {
        let counters = &mut self.counters;
        reading.net_rx_bytes = counters
            .net_rx
            .advance(baseline, raw.net.map(|net| net.0), 0);
        reading.net_tx_bytes = counters
            .net_tx
            .advance(baseline, raw.net.map(|net| net.1), 0);
    }

    fn rest(&mut self, raw: &Raw, baseline: bool, reading: &mut Reading) {
        let member = self.member;
        let cgroup = raw.cgroup.unwrap_or_default();
        let own_threads = if member.pids { raw.own_threads } else { 0 };
        reading.processes = Some(raw.tree.processes);
        let in_cgroup = cgroup.pids.map(|pids| pids.saturating_sub(own_threads));
        reading.threads = in_cgroup.or(Some(raw.tree.threads));
        let (faults, own_faults) = match (cgroup.major_faults, raw.children) {
            (Some(faults), _) => {
                let own = raw
                    .used
                    .filter(|_| member.memory)
                    .map_or(0, |used| used.major_faults);
                (Some(faults), own)
            }
            (None, children) => (
                children.map(|of| of.major_faults + raw.tree.major_faults),
                0,
            ),
        };
        let counters = &mut self.counters;
        reading.major_faults = counters.major_faults.advance(baseline, faults, own_faults);
        reading.cpu_nr_throttled = counters
            .nr_throttled
            .advance(baseline, cgroup.nr_throttled, 0);
        reading.cpu_throttled_usec =
            counters
                .throttled_usec
                .advance(baseline, cgroup.throttled_usec, 0);
        reading.cpu_pressure_usec =
            counters
                .cpu_pressure
                .advance(baseline, cgroup.cpu_pressure_usec, 0);
        reading.memory_pressure_usec =
            counters
                .memory_pressure
                .advance(baseline, cgroup.memory_pressure_usec, 0);
        reading.io_pressure_usec =
            counters
                .io_pressure
                .advance(baseline, cgroup.io_pressure_usec, 0);
    }
}
