//! What runs in the child, in our memory, until it executes: system calls and nothing else. No
//! allocation, no lock, no panic; the thread that made it sleeps meanwhile.

use std::{
    ffi::{c_int, c_void},
    os::fd::AsRawFd,
    ptr,
    sync::atomic::Ordering,
};

use nix::errno::Errno;

use super::{EXECUTE, Shared, WAIT};

/// The child's first and last function. `shared` is a pointer to a [`Shared`] that outlives it.
pub(super) extern "C" fn main(shared: *mut c_void) -> c_int {
    // SAFETY: the maker passes a pointer to what it keeps until the child is done with it.
    let shared = unsafe { &*shared.cast::<Shared>() };
    // SAFETY: this is the child.
    unsafe {
        let mut error = set_up(shared).err().map_or(0, |error| -error);
        if error == 0 {
            wait(shared);
            if shared.order.load(Ordering::Acquire) == EXECUTE {
                error = execute(shared);
            }
        }
        shared.error.store(error, Ordering::Release);
        libc::_exit(127)
    }
}

fn checked(result: c_int) -> Result<(), c_int> {
    if result < 0 {
        Err(Errno::last_raw())
    } else {
        Ok(())
    }
}

/// Undoes what a child must not inherit, and joins what it is to be in.
unsafe fn set_up(shared: &Shared) -> Result<(), c_int> {
    // SAFETY: system calls on numbers and on variables of this function.
    unsafe {
        reset_signals();
        checked(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM))?;
        // If the parent ended before that, nobody would ever tell.
        if libc::getppid() != shared.parent.as_raw() {
            return Err(libc::ESRCH);
        }
        if shared.own_session {
            checked(libc::setsid())?;
        } else {
            checked(libc::setpgid(0, 0))?;
        }
        for procs in &shared.entrances {
            // 0 is whoever writes it.
            checked(libc::write(procs.as_raw_fd(), c"0".as_ptr().cast(), 1) as c_int)?;
        }
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        checked(libc::sigprocmask(
            libc::SIG_SETMASK,
            &raw const none,
            ptr::null_mut(),
        ))
    }
}

/// Our handlers must not run in the child. What is ignored stays so (nohup), but for SIGPIPE, which
/// Rust's runtime ignores and other programs don't expect to be.
unsafe fn reset_signals() {
    // SAFETY: all-zero is a valid sigaction, the default one; the rest as in `set_up`.
    unsafe {
        let default: libc::sigaction = std::mem::zeroed();
        for signal in 1..=64 {
            let mut now: libc::sigaction = std::mem::zeroed();
            let known = libc::sigaction(signal, ptr::null(), &raw mut now) == 0;
            if known && (now.sa_sigaction != libc::SIG_IGN || signal == libc::SIGPIPE) {
                libc::sigaction(signal, &raw const default, ptr::null_mut());
            }
        }
    }
}

unsafe fn wait(shared: &Shared) {
    while shared.order.load(Ordering::Acquire) == WAIT {
        let none = ptr::null::<libc::timespec>();
        // SAFETY: the futex word lives as long as `shared`.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                shared.order.as_ptr(),
                libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
                WAIT,
                none,
            );
        }
    }
}

/// Returns only if it fails.
unsafe fn execute(shared: &Shared) -> c_int {
    let Some(image) = shared.image.get() else {
        return libc::EINVAL;
    };
    // SAFETY: the image's pointers are those that execve wants, and live as long as `shared`.
    unsafe {
        // Until here the table of descriptors was our maker's, so that nothing stayed open by us.
        if let Err(error) = checked(libc::unshare(libc::CLONE_FILES)) {
            return error;
        }
        for (target, file) in image.stdio.iter().enumerate() {
            if *file >= 0
                && let Err(error) = checked(libc::dup2(*file, target as c_int))
            {
                return error;
            }
        }
        shared.executes.store(true, Ordering::Release);
        libc::execve(
            image.program.as_ptr(),
            image.argv.as_ptr(),
            image.envp.as_ptr(),
        );
    }
    Errno::last_raw()
}
