//! v1 cgroups for a scenario, removed at its end.

use std::fs;
use std::path::PathBuf;

/// One cgroup in each v1 hierarchy, with this process in it.
pub(crate) struct Groups {
    folders: Vec<PathBuf>,
    homes: Vec<PathBuf>,
}

impl Groups {
    /// Makes them below the cgroups in which the process is, and enters them.
    pub(crate) fn enter() -> Option<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let name = format!("podometer-probe-{}", std::process::id());
        let mut groups = Self {
            folders: Vec::new(),
            homes: Vec::new(),
        };
        for controller in ["cpuacct", "cpu", "memory", "pids", "blkio"] {
            let line = own.lines().find(|line| {
                line.split(':')
                    .nth(1)
                    .is_some_and(|list| list.split(',').any(|one| one == controller))
            })?;
            let path = line.splitn(3, ':').nth(2)?;
            let home = PathBuf::from(format!("/sys/fs/cgroup/{controller}{path}"));
            let folder = home.join(&name);
            if !folder.exists() {
                fs::create_dir(&folder).ok()?;
                groups.folders.push(folder.clone());
                groups.homes.push(home);
            }
            fs::write(folder.join("cgroup.procs"), std::process::id().to_string()).ok()?;
        }
        Some(groups)
    }

    /// Makes one in the unified hierarchy and enters it. `None` if there is no such mount.
    pub(crate) fn enter_v2() -> Option<Self> {
        let mounts = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(PathBuf::from);
        let mount = mounts
            .into_iter()
            .find(|path| path.join("cgroup.controllers").exists())?;
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let path = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let home = mount.join(path);
        let folder = home.join(format!("podometer-probe-{}", std::process::id()));
        fs::create_dir(&folder).ok()?;
        let groups = Self {
            folders: vec![folder.clone()],
            homes: vec![home],
        };
        fs::write(folder.join("cgroup.procs"), std::process::id().to_string()).ok()?;
        Some(groups)
    }

    /// A file of the controller's cgroup, as a number.
    pub(crate) fn number(&self, file: &str) -> u64 {
        let path = self
            .folders
            .iter()
            .map(|folder| folder.join(file))
            .find(|path| path.exists());
        let text = fs::read_to_string(path.expect(file)).expect(file);
        text.trim().parse().expect(file)
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for (folder, home) in self.folders.iter().zip(&self.homes) {
            let _ = fs::write(home.join("cgroup.procs"), std::process::id().to_string());
            if let Err(error) = fs::remove_dir(folder) {
                eprintln!("{} is left over: {error}", folder.display());
            }
        }
    }
}
