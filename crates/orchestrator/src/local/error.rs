//! Why an attempt could not be started.

use std::{
    io,
    path::{Path, PathBuf},
};

use model::TaskName;

use super::NoCgroup;

/// Why an attempt could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// It has no command for this machine.
    #[error(
        "the task {0} has no command for this machine; give it \"local\": [...], or load the order \
         into a cluster"
    )]
    NotLocal(TaskName),
    /// A file or folder of the order could not be made.
    #[error("can't write {}: {source}; check that the folder is yours and the disk has room", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// What the runner has to be told is longer than Linux allows.
    #[error(
        "the command of {task} with its arguments and variables has {bytes} bytes, and Linux takes \
         less than 131072 in one piece; hand long texts on in files of PODOMETER_WORKSPACE"
    )]
    TooLong {
        /// The task.
        task: TaskName,
        /// How long, at least.
        bytes: usize,
    },
    /// A cgroup was asked for and none can be had.
    #[error("no cgroup for this attempt: {0}; leave --source at auto to measure the process tree")]
    Cgroup(#[source] NoCgroup),
    /// The runner's program could not be started.
    #[error(
        "can't start the runner {program}: {source}; check that the file exists, and the limits on \
         processes and open files (ulimit -u, ulimit -n)"
    )]
    Runner {
        /// Its program.
        program: String,
        /// What the kernel said.
        source: io::Error,
    },
}

impl LaunchError {
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::File {
            path: path.to_owned(),
            source,
        }
    }
}
