//! Starts runners from one thread that lives as long as the process: a child's parent-death signal
//! comes when the *thread* that started it ends.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::process::CommandExt,
    process::{Child, Command},
    sync::{OnceLock, mpsc},
    thread,
};

use nix::{
    sys::{prctl, signal::Signal},
    unistd::{getpid, getppid, setsid},
};
use tokio::sync::oneshot;

struct Job {
    command: Command,
    reply: oneshot::Sender<io::Result<Child>>,
}

static THREAD: OnceLock<Option<mpsc::Sender<Job>>> = OnceLock::new();

fn thread() -> Option<&'static mpsc::Sender<Job>> {
    let start = || {
        let (sender, jobs) = mpsc::channel::<Job>();
        let work = move || {
            for mut job in jobs {
                let child = job.command.spawn();
                // Whoever asked may have gone; then nobody wants the child either.
                if let Err(Ok(mut unwanted)) = job.reply.send(child) {
                    let _ = unwanted.kill();
                    let _ = unwanted.wait();
                }
            }
        };
        let thread = thread::Builder::new().name("launch".to_owned());
        thread.spawn(work).ok().map(|_| sender)
    };
    THREAD.get_or_init(start).as_ref()
}

/// How a child is set up between fork and exec.
pub(super) struct Setup {
    /// The `cgroup.procs` files of the cgroup that it joins.
    pub(super) cgroup: Vec<File>,
    /// Whether it leads a session of its own, and not only a process group.
    pub(super) own_session: bool,
}

/// Starts a child that gets SIGTERM when this process ends.
pub(super) async fn spawn(mut command: Command, setup: Setup) -> io::Result<Child> {
    let parent = getpid();
    if !setup.own_session {
        command.process_group(0);
    }
    let before_exec = move || {
        prctl::set_pdeathsig(Signal::SIGTERM)?;
        // If the parent ended before that, nobody would ever tell.
        if getppid() != parent {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        if setup.own_session {
            setsid()?;
        }
        for mut procs in &setup.cgroup {
            // 0 is whoever writes it.
            procs.write_all(b"0")?;
        }
        Ok(())
    };
    // SAFETY: prctl, getppid, setsid and write are async-signal-safe, and nothing is allocated; the
    // files were opened before.
    unsafe { command.pre_exec(before_exec) };
    let (reply, child) = oneshot::channel();
    let gone = || io::Error::other("the thread that starts processes could not be made");
    thread()
        .ok_or_else(gone)?
        .send(Job { command, reply })
        .map_err(|_| gone())?;
    child.await.map_err(|_| gone())?
}
