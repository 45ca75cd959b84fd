//! One cgroup, v2 or v1: which files are read, and into what.

mod v1;
mod v2;

use std::path::Path;

use self::v1::V1;
use self::v2::V2;
use crate::SourceKind;
use crate::error::Error;
use crate::file::{Buffer, KernelFile};
use crate::locate::{Located, is_member};

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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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

impl Cgroup {
    /// Opens the caller's own cgroup: v2 where it accounts for memory, else v1, else v2 with the CPU
    /// counter alone.
    pub(crate) fn find(proc_root: &Path, own_pid: i32, buffer: &mut Buffer) -> Result<Self, Error> {
        let located = Located::find(proc_root, own_pid)?;
        let v2 = located
            .v2
            .as_deref()
            .map(|folder| Self::find_v2(folder, own_pid, buffer));
        let v2 = match v2 {
            Some(Ok(cgroup)) if cgroup.has_memory() => return Ok(cgroup),
            other => other,
        };
        let v1 = located.v1("cpuacct").map(|cpuacct| {
            let beside = |controller: &str| located.v1_beside_cpuacct(controller);
            Self::find_v1(cpuacct, &beside, own_pid, buffer)
        });
        match (v1, v2) {
            (Some(Ok(cgroup)), _) | (_, Some(Ok(cgroup))) => Ok(cgroup),
            (Some(Err(error)), _) | (None, Some(Err(error))) => Err(error),
            (None, None) => Err(Error::NotMounted {
                path: located.named_in,
            }),
        }
    }

    fn find_v2(folder: &Path, own_pid: i32, buffer: &mut Buffer) -> Result<Self, Error> {
        // Every cgroup but the machine's root has this file.
        if !folder.join("cgroup.events").exists() {
            return Err(Error::WholeMachine {
                path: folder.to_owned(),
            });
        }
        Self::v2(folder, own_pid, buffer)
    }

    fn find_v1(
        cpuacct: &Path,
        beside: &v1::Folders<'_>,
        own_pid: i32,
        buffer: &mut Buffer,
    ) -> Result<Self, Error> {
        if v1_root(cpuacct) {
            return Err(Error::WholeMachine {
                path: cpuacct.to_owned(),
            });
        }
        let folders = |controller: &str| beside(controller).filter(|folder| !v1_root(folder));
        Self::v1(cpuacct, &folders, own_pid, buffer)
    }

    /// Opens the cgroup in a folder that the launcher names: v1 if it has that version's files.
    pub(crate) fn open(folder: &Path, own_pid: i32, buffer: &mut Buffer) -> Result<Self, Error> {
        if folder.join("cpuacct.usage").exists() {
            Self::v1(folder, &|_: &str| Some(folder), own_pid, buffer)
        } else {
            Self::v2(folder, own_pid, buffer)
        }
    }

    fn v2(folder: &Path, own_pid: i32, buffer: &mut Buffer) -> Result<Self, Error> {
        let files = Box::new(V2::open(folder, buffer)?);
        let member = is_member(folder, own_pid);
        let member = Member {
            cpu: member,
            memory: member,
            pids: member,
        };
        Ok(Self {
            member,
            files: Files::V2(files),
        })
    }

    fn v1(
        cpuacct: &Path,
        folders: &v1::Folders<'_>,
        own_pid: i32,
        buffer: &mut Buffer,
    ) -> Result<Self, Error> {
        let files = Box::new(V1::open(cpuacct, folders, buffer)?);
        let member =
            |controller| folders(controller).is_some_and(|folder| is_member(folder, own_pid));
        let cpu = is_member(cpuacct, own_pid);
        let member = Member {
            cpu,
            memory: member("memory"),
            pids: member("pids"),
        };
        Ok(Self {
            member,
            files: Files::V1(files),
        })
    }

    pub(crate) fn kind(&self) -> SourceKind {
        match self.files {
            Files::V2(_) => SourceKind::CgroupV2,
            Files::V1(_) => SourceKind::CgroupV1,
        }
    }

    /// Whether memory is accounted for in this cgroup.
    fn has_memory(&self) -> bool {
        match &self.files {
            Files::V2(files) => files.has_memory(),
            Files::V1(files) => files.has_memory(),
        }
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
