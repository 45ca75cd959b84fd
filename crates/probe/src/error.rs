//! What can go wrong while a probe is opened; a reading never fails as a whole.

use std::io;
use std::path::{Path, PathBuf};

/// Why a source of counters can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that every source needs, or that names the cgroup, can't be opened or read.
    #[error("can't read {}: {source}; is /proc mounted, and is it this process's own?", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// `/proc/self/cgroup` names a cgroup that no mount shows.
    #[error(
        "{} names a cgroup, but no mount in mountinfo shows it; mount cgroupfs into the container, \
         or run without an own cgroup", path.display()
    )]
    NotMounted {
        /// The file that names the cgroup.
        path: PathBuf,
    },
    /// The cgroup is the root of the hierarchy: it counts the whole machine.
    #[error(
        "{} is the root cgroup and counts the whole machine; start the runner in a cgroup of its own",
        path.display()
    )]
    WholeMachine {
        /// The cgroup's folder.
        path: PathBuf,
    },
    /// The cgroup has no usable counter of CPU time.
    #[error(
        "the cgroup {} has no CPU counter ({file}); enable the controller, or run without an own cgroup",
        path.display()
    )]
    NoCpuCounter {
        /// The cgroup's folder.
        path: PathBuf,
        /// The file that is missing or unreadable.
        file: &'static str,
    },
}

impl Error {
    /// The one-line constructor for call sites.
    pub(crate) fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Unreadable {
            path: path.to_owned(),
            source,
        }
    }
}
