//! One process below the caller: its files, and what was last seen of it.

use std::io;
use std::path::Path;

use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};

use crate::file::{Buffer, KernelFile};
use crate::parse::{self, Io, Stat, Statm, Status};
use crate::track::{Seen, Track};

/// How many descriptors one process's files hold.
pub(crate) const FILES: usize = 5;

/// The files of one process. While they are open they mean this process and no other.
#[derive(Debug)]
struct Files {
    stat: KernelFile,
    status: Option<KernelFile>,
    statm: Option<KernelFile>,
    /// Not readable for another user's process.
    io: Option<KernelFile>,
    /// Of the leading thread; missing without `CONFIG_PROC_CHILDREN`.
    children: Option<KernelFile>,
}

impl Files {
    fn open(proc_root: &Path, pid: i32) -> io::Result<Self> {
        let folder = proc_root.join(pid.to_string());
        Ok(Self {
            stat: KernelFile::open(&folder.join("stat"))?,
            status: KernelFile::open(&folder.join("status")).ok(),
            statm: KernelFile::open(&folder.join("statm")).ok(),
            io: KernelFile::open(&folder.join("io")).ok(),
            children: KernelFile::open(&folder.join(format!("task/{pid}/children"))).ok(),
        })
    }
}

/// What was last seen of a process.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    /// Its files stay open. Where descriptors are short they are opened for each look.
    keep: bool,
    files: Option<Files>,
    pub(crate) stat: Stat,
    pub(crate) status: Status,
    /// CPU time of all its threads, also of ended ones, nanoseconds.
    pub(crate) clock_nsec: u64,
    /// The clock before `stat` was last read. A process whose clock stands has done nothing since.
    clock_at_stat: u64,
    /// The clock before `io` was last read.
    clock_at_io: u64,
    /// `statm` and the page faults when `status` was last read: while both stand so does the memory.
    memory_at_status: Option<(Statm, u64)>,
    /// Of all its threads and of the children that it waited for; `None` if that can't be read.
    pub(crate) io: Option<Io>,
    /// `cutime + cstime` when it was met in this pass and in the one before, ticks.
    pub(crate) waited_ticks_met: u64,
    pub(crate) waited_ticks_before: u64,
    /// It vanished during this pass: its parent may have its numbers already.
    pub(crate) slipped: bool,
    /// The pass in which it was last met.
    pub(crate) met: u64,
    /// `before_reap` has seen it: `io` is final.
    pub(crate) ended: bool,
    pub(crate) track: Track,
}

impl Process {
    /// Opens a process and reads its `stat`. `None` if there is none.
    pub(crate) fn open(
        proc_root: &Path,
        pid: i32,
        keep: bool,
        buffer: &mut Buffer,
    ) -> Option<Self> {
        let files = Files::open(proc_root, pid).ok()?;
        let stat = parse::stat(files.stat.read(buffer)?)?;
        let mut process = Self {
            pid,
            keep,
            files: Some(files),
            stat,
            status: Status::default(),
            clock_nsec: 0,
            clock_at_stat: 0,
            clock_at_io: 0,
            memory_at_status: None,
            io: None,
            waited_ticks_met: stat.cutime_ticks + stat.cstime_ticks,
            waited_ticks_before: 0,
            slipped: false,
            met: 0,
            ended: false,
            track: Track::default(),
        };
        process.read_status(buffer);
        process.read_clock();
        process.read_io(buffer);
        Some(process)
    }

    pub(crate) fn keeps_files(&self) -> bool {
        self.keep
    }

    /// Opens the files for one look, where they aren't held. False if the process is gone.
    pub(crate) fn prepare(&mut self, proc_root: &Path, buffer: &mut Buffer) -> bool {
        if self.files.is_none() {
            self.files = Files::open(proc_root, self.pid).ok();
            return self.fresh_stat(buffer).is_some();
        }
        true
    }

    /// Closes the files after a look, where they aren't held.
    pub(crate) fn let_go(&mut self) {
        if !self.keep {
            self.files = None;
        }
    }

    /// Reads `stat` anew. False if the process is gone, also if another has its number.
    pub(crate) fn read_stat(&mut self, buffer: &mut Buffer) -> bool {
        let fresh = self.fresh_stat(buffer);
        if let Some(stat) = fresh {
            self.stat = stat;
        }
        fresh.is_some()
    }

    fn fresh_stat(&self, buffer: &mut Buffer) -> Option<Stat> {
        let stat = parse::stat(self.files.as_ref()?.stat.read(buffer)?)?;
        (stat.starttime_ticks == self.stat.starttime_ticks).then_some(stat)
    }

    /// Reads `stat` and `status`, each if it may have changed. False if the process is gone.
    pub(crate) fn look(&mut self, buffer: &mut Buffer) -> bool {
        if !self.read_clock() {
            return false;
        }
        if self.clock_nsec != self.clock_at_stat {
            let clock = self.clock_nsec;
            if !self.read_stat(buffer) {
                return false;
            }
            self.clock_at_stat = clock;
            self.waited_ticks_met = self.waited_ticks();
        }
        self.look_at_memory(buffer);
        true
    }

