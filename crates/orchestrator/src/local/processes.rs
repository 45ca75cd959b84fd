//! Finds and ends what a dead runner left behind.
//!
//! Only needed when a runner could not clean up itself, so cost doesn't matter, but nothing else
//! must be hit: a process belongs to an attempt by its session, its process group, its cgroup, its
//! environment, or by being a child of one that does; and it isn't older than the runner.

use std::{
    collections::BTreeSet,
    fs,
    os::fd::AsFd,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        signal::Signal,
        wait::{WaitPidFlag, waitpid},
    },
    unistd::{Pid, getpid},
};

use super::{cgroup::Group, pidfd};

/// How long killed processes get to vanish; one that hangs in the kernel must not hang an order.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the dead may take to become our children, so that we can reap them.
const ZOMBIE_PATIENCE: Duration = Duration::from_millis(50);

/// A process as `/proc/<pid>/stat` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    pid: i32,
    parent: i32,
    group: i32,
    session: i32,
    zombie: bool,
    /// When it started, clock ticks since boot.
    start: u64,
}

/// What tells that a process belongs to an attempt.
#[derive(Debug, Clone)]
pub(super) struct Marks {
    /// The runner's process.
    pub(super) runner: i32,
    /// When the runner started, clock ticks since boot.
    pub(super) runner_start: u64,
    /// Whether the runner leads a session of its own.
    pub(super) own_session: bool,
    /// The command's process group, once known.
    pub(super) group: Option<i32>,
    /// The value of `PODOMETER_OUTPUT`, which no other attempt has.
    pub(super) output: PathBuf,
}

/// When a process started, clock ticks since boot.
pub(super) fn start_of(pid: i32) -> Option<u64> {
    read(pid).map(|process| process.start)
}

/// Kills all that belongs to an attempt, again and again until nothing does, and reaps what has
/// become ours. The runner itself is left to whoever waits for it. Returns what could not be ended.
pub(super) fn end_all(marks: &Marks, group: Option<&Group>) -> Vec<i32> {
    let give_up = Instant::now() + PATIENCE;
    let mut killed = BTreeSet::new();
    let mut quiet_since = None;
    let mut pause = Duration::from_micros(200);
    loop {
        // Found first, killed then: the dead leave their cgroup before they are reaped.
        let here = group.map(Group::pids).unwrap_or_default();
        let left = members(&all(), marks, &here);
        if let Some(group) = group {
            group.kill();
        }
        let alive: Vec<_> = left
            .iter()
            .filter(|process| !process.zombie)
            .copied()
            .collect();
        for process in &alive {
            kill(*process);
        }
        killed.extend(left.iter().map(|process| process.pid).chain(here));
        killed.remove(&marks.runner);
        killed.retain(|pid| !reap(*pid));
        if alive.is_empty() {
            let since = *quiet_since.get_or_insert_with(Instant::now);
            if killed.is_empty() || since.elapsed() > ZOMBIE_PATIENCE {
                return Vec::new();
            }
        } else {
            quiet_since = None;
            if Instant::now() > give_up {
                return alive.iter().map(|process| process.pid).collect();
            }
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

fn members(all: &[Process], marks: &Marks, in_cgroup: &BTreeSet<i32>) -> Vec<Process> {
    let (own, own_group) = (getpid().as_raw(), nix::unistd::getpgrp().as_raw());
    let group = marks
        .group
        .filter(|group| *group > 1 && *group != own_group);
    let candidates: Vec<_> = all
        .iter()
        .filter(|p| p.pid != own && p.pid != marks.runner && p.start >= marks.runner_start)
        .copied()
        .collect();
    let marked = |p: &Process| {
        (marks.own_session && p.session == marks.runner)
            || group == Some(p.group)
            || in_cgroup.contains(&p.pid)
            || has_mark(p.pid, marks)
    };
    let mut found: Vec<_> = candidates.iter().filter(|p| marked(p)).copied().collect();
    let mut next = 0;
    while let Some(parent) = found.get(next).map(|p| p.pid) {
        let known = |p: &Process| found.iter().any(|f| f.pid == p.pid);
        let children = candidates
            .iter()
            .filter(|p| p.parent == parent && !known(p));
        let children: Vec<_> = children.copied().collect();
        found.extend(children);
        next += 1;
    }
    found
}

/// Whether the process was given the attempt's `PODOMETER_OUTPUT`.
fn has_mark(pid: i32, marks: &Marks) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else {
        return false;
    };
    environment.split(|byte| *byte == 0).any(|variable| {
        variable.strip_prefix(b"PODOMETER_OUTPUT=") == Some(marks.output.as_os_str().as_bytes())
    })
}

/// Kills exactly this process, even if its number is taken by another one meanwhile.
fn kill(process: Process) {
    match pidfd::open(process.pid) {
        Ok(fd) if read(process.pid).is_some_and(|now| now.start == process.start) => {
            let _ = pidfd::signal(fd.as_fd(), Signal::SIGKILL);
        }
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => {
            let _ = nix::sys::signal::kill(Pid::from_raw(process.pid), Signal::SIGKILL);
        }
        Ok(_) | Err(_) => {}
    }
}

/// Whether it is gone for good: reaped here, or not our child (any more).
fn reap(pid: i32) -> bool {
    use nix::sys::wait::WaitStatus;
    match waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG)) {
        Ok(WaitStatus::StillAlive) => false,
        Ok(_) => true,
        // Not ours yet, perhaps: its parent may still be dying.
        Err(_) => read(pid).is_none(),
    }
}

fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(read).collect()
}

fn read(pid: i32) -> Option<Process> {
    parse(pid, &fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// Reads a line of `/proc/<pid>/stat`. The command's name may hold blanks and parentheses.
fn parse(pid: i32, stat: &[u8]) -> Option<Process> {
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(end + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let mut number = || fields.next()?.parse().ok();
    Some(Process {
        pid,
        parent: number()?,
        group: number()?,
        session: number()?,
        zombie: matches!(state, "Z" | "X"),
        start: fields.nth(15)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_a_line() {
        let line = b"42 (a) b) S 1 42 40 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 777 9 9";
        let process = parse(42, line).unwrap();
        let expected = Process {
            pid: 42,
            parent: 1,
            group: 42,
            session: 40,
            zombie: false,
            start: 777,
        };
        assert_eq!(process, expected);
        let own = read(getpid().as_raw()).unwrap();
        assert_eq!(own.group, nix::unistd::getpgrp().as_raw());
    }

    #[test]
    fn strangers_and_elders_do_not_belong() {
        let process = |pid, parent, group, session, start| Process {
            pid,
            parent,
            group,
            session,
            zombie: false,
            start,
        };
        let marks = Marks {
            runner: 900_001,
            runner_start: 100,
            own_session: true,
            group: Some(900_002),
            output: PathBuf::from("/nowhere"),
        };
        let all = [
            process(900_001, 1, 900_001, 900_001, 100),
            process(900_002, 1, 900_002, 900_001, 101),
            process(900_003, 900_002, 900_003, 900_003, 102),
            process(900_004, 900_003, 900_004, 900_004, 103),
            process(900_005, 1, 900_005, 900_005, 103),
            process(900_006, 1, 900_002, 900_006, 99),
        ];
        let found: Vec<_> = members(&all, &marks, &BTreeSet::new())
            .iter()
            .map(|p| p.pid)
            .collect();
        assert_eq!(found, [900_002, 900_003, 900_004]);
    }

    proptest! {
        #[test]
        fn never_panics(line: Vec<u8>) {
            let _ = parse(1, &line);
        }
    }
}
