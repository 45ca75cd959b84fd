//! One cgroup, v2 or v1: which files are read, and into what.

use std::path::Path;

use crate::SourceKind;
use crate::error::Error;
use crate::file::{Buffer, KernelFile};
use crate::locate::{Located, is_member};
use crate::parse;
use crate::process::share;

/// What a cgroup's files say, the caller's part included. Counters since the cgroup was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CgroupReading {
    pub(crate) cpu_nsec: Option<u64>,
    pub(crate) system_nsec: Option<u64>,
    pub(crate) nr_throttled: Option<u64>,
    pub(crate) throttled_usec: Option<u64>,
    pub(crate) memory_usage: Option<u64>,
    pub(crate) inactive_file: Option<u64>,
    pub(crate) anon: Option<u64>,
    pub(crate) file: Option<u64>,
    pub(crate) swap: Option<u64>,
    pub(crate) peak: Option<u64>,
    pub(crate) oom_kill: Option<u64>,
    pub(crate) major_faults: Option<u64>,
    /// Read and written.
    pub(crate) io: Option<(u64, u64)>,
    pub(crate) pids: Option<u64>,
    pub(crate) cpu_pressure_usec: Option<u64>,
    pub(crate) memory_pressure_usec: Option<u64>,
    pub(crate) io_pressure_usec: Option<u64>,
}

/// The hierarchies (v1) in which the caller is a member of the cgroup; of v2 there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) cpu: bool,
    pub(crate) memory: bool,
    pub(crate) pids: bool,
}

/// The open files of the attempt's cgroup.
#[derive(Debug)]
pub(crate) struct Cgroup {
    pub(crate) member: Member,
    files: Files,
}

#[derive(Debug)]
enum Files {
    V2(Box<V2>),
    V1(Box<V1>),
}

#[derive(Debug)]
struct V2 {
    cpu_stat: KernelFile,
    memory_current: Option<KernelFile>,
    memory_stat: Option<KernelFile>,
    memory_swap_current: Option<KernelFile>,
    memory_peak: Option<KernelFile>,
    memory_events: Option<KernelFile>,
    io_stat: Option<KernelFile>,
    pids_current: Option<KernelFile>,
    cpu_pressure: Option<KernelFile>,
    memory_pressure: Option<KernelFile>,
    io_pressure: Option<KernelFile>,
}

#[derive(Debug)]
struct V1 {
    cpuacct_usage: KernelFile,
    cpuacct_usage_user: Option<KernelFile>,
    cpuacct_usage_sys: Option<KernelFile>,
    cpuacct_stat: Option<KernelFile>,
    cpu_stat: Option<KernelFile>,
    memory_usage: Option<KernelFile>,
    memory_stat: Option<KernelFile>,
    memory_max_usage: Option<KernelFile>,
    memory_oom_control: Option<KernelFile>,
    pids_current: Option<KernelFile>,
}

impl Cgroup {
    /// Opens the caller's own cgroup: v2 where it accounts for memory, else v1, else v2 with the CPU
    /// counter alone.
    pub(crate) fn find(proc_root: &Path, own_pid: i32, buffer: &mut Buffer) -> Result<Self, Error> {
        let located = Located::find(proc_root, own_pid)?;
        let v2 = located
            .v2
            .as_deref()
            .map(|folder| Self::open_v2(folder, own_pid, buffer));
        if let Some(Ok(cgroup)) = v2.as_ref()
            && cgroup.has_memory()
            && let Some(Ok(cgroup)) = v2
        {
            return Ok(cgroup);
        }
        let v1 = located
            .v1("cpuacct")
            .map(|_| Self::open_v1(&located, own_pid, buffer));
        match (v1, v2) {
            (Some(Ok(cgroup)), _) | (_, Some(Ok(cgroup))) => Ok(cgroup),
            (Some(Err(error)), _) | (None, Some(Err(error))) => Err(error),
            (None, None) => Err(Error::NotMounted {
                path: located.named_in,
            }),
        }
    }

    /// Opens the cgroup in a folder that the launcher names: v1 if it has that version's files.
    pub(crate) fn open(folder: &Path, own_pid: i32, buffer: &mut Buffer) -> Result<Self, Error> {
        if folder.join("cpuacct.usage").exists() {
            let at = |_: &str| Some(folder);
            Self::open_v1_at(folder, &at, own_pid, buffer)
        } else {
            Self::open_v2(folder, own_pid, buffer)
        }
    }