    /// `status` costs as much as all the other files together, `statm` a tenth of it.
    fn look_at_memory(&mut self, buffer: &mut Buffer) {
        let statm = self.files.as_ref().and_then(|files| files.statm.as_ref());
        let statm = statm.and_then(|file| parse::statm(file.read(buffer)?));
        let memory = statm.map(|statm| (statm, self.stat.minflt + self.stat.majflt));
        if memory.is_none() || memory != self.memory_at_status {
            self.read_status(buffer);
            self.memory_at_status = memory;
        } else if let Some(seen) = self.seen() {
            self.track.saw(seen);
        }
    }

    pub(crate) fn read_status(&mut self, buffer: &mut Buffer) {
        let Some(status) = self.files.as_ref().and_then(|files| files.status.as_ref()) else {
            return;
        };
        let Some(text) = status.read(buffer) else {
            return;
        };
        self.status = parse::status(text);
        if let Some(seen) = self.seen() {
            self.track.saw(seen);
        }
    }

    /// The memory that `status` showed. A process that is ending has none.
    fn seen(&self) -> Option<Seen> {
        let file = self.status.rss_file_kib? + self.status.rss_shmem_kib?;
        Some(Seen {
            anon: self.status.rss_anon_kib? << 10,
            file: file << 10,
            hwm: self.status.vm_hwm_kib? << 10,
        })
    }

    /// Brings the CPU clock up to date. The kernel does so for threads that are running, too, and
    /// charges their cgroup on the way. False if the process is gone.
    pub(crate) fn read_clock(&mut self) -> bool {
        // The encoding of clock_getcpuclockid(3), without its system call: CPUCLOCK_SCHED of a process.
        let clock = ClockId::from_raw((!self.pid << 3) | 2);
        let Ok(time) = clock_gettime(clock) else {
            return false;
        };
        let nsec = time.num_nanoseconds() as u64;
        // It can't fall: a smaller value is another process's that got the number.
        let own = nsec >= self.clock_nsec;
        if own {
            self.clock_nsec = nsec;
        }
        own
    }

    /// Reads clock and `io`. False if the process is gone.
    pub(crate) fn read_counters(&mut self, proc_root: &Path, buffer: &mut Buffer) -> bool {
        if !self.read_clock() {
            return false;
        }
        if self.clock_nsec == self.clock_at_io && self.io.is_some() {
            return true;
        }
        self.clock_at_io = self.clock_nsec;
        if let Some(files) = self.files.as_mut().filter(|files| files.io.is_none()) {
            // It may be readable by now: in the midst of exec it isn't for a caller that is not
            // dumpable.
            let path = proc_root.join(self.pid.to_string()).join("io");
            files.io = KernelFile::open(&path).ok();
            if self.fresh_stat(buffer).is_none() {
                return false;
            }
        }
        self.read_io(buffer)
    }

    /// Takes the last numbers of a zombie, whose `stat` was just read.
    pub(crate) fn end(&mut self, buffer: &mut Buffer) {
        self.read_status(buffer);
        self.read_clock();
        self.io = None;
        self.read_io(buffer);
        self.ended = true;
    }

    /// False if the process is gone; one whose file may not be read has `None`.
    pub(crate) fn read_io(&mut self, buffer: &mut Buffer) -> bool {
        let Some(files) = &self.files else {
            return false;
        };
        let Some(file) = &files.io else { return true };
        let Some(io) = file.read(buffer).and_then(parse::io) else {
            // Gone, or it has changed its user (then what was seen of it is out of date).
            let gone = self.fresh_stat(buffer).is_none();
            self.io = self.io.filter(|_| gone);
            return !gone;
        };
        self.io = Some(io);
        true
    }

    /// The children of the leading thread, appended to `into`. False if that can't be read.
    pub(crate) fn children(&self, into: &mut Vec<i32>, buffer: &mut Buffer) -> bool {
        let file = self
            .files
            .as_ref()
            .and_then(|files| files.children.as_ref());
        let Some(text) = file.and_then(|file| file.read_all(buffer)) else {
            return false;
        };
        into.extend(parse::pids(text));
        true
    }

    pub(crate) fn waited_ticks(&self) -> u64 {
        self.stat.cutime_ticks + self.stat.cstime_ticks
    }

    /// Its own CPU time in the kernel, nanoseconds: the clock, split as `stat` splits its ticks.
    pub(crate) fn system_nsec(&self) -> u64 {
        share(
            self.clock_nsec,
            self.stat.stime_ticks,
            self.stat.utime_ticks,
        )
    }
}

/// `part / (part + rest)` of `total`; nothing of it where both are 0.
pub(crate) fn share(total: u64, part: u64, rest: u64) -> u64 {
    let whole = u128::from(part) + u128::from(rest);
    (u128::from(total) * u128::from(part))
        .checked_div(whole)
        .unwrap_or(0) as u64
}
