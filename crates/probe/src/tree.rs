//! The processes below the caller.
//!
//! Orders that keep a process that dies meanwhile from being counted twice: what a process has
//! accumulated from children that it waited for is read before any clock (all `stat` files, then all
//! clocks), and the `io` of a parent before that of its children. Then such a process is missed in
//! this reading at worst, and is in its parent's numbers in the next.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::file::Buffer;
use crate::listing::Listing;
use crate::lost::{Lost, Parent};
use crate::parse::Io;
use crate::process::{FILES, Process};

/// What the live processes hold, and what of the ended ones is not in the caller's `getrusage`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TreeReading {
    /// Live processes and what they waited for, and what was seen of vanished ones.
    pub(crate) cpu_nsec: u64,
    pub(crate) system_nsec: u64,
    pub(crate) anon_bytes: u64,
    /// Mapped pages of files and shared memory.
    pub(crate) file_bytes: u64,
    pub(crate) swap_bytes: u64,
    /// Live and ended ones. `None` if some process's can't be read.
    pub(crate) io: Option<Io>,
    /// The same, without what needs `/proc/<pid>/io` of the ended ones.
    pub(crate) block_io: Option<Io>,
    pub(crate) major_faults: u64,
    pub(crate) processes: u64,
    pub(crate) threads: u64,
    pub(crate) cpu_lower_bound: bool,
}

/// The processes below the caller.
#[derive(Debug)]
pub(crate) struct Tree {
    proc_root: PathBuf,
    own_pid: i32,
    listing: Listing,
    processes: BTreeMap<i32, Process>,
    /// Processes in the order in which they were met: parents before children.
    order: Vec<i32>,
    /// Reused.
    queue: Vec<i32>,
    pass: u64,
    /// Descriptors that may still be held open.
    descriptors: usize,
    tick_nsec: u64,
    ended: Ended,
    lost: Lost,
    /// Processes that were ever met.
    met: u64,
    gone_memory: GoneMemory,
}

/// What is kept of the memory of processes that are gone, bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct GoneMemory {
    /// The best bound of the anonymous peak by one of them.
    pub(crate) anon: Option<u64>,
    /// The largest file part of one of them.
    pub(crate) largest_file: Option<u64>,
}

/// What the reaped children did to files.
#[derive(Debug, Default)]
struct Ended {
    io: Io,
    /// Some child's `io` could not be read, only its `rusage`.
    chars_unknown: bool,
}

impl Tree {
    pub(crate) fn open(proc_root: &Path, children_files: bool) -> Self {
        let own_pid = nix::unistd::getpid().as_raw();
        Self {
            proc_root: proc_root.to_owned(),
            own_pid,
            listing: Listing::new(proc_root, own_pid, children_files),
            queue: Vec::new(),
            processes: BTreeMap::new(),
            order: Vec::new(),
            pass: 0,
            descriptors: descriptor_budget(),
            tick_nsec: 1_000_000_000 / clock_ticks_per_sec(),
            ended: Ended::default(),
            lost: Lost::default(),
            met: 0,
            gone_memory: GoneMemory::default(),
        }
    }

    /// Threads of the caller itself, as of the last reading.
    pub(crate) fn own_threads(&self) -> u64 {
        self.listing.own_threads()
    }

    /// How many processes were ever met.
    pub(crate) fn ever_met(&self) -> u64 {
        self.met
    }

    pub(crate) fn tick_nsec(&self) -> u64 {
        self.tick_nsec
    }

    /// What the reaped children did to files.
    pub(crate) fn ended_io(&self) -> Io {
        self.ended.io
    }

    pub(crate) fn gone_memory(&self) -> GoneMemory {
        self.gone_memory
    }

    pub(crate) fn processes(&self) -> impl Iterator<Item = &Process> {
        self.processes.values()
    }

    /// Meets a process outside of a reading.
    pub(crate) fn meet(&mut self, pid: i32, buffer: &mut Buffer) {
        if !self.processes.contains_key(&pid) && self.add(pid, buffer) {
            self.processes
                .get_mut(&pid)
                .map(Process::let_go)
                .unwrap_or_default();
        }
    }

