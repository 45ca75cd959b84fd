//! A cgroup of the unified hierarchy.

use std::path::Path;

use super::{CgroupReading, get};
use crate::error::Error;
use crate::file::{Buffer, KernelFile};
use crate::parse;

/// The open files.
#[derive(Debug)]
pub(crate) struct V2 {
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

impl V2 {
    /// Opens what there is; the CPU counter has to be.
    pub(crate) fn open(folder: &Path, buffer: &mut Buffer) -> Result<Self, Error> {
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
        Ok(Self {
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
        })
    }

    pub(crate) fn has_memory(&self) -> bool {
        self.memory_current.is_some()
    }

    pub(crate) fn read(&self, buffer: &mut Buffer) -> CgroupReading {
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
