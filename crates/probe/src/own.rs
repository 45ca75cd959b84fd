//! The caller itself: what has to be taken out of a cgroup's numbers, and what measuring costs.

use std::path::Path;

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use nix::time::{ClockId, clock_gettime};

use crate::error::Error;
use crate::file::{Buffer, KernelFile};
use crate::parse::{self, Io};

/// The caller's files, opened before it makes itself non-dumpable.
#[derive(Debug)]
pub(crate) struct Own {
    statm: KernelFile,
    status: KernelFile,
    io: Option<KernelFile>,
    page_bytes: u64,
}

/// CPU time of the caller or of its children, nanoseconds, and their major faults.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) cpu_nsec: u64,
    pub(crate) system_nsec: u64,
    pub(crate) major_faults: u64,
}

/// Resident memory of the caller, bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct OwnMemory {
    pub(crate) resident: u64,
    pub(crate) anon: u64,
}

impl Own {
    pub(crate) fn open(proc_root: &Path) -> Result<Self, Error> {
        let open = |name: &str| {
            let path = proc_root.join("self").join(name);
            KernelFile::open(&path).map_err(Error::unreadable(&path))
        };
        let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)
            .ok()
            .flatten();
        Ok(Self {
            statm: open("statm")?,
            status: open("status")?,
            io: open("io").ok(),
            page_bytes: page.unwrap_or(4096) as u64,
        })
    }

    pub(crate) fn page_bytes(&self) -> u64 {
        self.page_bytes
    }

    pub(crate) fn memory(&self, buffer: &mut Buffer) -> Option<OwnMemory> {
        let statm = parse::statm(self.statm.read(buffer)?)?;
        let anon = statm.resident_pages.saturating_sub(statm.shared_pages);
        Some(OwnMemory {
            resident: statm.resident_pages * self.page_bytes,
            anon: anon * self.page_bytes,
        })
    }

    /// The caller's high-water mark, which a child takes along through fork and exec, bytes.
    pub(crate) fn high_water_bytes(&self, buffer: &mut Buffer) -> Option<u64> {
        parse::status(self.status.read(buffer)?)
            .vm_hwm_kib
            .map(|kib| kib << 10)
    }

    /// `/proc/self/io`: the caller's threads and the children that it reaped. With it comes what
    /// this read itself adds to the next `rchar`.
    pub(crate) fn io(&self, buffer: &mut Buffer) -> Option<(Io, u64)> {
        let text = self.io.as_ref()?.read(buffer)?;
        Some((parse::io(text)?, text.len() as u64))
    }
}

/// The caller's own CPU time. The kernel brings its running threads up to date for this, and charges
/// their cgroup on the way, so it has to be read before the cgroup.
pub(crate) fn used_by_self() -> Option<Used> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    let clock = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).ok()?;
    Some(Used {
        cpu_nsec: clock.num_nanoseconds() as u64,
        ..Used::from(usage)
    })
}

/// What the children that were reaped have used.
pub(crate) fn used_by_children() -> Option<Used> {
    getrusage(UsageWho::RUSAGE_CHILDREN).ok().map(Used::from)
}

impl From<Usage> for Used {
    fn from(usage: Usage) -> Self {
        let nsec = |time: TimeVal| time.num_microseconds() as u64 * 1000;
        let system_nsec = nsec(usage.system_time());
        Self {
            cpu_nsec: nsec(usage.user_time()) + system_nsec,
            system_nsec,
            major_faults: usage.major_page_faults() as u64,
        }
    }
}