    pub(crate) fn kind(&self) -> SourceKind {
        match self.files {
            Files::V2(_) => SourceKind::CgroupV2,
            Files::V1(_) => SourceKind::CgroupV1,
        }
    }

    /// Whether memory is accounted for in this cgroup.
    pub(crate) fn has_memory(&self) -> bool {
        match &self.files {
            Files::V2(files) => files.memory_current.is_some(),
            Files::V1(files) => files.memory_usage.is_some(),
        }
    }

    fn open_v2(folder: &Path, own_pid: i32, buffer: &mut Buffer) -> Result<Self, Error> {
        // Every cgroup but the machine's root has this file.
        if !folder.join("cgroup.events").exists() {
            return Err(Error::WholeMachine {
                path: folder.to_owned(),
            });
        }
        let open = |name: &str| KernelFile::open(&folder.join(name)).ok();
        let no_cpu = || Error::NoCpuCounter {
            path: folder.to_owned(),
            file: "cpu.stat",
        };
        let cpu_stat = open("cpu.stat").ok_or_else(no_cpu)?;
        let usage = cpu_stat
            .read(buffer)
            .and_then(|text| parse::cpu_stat(text).usage_usec);
        usage.ok_or_else(no_cpu)?;
        let member = is_member(folder, own_pid);
        let files = V2 {
            cpu_stat,
            memory_current: open("memory.current"),
            memory_stat: open("memory.stat"),
            memory_swap_current: open("memory.swap.current"),
            memory_peak: open("memory.peak"),
            memory_events: open("memory.events"),
            io_stat: open("io.stat"),
            pids_current: open("pids.current"),
            cpu_pressure: open("cpu.pressure"),
            memory_pressure: open("memory.pressure"),
            io_pressure: open("io.pressure"),
        };
        let member = Member {
            cpu: member,
            memory: member,
            pids: member,
        };
        Ok(Self {
            member,
            files: Files::V2(Box::new(files)),
        })
    }

    fn open_v1(located: &Located, own_pid: i32, buffer: &mut Buffer) -> Result<Self, Error> {
        let none = || Error::NotMounted {
            path: located.named_in.clone(),
        };
        let cpuacct = located.v1("cpuacct").ok_or_else(none)?;
        let at = |controller: &str| located.v1_beside_cpuacct(controller);
        Self::open_v1_at(cpuacct, &at, own_pid, buffer)
    }

    fn open_v1_at<'a>(
        cpuacct: &Path,
        at: &dyn Fn(&str) -> Option<&'a Path>,
        own_pid: i32,
        buffer: &mut Buffer,
    ) -> Result<Self, Error> {
        if v1_root(cpuacct) {
            return Err(Error::WholeMachine {
                path: cpuacct.to_owned(),
            });
        }
        let no_cpu = || Error::NoCpuCounter {
            path: cpuacct.to_owned(),
            file: "cpuacct.usage",
        };
        let own = |controller: &str| at(controller).filter(|folder| !v1_root(folder));
        let open = |controller: &str, name: &str| {
            own(controller).and_then(|folder| KernelFile::open(&folder.join(name)).ok())
        };
        let cpuacct_usage =
            KernelFile::open(&cpuacct.join("cpuacct.usage")).map_err(|_| no_cpu())?;
        cpuacct_usage
            .read(buffer)
            .and_then(parse::single)
            .ok_or_else(no_cpu)?;
        let member = |controller| own(controller).is_some_and(|folder| is_member(folder, own_pid));
        let member = Member {
            cpu: is_member(cpuacct, own_pid),
            memory: member("memory"),
            pids: member("pids"),
        };
        let files = V1 {
            cpuacct_usage,
            cpuacct_usage_user: open("cpuacct", "cpuacct.usage_user"),
            cpuacct_usage_sys: open("cpuacct", "cpuacct.usage_sys"),
            cpuacct_stat: open("cpuacct", "cpuacct.stat"),
            cpu_stat: open("cpu", "cpu.stat"),
            memory_usage: open("memory", "memory.usage_in_bytes"),
            memory_stat: open("memory", "memory.stat"),
            memory_max_usage: open("memory", "memory.max_usage_in_bytes"),
            memory_oom_control: open("memory", "memory.oom_control"),
            pids_current: open("pids", "pids.current"),
        };
        Ok(Self {
            member,
            files: Files::V1(Box::new(files)),
        })
    }

    pub(crate) fn read(&self, tick_nsec: u64, buffer: &mut Buffer) -> CgroupReading {
        match &self.files {
            Files::V2(files) => files.read(buffer),
            Files::V1(files) => files.read(tick_nsec, buffer),
        }
    }
}

