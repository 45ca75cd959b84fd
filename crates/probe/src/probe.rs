//! The probe: opens the sources and asks them in the order that keeps their numbers in step.

use std::path::PathBuf;

use crate::cgroup::Cgroup;
use crate::compose::{Compose, Raw};
use crate::file::Buffer;
use crate::net::Net;
use crate::own::{self, Own};
use crate::parse::Io;
use crate::peak::Peak;
use crate::tree::Tree;
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
    compose: Compose,
    peak: Peak,
    /// The cgroup's own high-water mark, of everything that it was charged for, bytes.
    kernel_peak: Option<u64>,
    /// The caller's `io` before a reap, and what reading it added.
    io_before: Option<(Io, u64)>,
    buffer: Buffer,
    processors: u64,
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
        let member = cgroup
            .as_ref()
            .map(|cgroup| cgroup.member)
            .unwrap_or_default();
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
            compose: Compose::new(member),
            peak: Peak::default(),
            kernel_peak: None,
            io_before: None,
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
        let raw = self.raw();
        let reading = self.compose.reading(&raw);
        if raw.tree.processes > 0 {
            self.peak
                .sample(reading.memory_anon_bytes.max(Some(raw.tree.anon_bytes)));
            self.peak.threads(raw.tree.threads);
        }
        for process in self.tree.processes() {
            self.peak.bound(process.track.lower());
        }
        self.peak.bound(self.tree.gone_memory().anon);
        self.kernel_peak = self.kernel_peak.max(reading.memory_kernel_peak_bytes);
        reading
    }

    /// The live processes' clocks (which charge their cgroup on the way), the caller's clock (which
    /// charges the caller's), then the cgroup.
    fn raw(&mut self) -> Raw {
        let buffer = &mut self.buffer;
        let children = own::used_by_children();
        let tree = self.tree.read(buffer);
        let used = own::used_by_self();
        let tick = self.tree.tick_nsec();
        Raw {
            children,
            used,
            own_threads: self.tree.own_threads(),
            cgroup: self.cgroup.as_ref().map(|cgroup| cgroup.read(tick, buffer)),
            own_memory: self.own.memory(buffer),
            own_io: self
                .own
                .io(buffer)
                .map(|(whole, _)| whole.minus(self.tree.ended_io())),
            net: self.net.as_ref().and_then(|net| net.read(buffer)),
            tree,
        }
    }

    /// The child `pid` has ended and not been reaped (`waitid` with `WNOWAIT`): what a zombie still
    /// shows is read here.
    pub fn before_reap(&mut self, pid: i32) {
        let known = self.tree.before_reap(pid, &mut self.buffer);
        // Its `io` is closed to the caller: then the caller's own, which it is about to enter, tells.
        self.io_before = if known {
            None
        } else {
            self.own.io(&mut self.buffer)
        };
    }

    /// The child `pid` was reaped by `wait4`, which gave `rusage`.
    pub fn reaped(&mut self, pid: i32, rusage: &libc::rusage) {
        let before = self.io_before.take();
        let after = before.and_then(|_| self.own.io(&mut self.buffer));
        let entered = before.zip(after).map(|((before, by_reading), (after, _))| {
            after.minus(before).minus(Io {
                rchar: by_reading,
                ..Io::default()
            })
        });
        if let Some(process) = self.tree.reaped(pid, rusage, entered) {
            let alone = self.tree.ever_met() == 1;
            let maxrss_bytes = (rusage.ru_maxrss as u64) << 10;
            let largest_file = self.tree.gone_memory().largest_file;
            self.peak
                .reaped(&process, maxrss_bytes, alone, largest_file);
        }
    }

    /// The highest anonymous memory so far; final after the last reap.
    pub fn anon_peak(&self) -> AnonPeak {
        let slack = self
            .peak
            .slack_bytes(self.processors, self.own.page_bytes());
        let peak = self.peak.get(self.tree.ever_met() == 1, slack);
        // High-water marks less the file pages that were seen are estimates where files came in
        // later; a cgroup is charged for all anonymous memory, so its own mark is above any.
        AnonPeak {
            bytes: peak
                .bytes
                .map(|bytes| bytes.min(self.kernel_peak.unwrap_or(bytes))),
            ..peak
        }
    }
}

fn split(opened: Result<Cgroup, Error>) -> (Option<Cgroup>, Option<Error>) {
    match opened {
        Ok(cgroup) => (Some(cgroup), None),
        Err(error) => (None, Some(error)),
    }
}
