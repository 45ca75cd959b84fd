//! The truth about a load: what it notes of itself, and what its own cgroup counted.
//!
//! A load notes twice, beside each other: `NAME.joined` as soon as it stands in its cgroup,
//! `NAME.said` as its last act. [`Collector`] waits until the cgroup is empty, reads it, removes it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::cgroups::OwnGroup;

/// How often the collector looks.
const PERIOD: Duration = Duration::from_millis(3);
/// The kernel charges the last of an exit after the process has left its cgroup's list.
const SETTLE: Duration = Duration::from_millis(2);
/// How long the last cgroups may take to be empty when Podometer says that all is over.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a load notes when it has joined its cgroup.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Joined {
    /// Its clock at that moment, nanoseconds: what it had used since it was forked.
    pub(crate) cpu_nsec: u64,
    /// What the cgroup had counted at that moment, nanoseconds.
    pub(crate) counted_nsec: u64,
    /// The cgroup.
    pub(crate) group: OwnGroup,
}

/// What a load says of itself at its end.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Said {
    /// Its first act, on the monotonic clock, nanoseconds.
    pub(crate) began_nsec: u64,
    /// Its last act, on the monotonic clock, nanoseconds.
    pub(crate) ended_nsec: u64,
    /// Anonymous memory at the height of the ramp, bytes: by `smaps_rollup`, which counts pages.
    pub(crate) anon_peak_bytes: Option<u64>,
    /// How long the ramp took, up and down, seconds.
    pub(crate) ramp_seconds: Option<f64>,
    /// What it passed through write calls, bytes.
    pub(crate) written_bytes: Option<u64>,
}

/// All that is known of a load.
#[derive(Debug, Clone, Default)]
pub(crate) struct Truth {
    /// CPU time of the load and all of its descendants, nanoseconds.
    pub(crate) cpu_nsec: Option<u64>,
    /// The highest of all memory of its cgroup, bytes.
    pub(crate) memory_peak_bytes: Option<u64>,
    /// What it says of itself.
    pub(crate) said: Option<Said>,
}

/// Writes a note as a whole: whoever sees the file sees all of it.
pub(crate) fn note<T: Serialize>(name: &Path, kind: &str, what: &T) -> Result<()> {
    let whole = name.with_extension(kind);
    let part = name.with_extension(format!("{kind}.part"));
    fs::write(&part, serde_json::to_vec(what)?)
        .and_then(|()| fs::rename(&part, &whole))
        .with_context(|| whole.display().to_string())
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read(path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
}

/// Collects truths beside the orders that run.
pub(crate) struct Collector {
    folder: PathBuf,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<BTreeMap<String, Truth>>>,
}

impl Collector {
    /// Starts to look for notes in the folder.
    pub(crate) fn start(folder: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, watched) = (Arc::clone(&stop), folder.to_owned());
        Self {
            folder: folder.to_owned(),
            stop,
            thread: thread::spawn(move || collect(&watched, &stopped)),
        }
    }

    /// Waits for the last cgroups; the truths by the names of the notes.
    pub(crate) fn finish(self) -> Result<BTreeMap<String, Truth>> {
        self.stop.store(true, Ordering::Release);
        let collected = self.thread.join();
        let mut truths = collected.map_err(|_| anyhow!("the collector failed"))??;
        for path in notes(&self.folder, "said")? {
            truths.entry(name(&path)).or_default().said = Some(read(&path)?);
        }
        Ok(truths)
    }
}

fn notes(folder: &Path, kind: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(paths
        .filter(|path| path.extension().is_some_and(|e| e == kind))
        .collect())
}

fn name(note: &Path) -> String {
    let stem = note.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

fn collect(folder: &Path, stop: &AtomicBool) -> Result<BTreeMap<String, Truth>> {
    let joined = folder.join("joined");
    let (mut truths, mut give_up) = (BTreeMap::new(), None);
    loop {
        let waiting = notes(&joined, "joined")?;
        let mut left = waiting.len();
        for path in waiting {
            let note: Joined = read(&path)?;
            if note.group.is_empty() {
                truths.insert(name(&path), settled(&note)?);
                fs::remove_file(&path)?;
                left -= 1;
            }
        }
        if stop.load(Ordering::Acquire) {
            let give_up = *give_up.get_or_insert_with(|| Instant::now() + PATIENCE);
            if left == 0 || Instant::now() > give_up {
                return Ok(truths);
            }
        }
        thread::sleep(PERIOD);
    }
}

fn settled(note: &Joined) -> Result<Truth> {
    thread::sleep(SETTLE);
    let truth = Truth {
        cpu_nsec: Some(note.cpu_nsec + note.group.cpu_nsec()? - note.counted_nsec),
        memory_peak_bytes: note.group.memory_peak_bytes()?,
        said: None,
    };
    // The launcher, waiting to remove the cgroup above, may have been faster.
    if let Err(error) = note.group.remove() {
        eprintln!("bench: {}: {error}", note.group.cpu.display());
    }
    Ok(truth)
}