/// Only the root of a v1 hierarchy has this file; the root of a cgroup namespace hasn't.
fn v1_root(folder: &Path) -> bool {
    folder.join("release_agent").exists()
}

/// Reads and parses a file that may be missing.
fn get<T>(
    file: Option<&KernelFile>,
    buffer: &mut Buffer,
    parse: impl FnOnce(&[u8]) -> Option<T>,
) -> Option<T> {
    file.and_then(|file| parse(file.read(buffer)?))
}

impl V2 {
    fn read(&self, buffer: &mut Buffer) -> CgroupReading {
        let cpu = self
            .cpu_stat
            .read(buffer)
            .map(parse::cpu_stat)
            .unwrap_or_default();
        let memory = self.memory_stat.as_ref();
        let memory = get(memory, buffer, |text| Some(parse::memory_stat(text))).unwrap_or_default();
        let nsec = |usec: u64| usec.checked_mul(1000);
        CgroupReading {
            cpu_nsec: cpu.usage_usec.and_then(nsec),
            system_nsec: cpu.system_usec.and_then(nsec),
            nr_throttled: cpu.nr_throttled,
            throttled_usec: cpu.throttled_usec,
            memory_usage: get(self.memory_current.as_ref(), buffer, parse::single),
            inactive_file: memory.inactive_file,
            anon: memory.anon,
            file: memory.file,
            swap: get(self.memory_swap_current.as_ref(), buffer, parse::single),
            peak: get(self.memory_peak.as_ref(), buffer, parse::single),
            oom_kill: get(self.memory_events.as_ref(), buffer, parse::oom_kill),
            major_faults: memory.pgmajfault,
            io: get(self.io_stat.as_ref(), buffer, parse::io_stat),
            pids: get(self.pids_current.as_ref(), buffer, parse::single),
            cpu_pressure_usec: get(self.cpu_pressure.as_ref(), buffer, parse::pressure_some),
            memory_pressure_usec: get(self.memory_pressure.as_ref(), buffer, parse::pressure_some),
            io_pressure_usec: get(self.io_pressure.as_ref(), buffer, parse::pressure_some),
        }
    }
}

impl V1 {
    fn read(&self, tick_nsec: u64, buffer: &mut Buffer) -> CgroupReading {
        let usage = self.cpuacct_usage.read(buffer).and_then(parse::single);
        let split = self.split(tick_nsec, buffer);
        let cpu = get(self.cpu_stat.as_ref(), buffer, |text| {
            Some(parse::cpu_stat(text))
        });
        let cpu = cpu.unwrap_or_default();
        let memory = self.memory_stat.as_ref();
        let memory = get(memory, buffer, |text| Some(parse::v1_memory_stat(text)));
        let memory = memory.unwrap_or_default();
        CgroupReading {
            cpu_nsec: usage,
            system_nsec: usage
                .zip(split)
                .map(|(usage, (user, system))| share(usage, system, user)),
            nr_throttled: cpu.nr_throttled,
            throttled_usec: cpu.throttled_time.map(|nsec| nsec / 1000),
            memory_usage: get(self.memory_usage.as_ref(), buffer, parse::single),
            inactive_file: memory.total_inactive_file,
            anon: memory.total_rss,
            file: memory.total_cache,
            swap: memory.total_swap,
            peak: get(self.memory_max_usage.as_ref(), buffer, parse::single),
            oom_kill: get(self.memory_oom_control.as_ref(), buffer, parse::oom_kill),
            major_faults: memory.total_pgmajfault,
            pids: get(self.pids_current.as_ref(), buffer, parse::single),
            // blkio says 0 until a throttle is set, and there is no pressure.
            ..CgroupReading::default()
        }
    }

    /// User and system time as the tick sampled them, nanoseconds.
    fn split(&self, tick_nsec: u64, buffer: &mut Buffer) -> Option<(u64, u64)> {
        let user = get(self.cpuacct_usage_user.as_ref(), buffer, parse::single);
        let system = get(self.cpuacct_usage_sys.as_ref(), buffer, parse::single);
        if let (Some(user), Some(system)) = (user, system) {
            return Some((user, system));
        }
        let stat = get(self.cpuacct_stat.as_ref(), buffer, parse::v1_cpuacct_stat)?;
        Some((
            stat.user_ticks.checked_mul(tick_nsec)?,
            stat.system_ticks.checked_mul(tick_nsec)?,
        ))
    }
}
