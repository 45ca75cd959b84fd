//! The probe itself.

use std::path::PathBuf;

use nix::sys::resource::{UsageWho, getrusage};

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
}

impl Default for Options {
    fn default() -> Self {
        Self {
            own_cgroup: false,
            network: false,
            proc_root: PathBuf::from("/proc"),
            cgroup: None,
        }
    }
}

/// Reads the counters of one attempt.
#[derive(Debug)]
pub struct Probe {
    children_nsec: Option<u64>,
    fallback: Option<Error>,
}

impl Probe {
    /// Opens what will be read. Call it before the caller makes itself non-dumpable.
    pub fn open(options: &Options) -> Result<Self, Error> {
        let _ = options;
        Ok(Self {
            children_nsec: None,
            fallback: None,
        })
    }

    /// Where the numbers come from.
    pub fn kind(&self) -> SourceKind {
        SourceKind::ProcessTree
    }

    /// Why it isn't the cgroup, though the launcher said so.
    pub fn fallback_reason(&self) -> Option<&Error> {
        self.fallback.as_ref()
    }

    /// The command runs as process `pid`: the root of the task.
    pub fn command_started(&mut self, pid: i32) {
        let _ = pid;
    }

    /// Reads everything. The first call is the baseline.
    pub fn read(&mut self) -> Reading {
        let now = getrusage(UsageWho::RUSAGE_CHILDREN).ok().map(|usage| {
            let micros =
                |time: nix::sys::time::TimeVal| (time.tv_sec() * 1_000_000 + time.tv_usec()) as u64;
            (micros(usage.user_time()) + micros(usage.system_time())) * 1000
        });
        let base = *self.children_nsec.get_or_insert(now.unwrap_or(0));
        Reading {
            cpu_usage_nsec: now.map(|now| now.saturating_sub(base)),
            ..Reading::default()
        }
    }

    /// The child `pid` has ended and not been reaped: what a zombie still shows is read here.
    pub fn before_reap(&mut self, pid: i32) {
        let _ = pid;
    }

    /// The child `pid` was reaped by `wait4`, which gave `rusage`.
    pub fn reaped(&mut self, pid: i32, rusage: &libc::rusage) {
        let _ = (pid, rusage);
    }

    /// The highest anonymous memory so far; final after the last reap.
    pub fn anon_peak(&self) -> AnonPeak {
        AnonPeak::default()
    }
}
