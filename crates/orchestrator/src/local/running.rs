//! A runner that was started: waits for its end and sees to it that nothing of it stays.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    thread,
};

use model::AttemptKey;
use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid},
    },
    unistd::Pid,
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    task::{JoinHandle, spawn_blocking},
};

use super::{
    AttemptFiles,
    cgroup::Group,
    pidfd,
    processes::{self, Marks},
};
use crate::{
    clock::Clock,
    plan::{ExitView, RunnerEnd},
};

/// Signals a runner, also from elsewhere than where it is waited for.
#[derive(Debug, Clone)]
pub struct Signaller {
    pid: Pid,
    /// Names the process for good; `None` on kernels before 5.3.
    fd: Option<Arc<OwnedFd>>,
}

impl Signaller {
    /// Lets the runner end its task, with the grace period; if `hard`, kills the runner, and
    /// whoever waits for it kills the rest.
    pub fn signal(&self, hard: bool) {
        let signal = if hard {
            Signal::SIGKILL
        } else {
            Signal::SIGTERM
        };
        // That it is gone already is no error.
        let _ = match &self.fd {
            Some(fd) => pidfd::signal(fd.as_fd(), signal),
            None => kill(self.pid, signal).map_err(io::Error::from),
        };
    }
}

/// What is needed to clean up after a runner.
#[derive(Debug)]
pub(super) struct Remains {
    pub(super) marks: Marks,
    pub(super) group: Option<Group>,
}

impl Remains {
    fn end_all(&self) {
        let left = processes::end_all(&self.marks, self.group.as_ref());
        if !left.is_empty() {
            tracing::warn!(
                "processes {left:?} of runner {} can't be ended",
                self.marks.runner
            );
        }
    }
}

/// A started runner. If this is dropped before its end was awaited, it is killed with all that
/// belongs to it.
#[derive(Debug)]
pub struct Running {
    pub(super) reaped: bool,
    pub(super) signaller: Signaller,
    pub(super) remains: Option<Remains>,
    pub(super) files: AttemptFiles,
    pub(super) key: AttemptKey,
    pub(super) clock: Clock,
    pub(super) no_cgroup: Option<String>,
}

impl Running {
    pub(super) fn new(
        pid: Pid,
        remains: Remains,
        files: AttemptFiles,
        key: AttemptKey,
        clock: Clock,
    ) -> Self {
        let fd = pidfd::open(pid.as_raw()).ok().map(Arc::new);
        Self {
            reaped: false,
            signaller: Signaller { pid, fd },
            remains: Some(remains),
            files,
            key,
            clock,
            no_cgroup: None,
        }
    }

    /// The runner's process.
    pub fn pid(&self) -> u32 {
        self.signaller.pid.as_raw() as u32
    }

    /// Why it has no cgroup of its own, if it has none.
    pub fn no_cgroup(&self) -> Option<&str> {
        self.no_cgroup.as_deref()
    }

    /// The way to signal it.
    pub fn signaller(&self) -> Signaller {
        self.signaller.clone()
    }

    /// Waits for the runner's end. When this returns, no process of the attempt is left. What
    /// comes along is the rest of the work, which nobody needs to wait for but the order's end.
    ///
    /// # Errors
    /// None in practice: the kernel's answer to a wait for a child that is ours.
    pub async fn wait(mut self) -> io::Result<(Box<ExitView>, JoinHandle<()>)> {
        exited(&self.signaller).await?;
        let end = runner_end(waitpid(self.signaller.pid, None)?);
        self.reaped = true;
        let ended_at = (self.clock)();
        let mut log = self.files.log(self.key);
        let exited = matches!(end, RunnerEnd::Code(_));
        let whole = exited && log.as_ref().is_some_and(|log| log.end.is_some());
        if !whole && let Some(mut remains) = self.remains.take() {
            remains.marks.group = log.as_ref().and_then(|log| log.process_group);
            let ended = spawn_blocking(move || {
                remains.end_all();
                remains
            });
            self.remains = Some(ended.await?);
            log = self.files.log(self.key);
        }
        let remains = self.remains.take();
        let output = log.as_ref().and_then(|log| log.output.clone());
        let last_words = self.files.last_words();
        let delivered = log.as_ref().is_some_and(|log| log.delivered);
        let view = Box::new(ExitView {
            runner: end,
            cause: None,
            ended_at,
            oom_kills: remains.as_ref().and_then(|r| r.group.as_ref()?.oom_kills()),
            output: output.or_else(|| self.files.read_output()),
            log,
            undelivered: !delivered && self.files.undelivered.exists(),
            last_words: last_words.filter(|_| !whole),
        });
        Ok((view, spawn_blocking(move || drop(remains))))
    }
}

fn runner_end(status: WaitStatus) -> RunnerEnd {
    match status {
        WaitStatus::Exited(_, code) => RunnerEnd::Code(code),
        WaitStatus::Signaled(_, signal, _) => RunnerEnd::Signal(signal as i32),
        // Only asked for by other flags.
        _ => RunnerEnd::Signal(0),
    }
}

/// Waits until the process has ended; it is not reaped.
async fn exited(runner: &Signaller) -> io::Result<()> {
    if let Some(fd) = &runner.fd {
        // SAFETY: the descriptor is open, and stays so and the same for as long as it is owned.
        let fd = unsafe { AsyncFd::register_with_interest(fd.try_clone()?, Interest::READABLE) }?;
        return fd.readable().await.map(|_| ());
    }
    let pid = runner.pid;
    let wait = move || loop {
        match waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
            Err(nix::errno::Errno::EINTR) => {}
            other => return other.map(|_| ()).map_err(io::Error::from),
        }
    };
    spawn_blocking(wait).await?
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(remains) = self.remains.take() else {
            return;
        };
        let (reaped, pid) = (self.reaped, self.signaller.pid);
        if !reaped {
            self.signaller.signal(true);
        }
        let work = move || {
            if !reaped {
                let _ = waitpid(pid, None);
            }
            remains.end_all();
        };
        let thread = thread::Builder::new().name("clean-up".to_owned());
        if let Err(error) = thread.spawn(work) {
            tracing::warn!(
                "what runner {} left can't be ended: {error}",
                self.signaller.pid
            );
        }
    }
}
