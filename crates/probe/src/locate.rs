//! Finds the folders of the caller's own cgroup.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::parse::{self, Mount};

/// What `/proc/self/cgroup` and `/proc/self/mountinfo` say together.
#[derive(Debug)]
pub(crate) struct Located {
    /// The file that names the cgroups, for errors.
    pub(crate) named_in: PathBuf,
    /// The folder in the unified hierarchy.
    pub(crate) v2: Option<PathBuf>,
    /// The folder in the v1 hierarchy of each controller, and the cgroup's path in it.
    v1: Vec<(Vec<u8>, PathBuf, Vec<u8>)>,
}

impl Located {
    /// Looks the folders up. `own_pid` tells the right one where several are possible.
    pub(crate) fn find(proc_root: &Path, own_pid: i32) -> Result<Self, Error> {
        let named_in = proc_root.join("self/cgroup");
        let cgroups = fs::read(&named_in).map_err(Error::unreadable(&named_in))?;
        let mountinfo = proc_root.join("self/mountinfo");
        let mounts = fs::read(&mountinfo).map_err(Error::unreadable(&mountinfo))?;
        let mounts: Vec<Mount> = parse::lines(&mounts)
            .filter_map(parse::mount)
            .filter(|mount| mount.kind.starts_with(b"cgroup"))
            .collect();
        let mut found = Self {
            named_in,
            v2: None,
            v1: Vec::new(),
        };
        for (controllers, path) in parse::own_cgroups(&cgroups) {
            if controllers.is_empty() {
                let mounts = mounts.iter().filter(|mount| mount.kind == b"cgroup2");
                found.v2 = folder(mounts, path, own_pid);
                continue;
            }
            for controller in controllers.split(|byte| *byte == b',') {
                let mounts = mounts
                    .iter()
                    .filter(|mount| mount.kind == b"cgroup" && mount.has(controller));
                if let Some(folder) = folder(mounts, path, own_pid) {
                    found.v1.push((controller.to_vec(), folder, path.to_vec()));
                }
            }
        }
        Ok(found)
    }

    /// The folder of a v1 controller.
    pub(crate) fn v1(&self, controller: &str) -> Option<&Path> {
        self.entry(controller)
            .map(|(_, folder, _)| folder.as_path())
    }

    /// The folder of a v1 controller, if the cgroup has the same name there as with `cpuacct`: one
    /// of another name isn't the attempt's own.
    pub(crate) fn v1_beside_cpuacct(&self, controller: &str) -> Option<&Path> {
        let last = |path: &[u8]| path.rsplit(|byte| *byte == b'/').next().map(<[u8]>::to_vec);
        let (_, folder, path) = self.entry(controller)?;
        let (_, _, cpuacct) = self.entry("cpuacct")?;
        (last(path) == last(cpuacct)).then_some(folder)
    }

    fn entry(&self, controller: &str) -> Option<&(Vec<u8>, PathBuf, Vec<u8>)> {
        self.v1
            .iter()
            .find(|(name, _, _)| name == controller.as_bytes())
    }
}

/// The folder of the cgroup `path` in one of the mounts: the one that lists the caller, else the
/// first that exists.
fn folder<'a>(
    mounts: impl Iterator<Item = &'a Mount>,
    path: &[u8],
    own_pid: i32,
) -> Option<PathBuf> {
    let mut candidates: Vec<PathBuf> = Vec::new();
    for mount in mounts {
        candidates.extend(below(mount, path));
        // Mounted from outside of the cgroup namespace: the mount itself is often the cgroup.
        if mount.root != b"/" {
            candidates.push(mount.point.clone());
        }
    }
    candidates.retain(|folder| folder.is_dir());
    let own = candidates
        .iter()
        .position(|folder| is_member(folder, own_pid));
    (!candidates.is_empty()).then(|| candidates.swap_remove(own.unwrap_or(0)))
}

/// Where the mount shows the cgroup: its path less the part that the mount leaves out.
fn below(mount: &Mount, path: &[u8]) -> Option<PathBuf> {
    let rest = if mount.root == b"/" {
        path
    } else {
        path.strip_prefix(mount.root.as_slice())?
    };
    if !(rest.is_empty() || rest.starts_with(b"/")) {
        return None; // "/pods" is no parent of "/podsandbox"
    }
    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
    let outside = rest.split(|byte| *byte == b'/').any(|part| part == b"..");
    let folder = if rest.is_empty() {
        mount.point.clone()
    } else {
        mount.point.join(OsStr::from_bytes(rest))
    };
    (!outside).then_some(folder)
}

/// Whether `cgroup.procs` lists the process.
pub(crate) fn is_member(folder: &Path, pid: i32) -> bool {
    fs::read(folder.join("cgroup.procs")).is_ok_and(|text| parse::pids(&text).any(|one| one == pid))
}
