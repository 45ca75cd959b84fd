//! How a command ended, and what that means.

use model::Reason;

/// What the kernel says of the command's end, or why there was no start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    Exited(i32),
    Signaled(i32),
    /// The command could not be started: exit code 127 or 126 and why.
    NotStarted(i32, String),
}

/// What the runner itself did to the command, if anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intervention {
    None,
    TimedOut,
    Terminated,
    /// Whoever launched the runner is gone.
    Interrupted,
}

impl Ended {
    /// From a status of `wait4`.
    pub(crate) fn from_wait_status(status: i32) -> Self {
        if libc::WIFSIGNALED(status) {
            Self::Signaled(libc::WTERMSIG(status))
        } else {
            Self::Exited(libc::WEXITSTATUS(status))
        }
    }

    pub(crate) fn exit_code(&self) -> Option<i32> {
        match self {
            Self::Exited(code) | Self::NotStarted(code, _) => Some(*code),
            Self::Signaled(_) => None,
        }
    }

    pub(crate) fn signal(&self) -> Option<i32> {
        match self {
            Self::Signaled(signal) => Some(*signal),
            _ => None,
        }
    }

    /// What a shell would exit with.
    pub(crate) fn process_code(&self) -> i32 {
        match self {
            Self::Exited(code) | Self::NotStarted(code, _) => *code,
            Self::Signaled(signal) => 128 + signal,
        }
    }

    pub(crate) fn message(&self) -> Option<String> {
        match self {
            Self::NotStarted(_, message) => Some(message.clone()),
            _ => None,
        }
    }

    pub(crate) fn reason(&self, intervention: Intervention, oom_kills: Option<u64>) -> Reason {
        match (intervention, self) {
            // A command that made it in spite of what was done to it has completed.
            (Intervention::None | Intervention::TimedOut, Self::Exited(0)) => Reason::Completed,
            (Intervention::TimedOut, _) => Reason::TimedOut,
            (Intervention::Terminated, _) => Reason::Terminated,
            (Intervention::Interrupted, _) => Reason::Interrupted,
            (Intervention::None, _) if oom_kills.is_some_and(|n| n > 0) => Reason::OomKilled,
            (Intervention::None, Self::Signaled(_)) => Reason::Signal,
            (Intervention::None, _) => Reason::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons() {
        use Intervention::{None, Terminated, TimedOut};
        let killed = Ended::Signaled(9);
        assert_eq!(Ended::Exited(0).reason(None, Some(0)), Reason::Completed);
        assert_eq!(Ended::Exited(3).reason(None, Option::None), Reason::Error);
        assert_eq!(killed.reason(None, Some(0)), Reason::Signal);
        assert_eq!(killed.reason(None, Some(1)), Reason::OomKilled);
        assert_eq!(Ended::Exited(137).reason(None, Some(1)), Reason::OomKilled);
        assert_eq!(killed.reason(TimedOut, Some(0)), Reason::TimedOut);
        assert_eq!(
            Ended::Exited(0).reason(Terminated, Some(0)),
            Reason::Terminated
        );
        assert_eq!(killed.process_code(), 137);
    }
}
