//! Loads that are many processes.

use std::io;

use anyhow::{Context, Result, ensure};
use nix::{
    errno::Errno,
    sys::{
        prctl,
        signal::{SigHandler, Signal, signal},
        wait::{WaitStatus, wait},
    },
    unistd::{ForkResult, Pid, fork, setsid},
};

use super::burn;

/// Forks a child that works and exits with 0 if that went well.
pub(super) fn forked(work: impl FnOnce() -> Result<()>) -> Result<Pid> {
    // SAFETY: loads that fork have one thread, so that the child may do anything.
    match unsafe { fork() }.context("fork")? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            let code = work().map_or(1, |()| 0);
            // SAFETY: ends the process without running what the parent means to run at its end.
            unsafe { libc::_exit(code) }
        }
    }
}

/// Waits for a child, which must have ended well.
pub(super) fn reap() -> Result<()> {
    let status = wait().context("wait")?;
    ensure!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
    Ok(())
}

/// Short children, one after another.
pub(super) fn children(count: u64, millis: u64) -> Result<()> {
    for _ in 0..count {
        forked(|| burn(millis))?;
        reap()?;
    }
    Ok(())
}

/// Children that vanish, one after another.
pub(super) fn deaf(count: u64, millis: u64) -> Result<()> {
    // SAFETY: ignoring a signal runs no code of ours.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }.context("SIGCHLD")?;
    for _ in 0..count {
        forked(|| burn(millis))?;
        // Comes back when there is no child any more.
        ensure!(wait() == Err(Errno::ECHILD), "a child did not vanish");
    }
    Ok(())
}

/// A grandchild in a session of its own; its end of the pipe closes when it ends.
pub(super) fn detach(millis: u64) -> Result<()> {
    let (mut reader, writer) = io::pipe().context("pipe")?;
    forked(|| {
        setsid().context("setsid")?;
        forked(|| burn(millis)).map(|_| ())
    })?;
    drop(writer);
    reap()?;
    io::copy(&mut reader, &mut io::sink()).context("the pipe")?;
    Ok(())
}

/// Children that do the same again and again until this process is killed.
pub(super) fn forever(count: u64, work: impl Fn()) -> Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    for _ in 0..count {
        forked(|| {
            prctl::set_pdeathsig(Signal::SIGKILL)?;
            loop {
                work();
            }
        })?;
    }
    for _ in 0..count {
        reap()?;
    }
    Ok(())
}