    pub(crate) fn read(&mut self, buffer: &mut Buffer) -> TreeReading {
        self.pass += 1;
        self.listing.begin(buffer);
        let list = !self.listing.quiet();
        let mut queue = std::mem::take(&mut self.queue);
        queue.clear();
        if list {
            self.order.clear();
            self.listing.own_children(&mut queue, buffer);
            self.walk(&mut queue, 0, list, buffer);
        } else {
            std::mem::swap(&mut queue, &mut self.order);
            let known = queue.len();
            self.walk(&mut queue, known, list, buffer);
        }
        // Met before and not now: moved in the tree meanwhile, or gone.
        queue.clear();
        let not_met = self
            .processes
            .values()
            .filter(|known| known.met != self.pass);
        queue.extend(not_met.map(|known| known.pid));
        let known = queue.len();
        self.walk(&mut queue, known, list, buffer);
        self.queue = queue;
        self.settle_gone(buffer);
        self.clocks_and_io(buffer);
        self.sum()
    }

    /// Looks at the processes of the queue, which grows by their children if these are listed. The
    /// first `known` ones were met before and can't be others by now.
    fn walk(&mut self, queue: &mut Vec<i32>, known: usize, list: bool, buffer: &mut Buffer) {
        let mut next = 0;
        while let Some(pid) = queue.get(next).copied() {
            next += 1;
            if self.look_at(pid, next > known, buffer)
                && let Some(process) = self.processes.get_mut(&pid)
            {
                if list {
                    self.listing.children_of(process, queue, buffer);
                }
                process.let_go();
            }
        }
    }

    /// Reads `stat` and `status`. False if it is gone, was already met, or isn't below the caller.
    fn look_at(&mut self, pid: i32, may_be_new: bool, buffer: &mut Buffer) -> bool {
        if let Some(known) = self.processes.get_mut(&pid) {
            if known.met == self.pass {
                return false;
            }
            if known.prepare(&self.proc_root, buffer) && known.look(buffer) {
                known.met = self.pass;
                self.order.push(pid);
                return true;
            }
            self.remove_gone(pid);
        }
        if !may_be_new || !self.add(pid, buffer) {
            return false;
        }
        self.order.push(pid);
        true
    }

    /// Opens a process that was not known. One whose parent isn't in the tree is another's that got
    /// the number meanwhile.
    fn add(&mut self, pid: i32, buffer: &mut Buffer) -> bool {
        let keep = self.descriptors >= FILES;
        let Some(mut process) = Process::open(&self.proc_root, pid, keep, buffer) else {
            return false;
        };
        let parent = process.stat.ppid;
        if parent != self.own_pid && !self.processes.contains_key(&parent) {
            return false;
        }
        process.met = self.pass;
        if keep {
            self.descriptors -= FILES;
        }
        self.met += 1;
        self.lost.note(&process);
        self.processes.insert(pid, process);
        true
    }

    fn remove_gone(&mut self, pid: i32) {
        if let Some(process) = self.remove(pid) {
            self.lost.gone(&process);
        }
    }

    fn remove(&mut self, pid: i32) -> Option<Process> {
        let process = self.processes.remove(&pid)?;
        if process.keeps_files() {
            self.descriptors += FILES;
        }
        let gone = &mut self.gone_memory;
        gone.anon = gone.anon.max(process.track.lower());
        gone.largest_file = gone.largest_file.max(process.track.largest_file());
        Some(process)
    }

    /// Asks the parents of vanished processes whether they have their numbers.
    fn settle_gone(&mut self, buffer: &mut Buffer) {
        let Self {
            lost,
            processes,
            own_pid,
            tick_nsec,
            proc_root,
            ..
        } = self;
        lost.settle(*own_pid, *tick_nsec, |parent| {
            let process = processes.get_mut(&parent)?;
            let there = process.prepare(proc_root, buffer) && process.read_stat(buffer);
            process.let_go();
            there.then(|| Parent::from(&*process))
        });
    }

    fn clocks_and_io(&mut self, buffer: &mut Buffer) {
        for pid in &self.order {
            let Some(process) = self.processes.get_mut(pid) else {
                continue;
            };
            let there = process.prepare(&self.proc_root, buffer);
            process.slipped = !(there && process.read_counters(&self.proc_root, buffer));
            process.waited_ticks_before = process.waited_ticks_met;
            process.let_go();
            self.lost.note(process);
        }
    }

