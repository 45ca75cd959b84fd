//! Children that wait to become runners.
//!
//! A fork of this process would copy its page tables (20 ms at 200 MiB), and who joins a cgroup waits
//! for the kernel's other processors (3 to 20 ms). Neither may stand between the end of one task and
//! the start of the next. So a child is made that shares our memory, as `posix_spawn` does it; it
//! joins its cgroup in good time and then waits to be told what to execute.

mod child;
mod image;
mod thread;

use std::{
    fs::File,
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering},
    },
};

use nix::unistd::{Pid, getpid};
use tokio::sync::oneshot;

pub(super) use image::Image;

/// What a child is to do: wait, execute, or go.
const WAIT: u32 = 0;
const EXECUTE: u32 = 1;
const QUIT: u32 = 2;

/// Why there is no runner.
#[derive(Debug)]
pub(super) enum Failed {
    /// The child could not be made or set up: its cgroup, most likely.
    Setup(io::Error),
    /// The program could not be executed.
    Execute(io::Error),
}

/// What parent and child both see.
struct Shared {
    /// [`WAIT`], [`EXECUTE`] or [`QUIT`]; a futex.
    order: AtomicU32,
    /// Not 0 while the child uses our memory; a futex, cleared by the kernel.
    sharing: AtomicU32,
    /// Whether the child came as far as to execute.
    executes: AtomicBool,
    /// Why the child gave up, as an errno, negative if it was not set up; 0 if it did not give up.
    error: AtomicI32,
    /// What to execute; there before the order is.
    image: OnceLock<Image>,
    parent: Pid,
    own_session: bool,
    /// The `cgroup.procs` files of the cgroup that it joins.
    entrances: Vec<File>,
}

impl Shared {
    fn tell(&self, order: u32) {
        self.order.store(order, Ordering::Release);
        thread::wake(&self.order);
    }

    fn failed(&self) -> Option<Failed> {
        match self.error.load(Ordering::Acquire) {
            0 => None,
            error if error < 0 => Some(Failed::Setup(io::Error::from_raw_os_error(-error))),
            error => Some(Failed::Execute(io::Error::from_raw_os_error(error))),
        }
    }
}

/// A child that waits. Dropped, it goes.
pub(super) struct Seed {
    shared: Arc<Shared>,
    /// Comes when the child no longer uses our memory.
    grown: oneshot::Receiver<Result<Pid, Failed>>,
}

impl Seed {
    /// Makes a child that gets SIGTERM when this process ends, leads a session of its own (or only
    /// a process group), and joins a cgroup.
    pub(super) fn new(entrances: Vec<File>, own_session: bool) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            order: AtomicU32::new(WAIT),
            sharing: AtomicU32::new(1),
            executes: AtomicBool::new(false),
            error: AtomicI32::new(0),
            image: OnceLock::new(),
            parent: getpid(),
            own_session,
            entrances,
        });
        let grown = thread::make_child(Arc::clone(&shared))?;
        Ok(Self { shared, grown })
    }

    /// Lets it execute a program. Afterwards it is an ordinary child, for the caller to wait for. If
    /// this is dropped half-way, the child is killed.
    pub(super) async fn execute(mut self, image: Image) -> Result<Pid, Failed> {
        let _ = self.shared.image.set(image);
        self.shared.tell(EXECUTE);
        let lost = || Failed::Setup(io::Error::from_raw_os_error(libc::ESRCH));
        (&mut self.grown).await.unwrap_or_else(|_| Err(lost()))
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        // A child that executes already no longer looks at it.
        let quit =
            self.shared
                .order
                .compare_exchange(WAIT, QUIT, Ordering::AcqRel, Ordering::Acquire);
        if quit.is_ok() {
            thread::wake(&self.shared.order);
        }
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seed").finish_non_exhaustive()
    }
}
