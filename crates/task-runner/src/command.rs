//! Starts the command in a process group of its own.

use std::{
    fs::File,
    io::{self, IsTerminal},
    os::{fd::BorrowedFd, unix::process::CommandExt},
    process::{Command, Stdio as Process},
};

use model::{
    AttemptSpec,
    attempt::{Launcher, RUNNER_VARIABLES, Stdio},
};
use nix::{
    sys::{
        prctl,
        signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask},
    },
    unistd::{Pid, geteuid, getpgid, getpid, getppid, tcgetpgrp, tcsetpgrp},
};

use crate::{outcome::Ended, tee::Tee};

/// The exit codes of a shell for a command that isn't there, and for one that can't be run.
const NOT_FOUND: i32 = 127;
const NOT_EXECUTABLE: i32 = 126;

/// A started command.
pub(crate) struct Started {
    /// Its process, and the number of its process group.
    pub(crate) pid: Pid,
    /// The terminal's foreground group before it was given to the command.
    terminal: Option<Pid>,
    /// What copies its standard output, if it goes through the runner.
    pub(crate) tee: Option<Tee>,
}

impl Started {
    /// Takes the terminal back.
    pub(crate) fn restore_terminal(&self) {
        take_back(self.terminal);
    }
}

fn take_back(terminal: Option<Pid>) {
    if let Some(group) = terminal {
        let _ = tcsetpgrp(io::stdin(), group);
    }
}

/// Starts the command, or says how it failed to start.
pub(crate) fn start(spec: &AttemptSpec) -> Result<Started, Ended> {
    let not_started = |error: io::Error| {
        let missing = error.kind() == io::ErrorKind::NotFound;
        let code = if missing { NOT_FOUND } else { NOT_EXECUTABLE };
        let folder = spec
            .working_dir
            .as_ref()
            .map(|d| format!(" in {}", d.display()));
        let denied = error.kind() == io::ErrorKind::PermissionDenied;
        let in_container = denied && spec.launcher == Launcher::Kubernetes;
        let advice = in_container.then(another_user).unwrap_or_default();
        let message = format!(
            "can't start {:?}{}: {error}{advice}",
            spec.argv[0],
            folder.unwrap_or_default()
        );
        Ended::NotStarted(code, message)
    };
    let terminal = terminal_to_hand_over(spec);
    let (mut command, tee) = prepare(spec, terminal.is_some()).map_err(not_started)?;
    let child = command.spawn().map_err(|error| {
        take_back(terminal);
        not_started(error)
    })?;
    // The child is reaped by us, together with all others.
    Ok(Started {
        pid: Pid::from_raw(child.id() as i32),
        terminal,
        tee,
    })
}

/// What helps where an image wants to be run as somebody else.
fn another_user() -> String {
    format!(
        "; it runs as user {}: an image that needs another one says so by \
         \"pod\": {{\"securityContext\": {{\"runAsUser\": ...}}}}",
        geteuid()
    )
}

fn prepare(spec: &AttemptSpec, takes_terminal: bool) -> io::Result<(Command, Option<Tee>)> {
    let mut command = Command::new(&spec.argv[0]);
    command
        .args(&spec.argv[1..])
        .envs(&spec.env)
        .process_group(0);
    for name in RUNNER_VARIABLES {
        command.env_remove(name);
    }
    if let Some(folder) = &spec.working_dir {
        command.current_dir(folder);
    }
    let tee = direct(&mut command, &spec.stdio)?;
    // SAFETY: only async-signal-safe calls between fork and exec.
    unsafe { command.pre_exec(move || before_exec(takes_terminal)) };
    Ok((command, tee))
}

/// Says where its standard input comes from, and where its output and error go.
fn direct(command: &mut Command, stdio: &Stdio) -> io::Result<Option<Tee>> {
    let tee = match stdio {
        Stdio::Inherit => return Ok(None),
        Stdio::Files { out, err } => {
            command
                .stdout(File::create(out)?)
                .stderr(File::create(err)?);
            None
        }
        Stdio::Tee => Tee::start()
            .inspect_err(|error| {
                eprintln!(
                    "podometer runner: the last line of the task's output isn't seen: {error}"
                );
            })
            .ok()
            .map(|(tee, to)| {
                command.stdout(to);
                tee
            }),
    };
    command.stdin(Process::null());
    Ok(tee)
}

/// The command dies with the runner, and starts with the signals that it would have without one. It
/// takes the terminal itself: given to it later, it might have tried to read before, and stand still.
fn before_exec(takes_terminal: bool) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    if takes_terminal {
        // SAFETY: standard input is open, it was asked whether it is a terminal.
        let terminal = unsafe { BorrowedFd::borrow_raw(0) };
        let _ = tcsetpgrp(terminal, getpid());
    }
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    // SAFETY: the default action runs no code of ours.
    unsafe { signal(Signal::SIGTTOU, SigHandler::SigDfl) }?;
    Ok(())
}

/// A command that shares our terminal gets it, so that it can read from it and Ctrl-C reaches it;
/// unless the launcher is in the background, where nobody gives anything away. Its group then.
fn terminal_to_hand_over(spec: &AttemptSpec) -> Option<Pid> {
    let stdin = io::stdin();
    if spec.stdio != Stdio::Inherit || !stdin.is_terminal() {
        return None;
    }
    let foreground = tcgetpgrp(&stdin).ok()?;
    let launcher = getpgid(Some(getppid())).ok()?;
    (foreground == launcher).then_some(foreground)
}
