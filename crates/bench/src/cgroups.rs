//! The cgroup that a load makes around itself, below the one that it is started in, so that whoever
//! measures that one still sees everything.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// What a load's own cgroup counts, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OwnGroup {
    /// The folder where CPU time is counted, `cpuacct` of version 1 or any of version 2.
    pub(crate) cpu: PathBuf,
    /// The folder where memory is counted, if it was asked for and is to be had.
    pub(crate) memory: Option<PathBuf>,
}

impl OwnGroup {
    /// Makes the cgroup and moves this process into it.
    pub(crate) fn enter(with_memory: bool) -> Result<Self> {
        let cpu = match v1("cpuacct")? {
            Some(folder) => folder,
            None => v2()?.context("no cgroup hierarchy that counts CPU time is mounted")?,
        };
        let memory = if with_memory { v1("memory")? } else { None };
        let name = format!("bench-{}", std::process::id());
        let enter = |parent: PathBuf| {
            let folder = parent.join(&name);
            fs::create_dir(&folder)
                .and_then(|()| fs::write(folder.join("cgroup.procs"), "0"))
                .with_context(|| format!("can't enter {}; bench needs root", folder.display()))?;
            anyhow::Ok(folder)
        };
        Ok(Self {
            cpu: enter(cpu)?,
            memory: memory.map(enter).transpose()?,
        })
    }

    /// CPU time of all that ever ran in it, nanoseconds.
    pub(crate) fn cpu_nsec(&self) -> Result<u64> {
        if let Some(usage) = text(&self.cpu.join("cpuacct.usage"))? {
            return usage.trim().parse().context("cpuacct.usage");
        }
        let path = self.cpu.join("cpu.stat");
        let stat = text(&path)?.with_context(|| format!("{} is missing", path.display()))?;
        let usage = stat
            .lines()
            .find_map(|line| line.strip_prefix("usage_usec "));
        let usage: u64 = usage.context("cpu.stat has no usage_usec")?.parse()?;
        Ok(usage * 1000)
    }

    /// The highest that all its memory ever was, page cache and page tables included, bytes.
    pub(crate) fn memory_peak_bytes(&self) -> Result<Option<u64>> {
        let Some(folder) = &self.memory else {
            return Ok(None);
        };
        let peak = text(&folder.join("memory.max_usage_in_bytes"))?;
        peak.map(|peak| peak.trim().parse().context("memory.max_usage_in_bytes"))
            .transpose()
    }

    /// Whether nothing runs in it any more.
    pub(crate) fn is_empty(&self) -> bool {
        let empty = |folder: &PathBuf| {
            fs::read(folder.join("cgroup.procs")).map_or(true, |pids| pids.is_empty())
        };
        empty(&self.cpu) && self.memory.as_ref().is_none_or(empty)
    }

    pub(crate) fn remove(&self) -> io::Result<()> {
        for folder in std::iter::once(&self.cpu).chain(&self.memory) {
            match fs::remove_dir(folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

fn text(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

fn v1(controller: &str) -> Result<Option<PathBuf>> {
    let has = |list: &str| list.split(',').any(|name| name == controller);
    find(has, "cgroup")
}

fn v2() -> Result<Option<PathBuf>> {
    find(str::is_empty, "cgroup2")
}

/// The folder of this process's cgroup in the hierarchy with the controllers.
fn find(has: impl Fn(&str) -> bool, kind: &str) -> Result<Option<PathBuf>> {
    let own = fs::read_to_string("/proc/self/cgroup")?;
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    let path = own.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        parts.next().filter(|list| has(list))?;
        parts.next()
    });
    let Some(path) = path else {
        return Ok(None);
    };
    for line in mounts.lines() {
        let Some((front, behind)) = line.split_once(" - ") else {
            bail!("/proc/self/mountinfo can't be read: {line}");
        };
        let front: Vec<_> = front.split(' ').collect();
        let behind: Vec<_> = behind.split(' ').collect();
        let right = behind.first() == Some(&kind)
            && (kind == "cgroup2" || behind.get(2).is_some_and(|options| has(options)));
        if let (true, Some(root), Some(point)) = (right, front.get(3), front.get(4)) {
            let inside = path.strip_prefix(*root).unwrap_or(path);
            let folder = Path::new(point).join(inside.trim_start_matches('/'));
            return Ok(folder.is_dir().then_some(folder));
        }
    }
    Ok(None)
}
