//! The kernel's clocks, in nanoseconds.

use anyhow::{Context, Result};
use nix::{
    sys::time::TimeValLike,
    time::{ClockId, clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};

fn read(clock: ClockId) -> Result<u64> {
    let time = clock_gettime(clock).context("a clock can't be read")?;
    Ok(time.num_nanoseconds() as u64)
}

/// CPU time of this process, ended threads included. The kernel brings it up to date for this, and
/// charges the process's cgroup on the way.
pub(crate) fn process_cpu() -> Result<u64> {
    read(ClockId::CLOCK_PROCESS_CPUTIME_ID)
}

/// CPU time of the calling thread.
pub(crate) fn thread_cpu() -> Result<u64> {
    read(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

/// Time that only grows, the same for all processes.
pub(crate) fn monotonic() -> Result<u64> {
    read(ClockId::CLOCK_MONOTONIC)
}

/// CPU time of another process, ended threads included, without its children.
pub(crate) fn cpu_of(pid: i32) -> Result<u64> {
    let clock = clock_getcpuclockid(Pid::from_raw(pid));
    read(clock.with_context(|| format!("process {pid} has no clock"))?)
}