    fn sum(&self) -> TreeReading {
        let mut sum = TreeReading {
            cpu_nsec: self.lost.cpu_nsec,
            io: (!self.ended.chars_unknown).then_some(self.ended.io.plus(self.lost.io)),
            block_io: Some(self.ended.io.plus(self.lost.io)),
            cpu_lower_bound: self.lost.any,
            ..TreeReading::default()
        };
        for process in self.processes.values().filter(|process| !process.slipped) {
            let system = process.system_nsec() + process.stat.cstime_ticks * self.tick_nsec;
            sum.cpu_nsec += process.clock_nsec + process.waited_ticks() * self.tick_nsec;
            sum.system_nsec += system;
            sum.major_faults += process.stat.majflt + process.stat.cmajflt;
            sum.io = sum.io.zip(process.io).map(|(sum, more)| sum.plus(more));
            sum.block_io = sum
                .block_io
                .zip(process.io)
                .map(|(sum, more)| sum.plus(more));
            if !process.stat.ended() {
                sum.processes += 1;
                sum.threads += process.stat.num_threads;
                sum.anon_bytes += process.status.rss_anon_kib.unwrap_or(0) << 10;
                let file = process.status.rss_file_kib.unwrap_or(0);
                sum.file_bytes += (file + process.status.rss_shmem_kib.unwrap_or(0)) << 10;
                sum.swap_bytes += process.status.vm_swap_kib.unwrap_or(0) << 10;
            }
        }
        sum
    }

    /// Reads the last numbers of a zombie child. False if its `io` can't be read: a zombie's can only
    /// be opened by root, and one that is open stays readable.
    pub(crate) fn before_reap(&mut self, pid: i32, buffer: &mut Buffer) -> bool {
        self.meet(pid, buffer);
        let Some(process) = self.processes.get_mut(&pid) else {
            return false;
        };
        if process.prepare(&self.proc_root, buffer) && process.read_stat(buffer) {
            process.end(buffer);
            self.lost.note(process);
        }
        let known = process.ended && process.io.is_some();
        process.let_go();
        self.settle_children_of(pid, buffer);
        known
    }

    /// The children of a zombie that are gone were its to wait for: it can still be asked.
    fn settle_children_of(&mut self, parent: i32, buffer: &mut Buffer) {
        let is_gone = |process: &mut Process, root: &Path, buffer: &mut Buffer| {
            let gone = !(process.prepare(root, buffer) && process.read_stat(buffer));
            process.let_go();
            gone
        };
        let gone: Vec<i32> = self
            .processes
            .values_mut()
            .filter(|process| process.stat.ppid == parent)
            .filter_map(|process| is_gone(process, &self.proc_root, buffer).then_some(process.pid))
            .collect();
        for pid in &gone {
            self.remove_gone(*pid);
        }
        self.settle_gone(buffer);
    }

    /// Takes a reaped child out; `getrusage` has its CPU time from now on. `entered` is what the
    /// caller's `io` rose by, where the child's could not be read.
    pub(crate) fn reaped(
        &mut self,
        pid: i32,
        rusage: &libc::rusage,
        entered: Option<Io>,
    ) -> Option<Process> {
        let process = self.remove(pid);
        let ended = process.as_ref().filter(|process| process.ended);
        let blocks = Io {
            read_bytes: (rusage.ru_inblock as u64) << 9,
            write_bytes: (rusage.ru_oublock as u64) << 9,
            ..Io::default()
        };
        let io = ended.and_then(|process| process.io);
        let io = io.or(entered.map(|io| Io {
            rchar: io.rchar,
            wchar: io.wchar,
            ..blocks
        }));
        self.ended.chars_unknown |= io.is_none();
        self.ended.io = self.ended.io.plus(io.unwrap_or(blocks));
        process
    }
}

fn clock_ticks_per_sec() -> u64 {
    let ticks = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)
        .ok()
        .flatten();
    ticks.map_or(100, |ticks| (ticks as u64).max(1))
}

/// A quarter of what the process may open, so that the caller has enough for its own work.
fn descriptor_budget() -> usize {
    use nix::sys::resource::{Resource, getrlimit};
    let (soft, _hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((256, 256));
    (soft / 4).min(4096) as usize
}
