//! One attempt's cgroup.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// How long the kernel may take to see that a cgroup is empty.
const PATIENCE: Duration = Duration::from_secs(5);

/// One attempt's cgroup: its folder in each hierarchy. Removed when dropped.
#[derive(Debug)]
pub(crate) struct Group {
    folders: Vec<PathBuf>,
    v2: bool,
}

impl Group {
    pub(super) fn new(v2: bool) -> Self {
        Self {
            folders: Vec::new(),
            v2,
        }
    }

    pub(super) fn add(&mut self, folder: PathBuf) {
        self.folders.push(folder);
    }

    /// The files by which a process joins it.
    pub(crate) fn entrances(&self) -> io::Result<Vec<File>> {
        let open = |f: &PathBuf| OpenOptions::new().write(true).open(f.join("cgroup.procs"));
        self.folders.iter().map(open).collect()
    }

    /// Its processes, without our own.
    pub(crate) fn pids(&self) -> BTreeSet<i32> {
        let own = std::process::id() as i32;
        let read = |folder: &PathBuf| fs::read_to_string(folder.join("cgroup.procs")).ok();
        let texts: Vec<_> = self.folders.iter().filter_map(read).collect();
        let pids = texts.iter().flat_map(|text| text.split_whitespace());
        pids.filter_map(|pid| pid.parse().ok())
            .filter(|pid| *pid > 1 && *pid != own)
            .collect()
    }

    /// Kills all of its processes.
    pub(crate) fn kill(&self) {
        if self.v2
            && self
                .folders
                .iter()
                .all(|f| fs::write(f.join("cgroup.kill"), "1").is_ok())
        {
            return;
        }
        for pid in self.pids() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }

    /// Processes that the kernel killed in it for want of memory.
    pub(crate) fn oom_kills(&self) -> Option<u64> {
        let file = if self.v2 {
            "memory.events"
        } else {
            "memory.oom_control"
        };
        self.folders
            .iter()
            .find_map(|folder| oom_kill(&folder.join(file)))
    }

    fn remove(&self) -> Result<(), (PathBuf, io::Error)> {
        let give_up = Instant::now() + PATIENCE;
        for folder in &self.folders {
            let mut pause = Duration::from_micros(500);
            while let Err(error) = fs::remove_dir(folder) {
                if error.kind() == io::ErrorKind::NotFound {
                    break;
                }
                if Instant::now() > give_up {
                    return Err((folder.clone(), error));
                }
                // What is left in it has no business there.
                self.kill();
                thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(50));
            }
        }
        Ok(())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Err((folder, error)) = self.remove() {
            tracing::warn!(
                "the cgroup {} could not be removed: {error}",
                folder.display()
            );
        }
    }
}

/// The line `oom_kill <count>`.
fn oom_kill(file: &Path) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}
