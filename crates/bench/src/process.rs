//! Other processes: running them within a time, and looking at them from outside.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// A child that is killed if it is dropped before its end.
pub(crate) struct Owned(Child);

impl Owned {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let child = command.spawn();
        let program = command.get_program().to_string_lossy().into_owned();
        Ok(Self(
            child.with_context(|| format!("{program} can't be started"))?,
        ))
    }

    pub(crate) fn pid(&self) -> i32 {
        self.0.id() as i32
    }

    /// Waits for its end: how it ended and when. What takes longer than the limit is ended.
    pub(crate) fn wait(mut self, limit: Duration) -> Result<ExitStatus> {
        let give_up = Instant::now() + limit;
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > give_up {
                let _ = kill(Pid::from_raw(self.pid()), Signal::SIGTERM);
                thread::sleep(Duration::from_secs(8));
                bail!("did not end within {} s", limit.as_secs());
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// Runs a command that has to end well.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| program.clone())?;
    if !status.success() {
        let how = status.signal().map_or_else(
            || format!("exit code {}", status.code().unwrap_or_default()),
            |signal| format!("signal {signal}"),
        );
        bail!("{program} failed: {how}");
    }
    Ok(())
}

/// The children of a process, with their arguments.
pub(crate) fn children_of(parent: i32) -> Vec<(i32, Vec<String>)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent))
        .map(|pid| (pid, arguments(pid)))
        .collect()
}

fn parent_of(pid: i32) -> Option<i32> {
    number(&format!("/proc/{pid}/status"), "PPid:")?
        .try_into()
        .ok()
}

fn arguments(pid: i32) -> Vec<String> {
    let text = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = text
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty());
    words
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}

/// A line of `status` in bytes: `VmRSS:`, `VmHWM:`, `RssAnon:`.
pub(crate) fn memory_of(pid: i32, what: &str) -> Option<u64> {
    number(&format!("/proc/{pid}/status"), what).map(|kib| kib << 10)
}

fn number(path: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}
