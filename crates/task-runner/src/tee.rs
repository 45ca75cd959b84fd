//! Copies the command's standard output to the runner's own, and remembers its end.
//!
//! A thread does it, so that readings and the attempt's end never wait for whoever takes the runner's
//! output. Its processor time is the runner's own.

use std::{
    fs::File,
    io::{self, ErrorKind, Read, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::{PollFd, PollFlags, PollTimeout, poll},
    unistd::pipe2,
};
use tokio::{sync::oneshot, time::timeout};

use crate::output::Tail;

/// How much is taken at a time: what a pipe holds by default.
const PIECE: usize = 64 * 1024;
/// How long the rest may take once the command has ended.
const REST: Duration = Duration::from_secs(1);

/// The copying thread.
pub(crate) struct Tee {
    pipe: File,
    tail: Arc<Mutex<Tail>>,
    /// Closed when only the rest is to be copied.
    go_on: OwnedFd,
    done: oneshot::Receiver<()>,
}

impl Tee {
    /// Starts the thread; the second is the command's end of the pipe.
    pub(crate) fn start() -> io::Result<(Self, OwnedFd)> {
        let (from, to) = pipe2(OFlag::O_CLOEXEC)?;
        let (stop, go_on) = pipe2(OFlag::O_CLOEXEC)?;
        let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let (pipe, tail) = (File::from(from), Arc::<Mutex<Tail>>::default());
        let (finished, done) = oneshot::channel();
        let (from, remembered) = (pipe.try_clone()?, Arc::clone(&tail));
        let thread = thread::Builder::new().name("output".to_owned());
        thread.stack_size(128 * 1024).spawn(move || {
            let mut out = Out(Some(out));
            let copied = copy(from, &stop, |piece| {
                lock(&remembered).push(piece);
                out.take(piece);
            });
            if let Err(error) = copied {
                eprintln!("podometer runner: the task's output can't be read: {error}");
            }
            let _ = finished.send(());
        })?;
        let tee = Self {
            pipe,
            tail,
            go_on,
            done,
        };
        Ok((tee, to))
    }

    /// Waits until what stands in the pipe is copied, though not for long, and not for a process that
    /// keeps it open. Returns the last line, and whether it was cut.
    pub(crate) async fn finish(self) -> (String, bool) {
        let Self {
            mut pipe,
            tail,
            go_on,
            done,
        } = self;
        drop(go_on);
        if timeout(REST, done).await.is_err() {
            // Nobody takes our output any more. The last line counts all the same.
            let _ = rest(&mut pipe, &mut vec![0; PIECE], |piece| {
                lock(&tail).push(piece);
            });
        }
        lock(&tail).last_line()
    }
}

fn lock(tail: &Mutex<Tail>) -> MutexGuard<'_, Tail> {
    tail.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes pieces until all writers are gone, or until it is stopped; then what stands in the pipe.
fn copy(mut from: File, stop: &OwnedFd, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        let [readable, stopped] = wait([from.as_fd(), stop.as_fd()], PollTimeout::NONE)?;
        if stopped {
            return rest(&mut from, &mut buffer, take);
        }
        if readable {
            match from.read(&mut buffer)? {
                0 => return Ok(()),
                count => take(&buffer[..count]),
            }
        }
    }
}

/// Takes what stands in the pipe, at most as much as it can hold: somebody may go on writing.
fn rest(from: &mut File, buffer: &mut [u8], mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut left = fcntl(&from, FcntlArg::F_GETPIPE_SZ)? as usize;
    while left > 0 && wait([from.as_fd()], PollTimeout::ZERO)? == [true] {
        let most = left.min(buffer.len());
        match from.read(&mut buffer[..most])? {
            0 => break,
            count => {
                left -= count;
                take(&buffer[..count]);
            }
        }
    }
    Ok(())
}

/// Which of them can be read, or have no writer any more.
fn wait<const N: usize>(
    files: [BorrowedFd<'_>; N],
    patience: PollTimeout,
) -> io::Result<[bool; N]> {
    let mut asked = files.map(|file| PollFd::new(file, PollFlags::POLLIN));
    loop {
        match poll(&mut asked, patience) {
            Err(Errno::EINTR) => {}
            result => {
                result?;
                return Ok(asked.map(|file| file.any().unwrap_or(true)));
            }
        }
    }
}

/// The runner's own output. When its reader is gone the rest is dropped: the task isn't to suffer.
struct Out(Option<File>);

impl Out {
    fn take(&mut self, piece: &[u8]) {
        if let Some(out) = &mut self.0
            && let Err(error) = write(out, piece)
        {
            if error.kind() != ErrorKind::BrokenPipe {
                eprintln!("podometer runner: the task's output is lost from here on: {error}");
            }
            self.0 = None;
        }
    }
}

/// Writes all of it, also where the other side has made it not block.
fn write(out: &mut File, mut piece: &[u8]) -> io::Result<()> {
    while !piece.is_empty() {
        match out.write(piece) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => piece = &piece[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let mut asked = [PollFd::new(out.as_fd(), PollFlags::POLLOUT)];
                poll(&mut asked, PollTimeout::NONE)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_pipe_at_the_end_is_copied_though_it_stays_open() {
        let (from, to) = pipe2(OFlag::O_CLOEXEC).unwrap();
        let (stop, go_on) = pipe2(OFlag::O_CLOEXEC).unwrap();
        let mut to = File::from(to);
        to.write_all(&[b'a'; 1000]).unwrap();
        drop(go_on);
        let mut copied = Vec::new();
        copy(File::from(from), &stop, |piece| {
            // Whoever goes on writing is not waited for.
            to.write_all(&[b'b'; 4000]).unwrap();
            copied.extend_from_slice(piece);
        })
        .unwrap();
        assert!(copied.starts_with(&[b'a'; 1000]));
        assert!(copied.len() <= 64 * 1024, "{}", copied.len());
    }

    #[test]
    fn a_reader_that_is_gone_is_no_trouble() {
        let (from, to) = pipe2(OFlag::O_CLOEXEC).unwrap();
        drop(from);
        let mut out = Out(Some(File::from(to)));
        out.take(b"one");
        out.take(b"two");
        assert!(out.0.is_none());
    }
}
