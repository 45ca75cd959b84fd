//! The threads that make children. A child's parent-death signal comes when the *thread* that made
//! it ends, and while the child shares our memory it borrows that thread's thread-local storage: so
//! each child gets a thread that sleeps until the child is on its own, and that then is used again
//! and never ends.

use std::{
    ffi::c_void,
    io, ptr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
};

use nix::{
    sys::{
        signal::{SigSet, Signal, kill},
        wait::waitpid,
    },
    unistd::Pid,
};
use tokio::sync::oneshot;

use super::{Failed, Shared, child};

/// The child makes some system calls on it.
const STACK_BYTES: usize = 64 * 1024;

struct Job {
    shared: Arc<Shared>,
    grown: oneshot::Sender<Result<Pid, Failed>>,
}

static IDLE: Mutex<Vec<mpsc::Sender<Job>>> = Mutex::new(Vec::new());

fn idle() -> std::sync::MutexGuard<'static, Vec<mpsc::Sender<Job>>> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has a child made; what comes back says when it no longer shares our memory.
pub(super) fn make_child(
    shared: Arc<Shared>,
) -> io::Result<oneshot::Receiver<Result<Pid, Failed>>> {
    let (grown, receiver) = oneshot::channel();
    let free = idle().pop();
    let thread = match free {
        Some(thread) => thread,
        None => start_thread()?,
    };
    thread
        .send(Job { shared, grown })
        .map_err(io::Error::other)?;
    Ok(receiver)
}

fn start_thread() -> io::Result<mpsc::Sender<Job>> {
    let (sender, jobs) = mpsc::channel::<Job>();
    let own = sender.clone();
    let work = move || {
        // No handler of ours may run in a child before it has reset them.
        let _ = SigSet::all().thread_block();
        let mut stack = vec![0_u128; STACK_BYTES / 16];
        for Job { shared, grown } in jobs {
            let result = raise(&shared, &mut stack);
            idle().push(own.clone());
            // Whoever asked may have gone; then nobody wants the child either.
            if let Err(Ok(unwanted)) = grown.send(result) {
                let _ = kill(unwanted, Signal::SIGKILL);
                let _ = waitpid(unwanted, None);
            }
        }
    };
    thread::Builder::new()
        .name("launch".to_owned())
        .spawn(work)?;
    Ok(sender)
}

/// Makes a child and waits until it has executed, or has ended and is reaped.
fn raise(shared: &Shared, stack: &mut [u128]) -> Result<Pid, Failed> {
    let flags = libc::CLONE_VM | libc::CLONE_FILES | libc::CLONE_CHILD_CLEARTID | libc::SIGCHLD;
    let top = stack.as_mut_ptr_range().end;
    let argument = ptr::from_ref(shared).cast_mut().cast::<c_void>();
    // SAFETY: the stack, which is 16-byte aligned, and `shared` live until the child is done with
    // our memory, which is waited for below; the child does nothing but system calls, and this
    // thread, whose thread-local storage it borrows, does nothing but wait.
    let pid = unsafe {
        libc::clone(
            child::main,
            top.cast(),
            flags,
            argument,
            ptr::null_mut::<c_void>(),
            ptr::null_mut::<c_void>(),
            shared.sharing.as_ptr(),
        )
    };
    if pid < 0 {
        return Err(Failed::Setup(io::Error::last_os_error()));
    }
    wait_until_zero(&shared.sharing);
    let pid = Pid::from_raw(pid);
    let failed = shared.failed().or_else(|| {
        // It was told to go, or was killed while it waited.
        let executed = shared.executes.load(Ordering::Acquire);
        (!executed).then(|| Failed::Setup(io::Error::from_raw_os_error(libc::ECANCELED)))
    });
    match failed {
        None => Ok(pid),
        Some(failed) => {
            let _ = waitpid(pid, None);
            Err(failed)
        }
    }
}

/// The kernel clears the word and wakes us when the child executes or ends.
fn wait_until_zero(word: &AtomicU32) {
    loop {
        let value = word.load(Ordering::Acquire);
        if value == 0 {
            return;
        }
        let none = ptr::null::<libc::timespec>();
        // SAFETY: the word is live. The kernel wakes it as a futex that is not private.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                word.as_ptr(),
                libc::FUTEX_WAIT,
                value,
                none,
            )
        };
    }
}

/// Wakes the child that waits for the word to change.
pub(super) fn wake(word: &AtomicU32) {
    let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the word is live.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, 1) };
}
