//! Known loads, small and exact. A load enters a cgroup of its own as its first act, so that the
//! kernel counts what it uses, and says at its end what only it can know.

mod memory;
mod processes;
mod shared;

use std::{fs::File, io::Write, path::PathBuf, thread, time::Duration};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use crate::{
    cgroups::OwnGroup,
    clock,
    truth::{self, Joined, Said},
};

#[derive(Debug, Args)]
pub(crate) struct LoadArgs {
    /// Note the truth under this name
    #[arg(long)]
    truth: Option<PathBuf>,
    /// Only say when it began and ended: no cgroup
    #[arg(long)]
    bare: bool,
    #[command(subcommand)]
    kind: Kind,
}

/// What there is to be done.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Kind {
    /// Burn CPU time on that many threads
    Busy {
        /// CPU time of each thread, milliseconds
        millis: u64,
        threads: u64,
    },
    /// Fork children one after another, each of which burns
    Children { count: u64, millis: u64 },
    /// The same with SIGCHLD ignored: nobody learns what the children used
    Deaf { count: u64, millis: u64 },
    /// A child forks a child in a session of its own, which burns while this process waits for it
    Detach { millis: u64 },
    /// Anonymous memory, up and down again, in that many processes at once
    Ramp {
        /// In each process
        mib: u64,
        after_millis: u64,
        processes: u64,
    },
    /// Write a file in the working folder, to the disk
    Write { mib: u64 },
    /// Nothing
    Noop,
    /// That many children that sleep, until this is killed
    Asleep { processes: u64 },
    /// That many children that run and fault a little every millisecond, until this is killed
    Restless { processes: u64 },
}

/// Does it.
pub(crate) fn run(args: &LoadArgs) -> Result<()> {
    let began_nsec = clock::monotonic()?;
    if let Some(name) = args.truth.as_ref().filter(|_| !args.bare) {
        join(name, matches!(args.kind, Kind::Ramp { .. }))?;
    }
    let mut said = args.kind.work()?;
    if let Some(name) = &args.truth {
        said.began_nsec = began_nsec;
        said.ended_nsec = clock::monotonic()?;
        truth::note(name, "said", &said)?;
    }
    Ok(())
}

/// Enters a cgroup and notes what was used until then. The clock is read first: for it the kernel
/// brings this process's time up to date, in the cgroup as well.
fn join(name: &std::path::Path, with_memory: bool) -> Result<()> {
    let group = OwnGroup::enter(with_memory)?;
    let cpu_nsec = clock::process_cpu()?;
    let note = Joined {
        cpu_nsec,
        counted_nsec: group.cpu_nsec()?,
        group,
    };
    let (folder, stem) = (name.parent(), name.file_name());
    let (folder, stem) = folder.zip(stem).context("--truth wants FOLDER/NAME")?;
    truth::note(&folder.join("joined").join(stem), "joined", &note)
}

impl Kind {
    fn work(self) -> Result<Said> {
        match self {
            Self::Busy { millis, threads } => busy(millis, threads)?,
            Self::Children { count, millis } => processes::children(count, millis)?,
            Self::Deaf { count, millis } => processes::deaf(count, millis)?,
            Self::Detach { millis } => processes::detach(millis)?,
            Self::Ramp {
                mib,
                after_millis,
                processes,
            } => {
                thread::sleep(Duration::from_millis(after_millis));
                return memory::ramps(mib << 20, processes);
            }
            Self::Write { mib } => return write(mib),
            Self::Noop => {}
            Self::Asleep { processes } => processes::forever(processes, || {
                thread::sleep(Duration::from_hours(1));
            })?,
            Self::Restless { processes } => processes::forever(processes, || {
                std::hint::black_box(vec![1_u8; 1 << 20]);
                thread::sleep(Duration::from_millis(1));
            })?,
        }
        Ok(Said::default())
    }
}

/// Burns CPU time of the calling thread.
fn burn(millis: u64) -> Result<()> {
    let end = clock::thread_cpu()? + millis * 1_000_000;
    let mut value = 0_u64;
    while clock::thread_cpu()? < end {
        for step in 0..1000 {
            value = std::hint::black_box(value.wrapping_add(step));
        }
    }
    Ok(())
}

fn busy(millis: u64, threads: u64) -> Result<()> {
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| burn(millis));
        }
        burn(millis)
    })
}

fn write(mib: u64) -> Result<Said> {
    let mut file = File::create("written").context("written")?;
    let block = vec![7_u8; 1 << 20];
    for _ in 0..mib {
        file.write_all(&block).context("written")?;
    }
    file.sync_all().context("fsync")?;
    Ok(Said {
        written_bytes: Some(mib << 20),
        ..Said::default()
    })
}
