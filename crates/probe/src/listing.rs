//! Finds the children of processes: by `task/<tid>/children`, or without `CONFIG_PROC_CHILDREN` by
//! the parent field of every process there is.

use std::fs;
use std::path::{Path, PathBuf};

use crate::file::{Buffer, KernelFile};
use crate::parse;
use crate::process::Process;

/// The ways to find children.
#[derive(Debug)]
pub(crate) struct Listing {
    proc_root: PathBuf,
    own_pid: i32,
    /// The caller's threads and the list of children of each.
    own_threads: Vec<(i32, KernelFile)>,
    children_files: bool,
    /// Without them: every process and its parent, as of this pass.
    parents: Vec<(i32, i32)>,
    tids: Vec<i32>,
    loadavg: Option<KernelFile>,
    last_pid: Option<u64>,
    /// Passes since a process id was last given out.
    quiet_passes: u32,
}

impl Listing {
    pub(crate) fn new(proc_root: &Path, own_pid: i32, children_files: bool) -> Self {
        let file = proc_root.join(format!("{own_pid}/task/{own_pid}/children"));
        Self {
            proc_root: proc_root.to_owned(),
            own_pid,
            own_threads: Vec::new(),
            children_files: children_files && file.exists(),
            parents: Vec::new(),
            tids: Vec::new(),
            loadavg: KernelFile::open(&proc_root.join("loadavg")).ok(),
            last_pid: None,
            quiet_passes: 0,
        }
    }

    pub(crate) fn own_threads(&self) -> u64 {
        self.tids.len() as u64
    }

    /// Begins a pass.
    pub(crate) fn begin(&mut self, buffer: &mut Buffer) {
        let last_pid = self
            .loadavg
            .as_ref()
            .and_then(|file| parse::last_pid(file.read(buffer)?));
        let quiet = last_pid.is_some() && last_pid == self.last_pid;
        self.quiet_passes = if quiet {
            self.quiet_passes.saturating_add(1)
        } else {
            0
        };
        self.last_pid = last_pid;
        if self.quiet() {
            return;
        }
        // Threads take their ids from where processes do: no birth, no new thread either.
        self.tids.clear();
        let folder = self.proc_root.join(format!("{}/task", self.own_pid));
        numbers_in(&folder, &mut self.tids);
        if self.children_files {
            self.keep_own_threads();
        } else {
            self.scan(buffer);
        }
    }

    /// No process was born in this pid namespace since the lists were read, so they needn't be read
    /// again. Read twice they have been: a list may leave one out while another ends.
    pub(crate) fn quiet(&self) -> bool {
        self.quiet_passes >= 2
    }

    /// The caller's threads come and go; any of them may have children.
    fn keep_own_threads(&mut self) {
        let tids = &self.tids;
        self.own_threads.retain(|(tid, _)| tids.contains(tid));
        for tid in tids {
            if self.own_threads.iter().all(|(known, _)| known != tid)
                && let Ok(file) = KernelFile::open(&self.children_file(self.own_pid, *tid))
            {
                self.own_threads.push((*tid, file));
            }
        }
    }

    fn children_file(&self, pid: i32, tid: i32) -> PathBuf {
        self.proc_root.join(format!("{pid}/task/{tid}/children"))
    }

    /// Appends the caller's children.
    pub(crate) fn own_children(&self, into: &mut Vec<i32>, buffer: &mut Buffer) {
        if !self.children_files {
            self.scanned_children(self.own_pid, into);
            return;
        }
        for (_, file) in &self.own_threads {
            if let Some(text) = file.read_all(buffer) {
                into.extend(parse::pids(text));
            }
        }
    }

    /// Appends the children of a process.
    pub(crate) fn children_of(&self, process: &Process, into: &mut Vec<i32>, buffer: &mut Buffer) {
        if !self.children_files {
            self.scanned_children(process.pid, into);
            return;
        }
        process.children(into, buffer);
        if process.stat.num_threads > 1 {
            let mut tids = Vec::new();
            numbers_in(
                &self.proc_root.join(format!("{}/task", process.pid)),
                &mut tids,
            );
            for tid in tids.into_iter().filter(|tid| *tid != process.pid) {
                let file = KernelFile::open(&self.children_file(process.pid, tid)).ok();
                if let Some(text) = file.as_ref().and_then(|file| file.read_all(buffer)) {
                    into.extend(parse::pids(text));
                }
            }
        }
    }

    fn scanned_children(&self, parent: i32, into: &mut Vec<i32>) {
        into.extend(
            self.parents
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(pid, _)| *pid),
        );
    }

    fn scan(&mut self, buffer: &mut Buffer) {
        let mut pids = Vec::new();
        numbers_in(&self.proc_root, &mut pids);
        self.parents.clear();
        for pid in pids {
            let file = KernelFile::open(&self.proc_root.join(format!("{pid}/stat"))).ok();
            let text = file.as_ref().and_then(|file| file.read(buffer));
            if let Some(stat) = text.and_then(parse::stat) {
                self.parents.push((pid, stat.ppid));
            }
        }
    }
}

/// The entries of a folder whose names are numbers.
fn numbers_in(folder: &Path, into: &mut Vec<i32>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    into.extend(
        entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()),
    );
}
