//! The probe: puts the sources together, takes the caller's part out, counts from the baseline.

use std::path::PathBuf;

use crate::cgroup::{Cgroup, CgroupReading, Member};
use crate::counter::{Counter, Split};
use crate::file::Buffer;
use crate::net::Net;
use crate::own::{self, Own, OwnMemory, Used};
use crate::parse::Io;
use crate::peak::Peak;
use crate::tree::{Tree, TreeReading};
use crate::{AnonPeak, Error, Reading, SourceKind};

/// What the caller knows about its surroundings.
#[derive(Debug, Clone)]
pub struct Options {
    /// The launcher says that the caller's cgroup is the attempt's alone.
    pub own_cgroup: bool,
    /// The network namespace is the task's alone.
    pub network: bool,
    /// Where procfs is mounted.
    pub proc_root: PathBuf,
    /// The folder of the attempt's cgroup, if it needn't be looked up (with v1 all files in it).
    /// Heeded only with `own_cgroup`.
    pub cgroup: Option<PathBuf>,
    /// Find children by `task/<tid>/children` where the kernel has it; else all of `/proc` is scanned.
    pub children_files: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            own_cgroup: false,
            network: false,
            proc_root: PathBuf::from("/proc"),
            cgroup: None,
            children_files: true,
        }
    }
}

/// Reads the counters of one attempt.
#[derive(Debug)]
pub struct Probe {
    cgroup: Option<Cgroup>,
    fallback: Option<Error>,
    tree: Tree,
    own: Own,
    net: Option<Net>,
    peak: Peak,
    counters: Counters,
    /// The caller's anonymous memory at the baseline, and how much of it the cgroup was charged for.
    own_anon: Option<OwnAnon>,
    taken: bool,
    buffer: Buffer,
    processors: u64,
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

/// One instant's raw numbers.
struct Raw {
    tree: TreeReading,
    used: Option<Used>,
    children: Option<Used>,
    own_memory: Option<OwnMemory>,
    own_io: Option<Io>,
    cgroup: Option<CgroupReading>,
}

impl Probe {
    /// Opens what will be read. Call it before the caller makes itself non-dumpable.
    ///
    /// # Errors
    /// Only if the caller's own `/proc` files can't be opened. A cgroup that can't be used is no
    /// error: the process tree takes its place, see [`Probe::fallback_reason`].
    pub fn open(options: &Options) -> Result<Self, Error> {
        let mut buffer = Buffer::new();
        let own = Own::open(&options.proc_root)?;
        let own_pid = nix::unistd::getpid().as_raw();
        let (cgroup, fallback) = match (options.own_cgroup, &options.cgroup) {
            (false, _) => (None, None),
            (true, Some(folder)) => split(Cgroup::open(folder, own_pid, &mut buffer)),
            (true, None) => split(Cgroup::find(&options.proc_root, own_pid, &mut buffer)),
        };
        let processors = nix::unistd::sysconf(nix::unistd::SysconfVar::_NPROCESSORS_CONF);
        Ok(Self {
            cgroup,
            fallback,
            tree: Tree::open(&options.proc_root, options.children_files),
            own,
            net: options
                .network
                .then(|| Net::open(&options.proc_root))
                .flatten(),
            peak: Peak::default(),
            counters: Counters::default(),
            own_anon: None,
            taken: false,
            buffer,
            processors: processors
                .ok()
                .flatten()
                .map_or(1, |count| count.max(1) as u64),
        })
    }

    /// Where the numbers come from.
    pub fn kind(&self) -> SourceKind {
        self.cgroup
            .as_ref()
            .map_or(SourceKind::ProcessTree, Cgroup::kind)
    }

    /// Why it isn't the cgroup, though the launcher said so.
    pub fn fallback_reason(&self) -> Option<&Error> {
        self.fallback.as_ref()
    }

    /// The command runs as process `pid`: the root of the task. Call it as soon as the command was
    /// started: this takes the first look at its memory.
    pub fn command_started(&mut self, pid: i32) {
        let inherited = self.own.high_water_bytes(&mut self.buffer);
        self.peak.started(pid, inherited);
        self.tree.meet(pid, &mut self.buffer);
    }

    /// Reads everything. The first call is the baseline.
    pub fn read(&mut self) -> Reading {
        let baseline = !std::mem::replace(&mut self.taken, true);
        let raw = self.raw();
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
        let mut reading = Reading {
            own_memory_bytes: raw.own_memory.map(|own| own.resident),
            own_cpu_nsec: self.counters.own_cpu.advance(
                baseline,
                raw.used.map(|used| used.cpu_nsec),
                0,
            ),
            ..Reading::default()
        };
        self.cpu(&raw, baseline, &mut reading);
        self.memory(&raw, baseline, &mut reading);
        self.io(&raw, baseline, &mut reading);
        self.network(baseline, &mut reading);
        self.rest(&raw, baseline, &mut reading);
        self.note_peak(&raw, &reading);
        reading
    }

