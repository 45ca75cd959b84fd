//! What the runner does to itself before the command starts, and the signals that it hears.

use anyhow::{Context, Result};
use nix::sys::{
    prctl,
    signal::{SigHandler, Signal, signal},
};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal as listen};

/// Orphans of the command become children of the runner, so that it can measure and reap them.
pub(crate) fn become_subreaper() {
    if let Err(error) = prctl::set_child_subreaper(true) {
        eprintln!("podometer runner: orphans of the task can't be measured: {error}");
    }
}

/// Nobody but root may look into the runner's memory and environment, where credentials are.
pub(crate) fn protect() {
    if let Err(error) = prctl::set_dumpable(false) {
        eprintln!("podometer runner: can't protect the runner's memory: {error}");
    }
}

/// What the kernel sends when the launcher ends. A signal of its own: SIGTERM means that a person
/// wants the order to end, and which of both it was can't be told from `getppid`, because this comes
/// when the launcher's first thread ends, while its others still live.
const LAUNCHER_ENDED: Signal = Signal::SIGPWR;

/// Has the kernel tell when the launcher ends. Listened for before.
fn watch_launcher() {
    if let Err(error) = prctl::set_pdeathsig(LAUNCHER_ENDED) {
        eprintln!("podometer runner: the launcher's end can't be heard: {error}");
    }
}

/// What is asked of the runner from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A child ended.
    Reap,
    /// End the command.
    Terminate,
    /// The launcher is gone: end the command.
    Orphaned,
    /// Pass this signal on.
    Forward(Signal),
}

/// The signals that the runner hears. Made before the command exists, so that none is missed.
pub(crate) struct Signals {
    child: Stream,
    term: Stream,
    int: Stream,
    quit: Stream,
    hup: Stream,
    usr1: Stream,
    usr2: Stream,
    launcher_ended: Stream,
    /// Whether the launcher's end has been heard of.
    pub(crate) orphaned: bool,
}

impl Signals {
    pub(crate) fn listen() -> Result<Self> {
        // The command may be given the terminal; the runner, then in the background, must still be
        // able to take it back.
        // SAFETY: ignoring a signal runs no code of ours.
        unsafe { signal(Signal::SIGTTOU, SigHandler::SigIgn) }.context("SIGTTOU")?;
        let stream = |kind: SignalKind| listen(kind).context("can't listen for signals");
        let launcher_ended = stream(SignalKind::from_raw(LAUNCHER_ENDED as i32))?;
        watch_launcher();
        Ok(Self {
            launcher_ended,
            orphaned: false,
            child: stream(SignalKind::child())?,
            term: stream(SignalKind::terminate())?,
            int: stream(SignalKind::interrupt())?,
            quit: stream(SignalKind::quit())?,
            hup: stream(SignalKind::hangup())?,
            usr1: stream(SignalKind::user_defined1())?,
            usr2: stream(SignalKind::user_defined2())?,
        })
    }

    /// Waits for the next one. Nothing is lost when the wait is given up.
    pub(crate) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.child.recv() => Asked::Reap,
            _ = self.launcher_ended.recv() => {
                self.orphaned = true;
                Asked::Orphaned
            }
            _ = self.term.recv() => Asked::Terminate,
            _ = self.int.recv() => Asked::Terminate,
            _ = self.quit.recv() => Asked::Terminate,
            _ = self.hup.recv() => Asked::Forward(Signal::SIGHUP),
            _ = self.usr1.recv() => Asked::Forward(Signal::SIGUSR1),
            _ = self.usr2.recv() => Asked::Forward(Signal::SIGUSR2),
        }
    }
}
