//! A cgroup in each of the v1 hierarchies.

use std::path::Path;

use super::{CgroupReading, get};
use crate::error::Error;
use crate::file::{Buffer, KernelFile};
use crate::parse;
use crate::process::share;

/// The folder of a controller's cgroup.
pub(crate) type Folders<'a> = dyn Fn(&str) -> Option<&'a Path> + 'a;

/// The open files.
#[derive(Debug)]
pub(crate) struct V1 {
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

impl V1 {
    /// Opens what there is; the CPU counter has to be.
    pub(crate) fn open(
        cpuacct: &Path,
        folders: &Folders<'_>,
        buffer: &mut Buffer,
    ) -> Result<Self, Error> {
        let no_cpu = || Error::NoCpuCounter {
            path: cpuacct.to_owned(),
            file: "cpuacct.usage",
        };
        let in_cpuacct = |name: &str| KernelFile::open(&cpuacct.join(name)).ok();
        let open = |controller: &str, name: &str| {
            folders(controller).and_then(|folder| KernelFile::open(&folder.join(name)).ok())
        };
        let cpuacct_usage = in_cpuacct("cpuacct.usage").ok_or_else(no_cpu)?;
        cpuacct_usage
            .read(buffer)
            .and_then(parse::single)
            .ok_or_else(no_cpu)?;
        Ok(Self {
            cpuacct_usage,
            cpuacct_usage_user: in_cpuacct("cpuacct.usage_user"),
            cpuacct_usage_sys: in_cpuacct("cpuacct.usage_sys"),
            cpuacct_stat: in_cpuacct("cpuacct.stat"),
            cpu_stat: open("cpu", "cpu.stat"),
            memory_usage: open("memory", "memory.usage_in_bytes"),
            memory_stat: open("memory", "memory.stat"),
            memory_max_usage: open("memory", "memory.max_usage_in_bytes"),
            memory_oom_control: open("memory", "memory.oom_control"),
            pids_current: open("pids", "pids.current"),
        })
    }

    pub(crate) fn has_memory(&self) -> bool {
        self.memory_usage.is_some()
    }

    pub(crate) fn read(&self, tick_nsec: u64, buffer: &mut Buffer) -> CgroupReading {
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