    /// Reads in the order that keeps the caller's part and the cgroup in step: the live processes'
    /// clocks (which charge their cgroup on the way), the caller's clock, then the cgroup.
    fn raw(&mut self) -> Raw {
        let children = own::used_by_children();
        let tree = self.tree.read(&mut self.buffer);
        let used = own::used_by_self();
        let tick = self.tree.tick_nsec();
        let cgroup = self
            .cgroup
            .as_ref()
            .map(|cgroup| cgroup.read(tick, &mut self.buffer));
        let own_memory = self.own.memory(&mut self.buffer);
        let own_io = self
            .own
            .io(&mut self.buffer)
            .map(|whole| whole.minus(self.tree.ended_io()));
        Raw {
            tree,
            used,
            children,
            own_memory,
            own_io,
            cgroup,
        }
    }

    fn member(&self) -> Member {
        let none = Member {
            cpu: false,
            memory: false,
            pids: false,
        };
        self.cgroup.as_ref().map_or(none, |cgroup| cgroup.member)
    }

    fn cpu(&mut self, raw: &Raw, baseline: bool, reading: &mut Reading) {
        let own = raw.used.filter(|_| self.member().cpu).unwrap_or_default();
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
            .filter(|_| self.member().memory);
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
        let own = raw.own_io.filter(|_| self.member().cpu).unwrap_or_default();
        let (read, written, own_read, own_written) = match raw.cgroup.and_then(|cgroup| cgroup.io) {
            Some((read, written)) => {
                let own_written = own.write_bytes.saturating_sub(own.cancelled_write_bytes);
                (Some(read), Some(written), own.read_bytes, own_written)
            }
            None => {
                let io = raw.tree.block_io;
                (
                    io.map(|io| io.read_bytes),
                    io.map(|io| io.write_bytes),
                    0,
                    0,
                )
            }
        };
        let counters = &mut self.counters;
        reading.io_read_bytes = counters.io_read.advance(baseline, read, own_read);
        reading.io_write_bytes = counters.io_write.advance(baseline, written, own_written);
        let chars = raw.tree.io;
        reading.read_chars = counters
            .read_chars
            .advance(baseline, chars.map(|io| io.rchar), 0);
        reading.write_chars = counters
            .write_chars
            .advance(baseline, chars.map(|io| io.wchar), 0);
    }

    fn network(&mut self, baseline: bool, reading: &mut Reading) {
        let net = self.net.as_ref().and_then(|net| net.read(&mut self.buffer));
        let counters = &mut self.counters;
        reading.net_rx_bytes = counters.net_rx.advance(baseline, net.map(|net| net.0), 0);
        reading.net_tx_bytes = counters.net_tx.advance(baseline, net.map(|net| net.1), 0);
    }

    fn rest(&mut self, raw: &Raw, baseline: bool, reading: &mut Reading) {
        let member = self.member();
        let cgroup = raw.cgroup.unwrap_or_default();
        let own_threads = if member.pids {
            self.tree.own_threads()
        } else {
            0
        };
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

    fn note_peak(&mut self, raw: &Raw, reading: &Reading) {
        if raw.tree.processes > 0 {
            self.peak
                .sample(reading.memory_anon_bytes.max(Some(raw.tree.anon_bytes)));
            self.peak.threads(raw.tree.threads);
        }
        for process in self.tree.processes() {
            self.peak.bound(process.track.lower());
        }
        self.peak.bound(self.tree.gone_anon_bytes);
    }

    /// The child `pid` has ended and not been reaped (`waitid` with `WNOWAIT`): what a zombie still
    /// shows is read here.
    pub fn before_reap(&mut self, pid: i32) {
        self.tree.before_reap(pid, &mut self.buffer);
    }

    /// The child `pid` was reaped by `wait4`, which gave `rusage`.
    pub fn reaped(&mut self, pid: i32, rusage: &libc::rusage) {
        if let Some(process) = self.tree.reaped(pid, rusage) {
            let alone = self.tree.ever_met() == 1;
            self.peak
                .reaped(&process, (rusage.ru_maxrss as u64) << 10, alone);
        }
    }

    /// The highest anonymous memory so far; final after the last reap.
    pub fn anon_peak(&self) -> AnonPeak {
        let slack = self
            .peak
            .slack_bytes(self.processors, self.own.page_bytes());
        self.peak.get(self.tree.ever_met() == 1, slack)
    }
}

fn split(opened: Result<Cgroup, Error>) -> (Option<Cgroup>, Option<Error>) {
    match opened {
        Ok(cgroup) => (Some(cgroup), None),
        Err(error) => (None, Some(error)),
    }
}
