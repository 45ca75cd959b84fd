//! Reaps and ends the command's processes.

use std::{fs, io, mem::MaybeUninit};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill, killpg},
        wait::{Id, WaitPidFlag, waitid},
    },
    unistd::Pid,
};

use crate::{meter::Meter, outcome::Ended};

/// The runner's children: the command, and whatever of its descendants lost its parent.
pub(crate) struct Children {
    command: Pid,
    ended: Option<Ended>,
    orphans_reaped: u64,
}

impl Children {
    pub(crate) fn new(command: Pid) -> Self {
        Self {
            command,
            ended: None,
            orphans_reaped: 0,
        }
    }

    /// How the command ended, once it has.
    pub(crate) fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }

    /// How many orphans were reaped.
    pub(crate) fn orphans_reaped(&self) -> u64 {
        self.orphans_reaped
    }

    /// Reaps everything that has ended. Returns whether no child is left.
    pub(crate) fn reap(&mut self, meter: &mut Meter) -> bool {
        loop {
            match next_zombie() {
                Err(Errno::EINTR) => {}
                Err(_) => return true,
                Ok(None) => return false,
                Ok(Some(pid)) => self.reap_one(pid, meter),
            }
        }
    }

    fn reap_one(&mut self, pid: Pid, meter: &mut Meter) {
        if let Some(probe) = meter.probe() {
            probe.before_reap(pid.as_raw());
        }
        let Some((status, usage)) = wait4(pid) else {
            return;
        };
        if let Some(probe) = meter.probe() {
            probe.reaped(pid.as_raw(), &usage);
        }
        if pid == self.command {
            self.ended = Some(Ended::from_wait_status(status));
        } else {
            self.orphans_reaped += 1;
        }
    }

    /// Signals the command's group and every other descendant.
    pub(crate) fn signal_all(&self, signal: Signal) {
        let _ = killpg(self.command, signal);
        for pid in descendants() {
            // Whoever is still in the group has its signal already.
            if nix::unistd::getpgid(Some(pid)) != Ok(self.command) {
                let _ = kill(pid, signal);
            }
        }
    }

    /// Signals the command's group alone.
    pub(crate) fn forward(&self, signal: Signal) {
        let _ = killpg(self.command, signal);
    }
}

/// A child that has ended, left in place; `None` if all children live, an error if there are none.
fn next_zombie() -> nix::Result<Option<Pid>> {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    Ok(waitid(Id::All, flags)?.pid())
}

fn wait4(pid: Pid) -> Option<(i32, libc::rusage)> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are to live variables of the right types.
    let reaped = unsafe { libc::wait4(pid.as_raw(), &raw mut status, 0, usage.as_mut_ptr()) };
    // SAFETY: all-zero is a valid rusage, and the kernel overwrote it where the call succeeded.
    (reaped == pid.as_raw()).then(|| (status, unsafe { usage.assume_init() }))
}

/// All processes below the runner.
pub(crate) fn descendants() -> Vec<Pid> {
    let parents = parents_by_scan().unwrap_or_default();
    let mut found = vec![std::process::id() as i32];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        found.extend(
            parents
                .iter()
                .filter(|(_, p)| *p == parent)
                .map(|(pid, _)| *pid),
        );
        next += 1;
    }
    found.into_iter().skip(1).map(Pid::from_raw).collect()
}

/// Every process with its parent. Only used to end processes, so its cost doesn't matter.
fn parents_by_scan() -> io::Result<Vec<(i32, i32)>> {
    let pids = fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    Ok(pids
        .filter_map(|pid| Some((pid, parent_of(pid)?)))
        .collect())
}

fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The command's name may hold blanks and parentheses; the last one ends it.
    let end = stat.iter().rposition(|b| *b == b')')?;
    let rest = std::str::from_utf8(stat.get(end + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    fields.next().filter(|state| *state != "Z")?;
    fields.next()?.parse().ok()
}
