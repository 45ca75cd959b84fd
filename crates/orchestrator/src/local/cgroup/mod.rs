//! Makes a cgroup for each attempt where this process may.

mod group;
mod mounts;
mod v1;
mod v2;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

pub(super) use group::Group;
use mounts::Mounts;

/// The folder, in this process's own cgroup, that holds those of the attempts.
const FOLDER: &str = "podometer";

/// How old an empty cgroup must be to count as left behind.
const SWEEP_AGE: Duration = Duration::from_mins(1);

/// Why there is no cgroup for an attempt.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum NoCgroup {
    /// Nobody wants one.
    #[error("the process tree was asked for")]
    NotWanted,
    /// What the kernel says of its cgroups could not be read.
    #[error("can't read {}: {message}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        message: String,
    },
    /// There is no hierarchy with this controller that shows this process's own cgroup.
    #[error("no mounted cgroup hierarchy has the controller {0}")]
    NoController(&'static str),
    /// The cgroup exists, but nothing may be made in it.
    #[error("{} can't be written: {message}", path.display())]
    NotPermitted {
        /// The folder or file.
        path: PathBuf,
        /// What the kernel said.
        message: String,
    },
    /// In a v2 hierarchy a cgroup that holds processes can't hand controllers on.
    #[error(
        "{} holds other processes, so that it can't hand its controllers on; run in a scope of its \
         own (systemd-run --user --scope -p Delegate=yes ...)", path.display()
    )]
    Shared {
        /// The cgroup.
        path: PathBuf,
    },
    /// The runner could not be put into it.
    #[error("the runner could not be started in its cgroup: {0}")]
    NotJoined(String),
}

impl NoCgroup {
    fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |error| Self::Unreadable {
            path: path.to_owned(),
            message: error.to_string(),
        }
    }

    fn not_permitted(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |error| Self::NotPermitted {
            path: path.to_owned(),
            message: error.to_string(),
        }
    }
}

/// Where attempts' cgroups can be made: one folder for v2, one per hierarchy for v1.
#[derive(Debug)]
pub(super) struct Cgroups {
    bases: Vec<PathBuf>,
    v2: bool,
}

impl Cgroups {
    /// Looks for the place, v2 first, and prepares it.
    pub(super) fn find() -> Result<Self, NoCgroup> {
        let place = Self::place()?;
        for base in &place.bases {
            sweep(base);
        }
        Ok(place)
    }

    fn place() -> Result<Self, NoCgroup> {
        let mounts = Mounts::read()?;
        match v2::prepare(&mounts, v2::REQUIRED) {
            Ok(base) => Ok(Self {
                bases: vec![base],
                v2: true,
            }),
            Err(why_not_v2) => match v1::prepare(&mounts) {
                Ok(bases) => Ok(Self { bases, v2: false }),
                // The reason that concerns this machine.
                Err(NoCgroup::NoController(_)) => Err(why_not_v2),
                Err(why_not) => Err(why_not),
            },
        }
    }

    /// Makes the cgroup of an attempt.
    pub(super) fn make(&self, name: &str) -> Result<Group, NoCgroup> {
        let mut group = Group::new(self.v2);
        for base in &self.bases {
            let folder = base.join(name);
            make_folder(base, &folder).map_err(NoCgroup::not_permitted(&folder))?;
            group.add(folder);
        }
        Ok(group)
    }
}

/// Makes a folder and the one that holds it, which another process may remove at any time.
fn make_folder(base: &Path, folder: &Path) -> io::Result<()> {
    for _ in 0..10 {
        match fs::create_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => ensure(base)?,
            other => return other,
        }
    }
    fs::create_dir(folder)
}

/// Removes what killed processes left behind. What is young may be about to be used, and what holds
/// processes stays anyway.
fn sweep(base: &Path) {
    let old = |path: &Path| {
        let made = fs::metadata(path).and_then(|data| data.modified());
        made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > SWEEP_AGE))
    };
    let entries = fs::read_dir(base).into_iter().flatten().flatten();
    for path in entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && old(path))
    {
        let _ = fs::remove_dir(path);
    }
}

fn ensure(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        for base in &self.bases {
            // It stays if somebody else's attempts are in it.
            let _ = fs::remove_dir(base);
        }
    }
}
