//! One process that serves, to be killed, paused and started again.

use std::{
    fs::{self, OpenOptions},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::process::children_of;

/// A process with what it takes to start it again.
pub(crate) struct Server {
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    log: PathBuf,
    child: Mutex<Option<Child>>,
}

impl Server {
    /// Not started yet. What it says is appended to the log.
    pub(crate) fn new(program: PathBuf, arguments: Vec<String>, log: PathBuf) -> Self {
        Self {
            program,
            arguments,
            environment: Vec::new(),
            log,
            child: Mutex::new(None),
        }
    }

    /// With a variable in its environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn name(&self) -> String {
        let stem = self.log.file_stem().unwrap_or_default();
        stem.to_string_lossy().into_owned()
    }

    /// Starts it, if it isn't running.
    pub(crate) fn start(&mut self) -> Result<()> {
        if self.is_running() {
            return Ok(());
        }
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)?;
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null());
        command.stdout(log.try_clone()?).stderr(log);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        // A Ctrl-C is for this program, which ends them.
        command.process_group(0);
        let child = command
            .spawn()
            .with_context(|| self.program.display().to_string())?;
        *self
            .child
            .get_mut()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(child);
        Ok(())
    }

    pub(crate) fn pid(&self) -> Option<i32> {
        self.with(|child| child.id() as i32)
    }

    pub(crate) fn is_running(&self) -> bool {
        self.with(|child| matches!(child.try_wait(), Ok(None)))
            .unwrap_or(false)
    }

    fn with<T>(&self, look: impl FnOnce(&mut Child) -> T) -> Option<T> {
        let mut child = self
            .child
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        child.as_mut().map(look)
    }

    /// Signals the process, and no other of its group.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid().filter(|_| self.is_running()) {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    /// Signals the process with all of its children. (Postgres's have groups of their own.)
    pub(crate) fn signal_tree(&self, signal: Signal) {
        if let Some(pid) = self.pid().filter(|_| self.is_running()) {
            for (child, _) in children_of(pid) {
                let _ = kill(Pid::from_raw(child), signal);
            }
        }
        self.signal(signal);
    }

    /// Kills it with all of its children, as a power cut would, and waits until it is gone.
    pub(crate) fn kill(&self) {
        // Stopped, it can't have more of them.
        self.signal(Signal::SIGSTOP);
        self.signal_tree(Signal::SIGKILL);
        self.with(|child| child.wait().map(drop));
    }

    /// Asks it to end, and waits for that; after a minute it is killed.
    pub(crate) fn end(&self) {
        self.signal(Signal::SIGTERM);
        let until = Instant::now() + Duration::from_mins(1);
        while self.is_running() && Instant::now() < until {
            thread::sleep(Duration::from_millis(10));
        }
        self.kill();
    }

    /// The end of what it said.
    pub(crate) fn last_words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let from = text.len().saturating_sub(4000);
        String::from_utf8_lossy(&text[from..]).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
