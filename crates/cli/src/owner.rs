//! Who takes orders through their tasks, and what became of orders whose owner was killed.
//!
//! Each process that runs orders holds a lock on a file of its own, which the kernel lets go of
//! however the process ends. An order that isn't over and whose owner's lock is free is interrupted.

use std::{
    collections::HashMap,
    fs::{self, File, TryLockError},
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use model::{Attempt, OrderUid, Position, TerminationLog, attempt::Launcher};
use store::{OrderRow, Store};
use uuid::Uuid;

use crate::{data::DataFolder, output, time};

/// This process, as the owner of orders. Its lock ends with it.
#[derive(Debug)]
pub(crate) struct Owner {
    /// The folder's id and the lock's name.
    name: String,
    path: PathBuf,
    _lock: File,
}

impl Owner {
    /// Takes a lock.
    ///
    /// # Errors
    /// If the file can't be made.
    pub(crate) fn take(data: &DataFolder) -> Result<Self> {
        let folder = data.id()?;
        loop {
            let lock_name = Uuid::now_v7().to_string();
            let path = lock_path(data, &lock_name);
            let name = format!("{folder}/{lock_name}");
            let failed = || format!("the lock {} can't be taken", path.display());
            let lock = File::create_new(&path).with_context(failed)?;
            // Another process may have taken it for a stale one just now; then a new one is needed.
            match lock.try_lock() {
                Ok(()) if lock.metadata().with_context(failed)?.nlink() > 0 => {
                    return Ok(Self {
                        name,
                        path,
                        _lock: lock,
                    });
                }
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error).with_context(failed),
            }
        }
    }

    /// What the store calls it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // What stays is tidied up by the next one.
        let _ = fs::remove_file(&self.path);
    }
}

fn lock_path(data: &DataFolder, owner: &str) -> PathBuf {
    data.locks().join(format!("{owner}.lock"))
}

/// The name of an owner's lock; `None` if it isn't in this folder: on a server are the orders of other
/// folders, too.
fn lock_here<'a>(data: &DataFolder, owner: &'a str) -> Result<Option<&'a str>> {
    match owner.split_once('/') {
        Some((folder, lock)) => Ok((folder == data.id()?.to_string()).then_some(lock)),
        // As it was before there were servers.
        None => Ok((!data.is_on_server()).then_some(owner)),
    }
}

/// Whether what runs an order looks into this data folder.
///
/// # Errors
/// If the folder's id can't be read.
pub(crate) fn is_here(data: &DataFolder, order: &OrderRow) -> Result<bool> {
    Ok(lock_here(data, &order.owner)?.is_some())
}

/// A lock, as another process finds it.
enum Found {
    /// Its owner lives.
    Held,
    /// Its owner is gone; the lock is ours as long as this is kept.
    Free(Option<File>),
}

fn look_at(path: &Path) -> io::Result<Found> {
    let lock = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Free(None)),
        other => other?,
    };
    match lock.try_lock() {
        Ok(()) => Ok(Found::Free(Some(lock))),
        Err(TryLockError::WouldBlock) => Ok(Found::Held),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Notes that orders were interrupted whose owner is gone, and removes locks that nobody holds.
///
/// # Errors
/// What the store or the lock files say.
pub(crate) async fn tidy(store: &Store, data: &DataFolder) -> Result<()> {
    let mut locks: HashMap<String, Found> = HashMap::new();
    for order in store.unfinished().await? {
        if order.launcher != Some(Launcher::Local) {
            continue;
        }
        let Some(lock) = lock_here(data, &order.owner)? else {
            continue;
        };
        if !locks.contains_key(lock) {
            let found = look_at(&lock_path(data, lock)).context("looking at a lock")?;
            locks.insert(lock.to_owned(), found);
        }
        if let Some(Found::Free(_)) = locks.get(lock) {
            let left = attempts_left(&data.order(&order.name), order.order_uid);
            if store.interrupt(order.order_uid, time::now(), &left).await? {
                let id = &order.name;
                output::note(&format!(
                    "order {id} was interrupted: what ran it was killed"
                ));
            }
        }
    }
    // Those that are held here would be taken for somebody's.
    drop(locks);
    remove_stale_locks(data);
    Ok(())
}

/// The same for commands that only read: what goes wrong is of no concern to them.
pub(crate) async fn tidy_if_possible(store: &Store, data: &DataFolder) {
    if let Err(error) = tidy(store, data).await {
        tracing::info!("interrupted orders could not be marked: {error:#}");
    }
}

fn remove_stale_locks(data: &DataFolder) {
    let entries = fs::read_dir(data.locks()).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if let Ok(Found::Free(Some(_lock))) = look_at(&path) {
            let _ = fs::remove_file(&path);
        }
    }
}

type Left = (Position, Attempt, Option<TerminationLog>);

/// The attempts that left files behind, `runs/<position>-<task>-<attempt>.*`, with their logs.
fn attempts_left(folder: &Path, order_uid: OrderUid) -> Vec<Left> {
    let mut left: HashMap<(Position, Attempt), Option<TerminationLog>> = HashMap::new();
    let entries = fs::read_dir(folder.join("runs"))
        .into_iter()
        .flatten()
        .flatten();
    for path in entries.map(|entry| entry.path()) {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let Some((at, suffix)) = attempt_of(name) else {
            continue;
        };
        let log = left.entry(at).or_default();
        if suffix == "end.json" {
            *log = read_log(&path).filter(|log| log.key.order_uid == order_uid);
        }
    }
    let mut left: Vec<Left> = left.into_iter().map(|((p, a), log)| (p, a, log)).collect();
    left.sort_by_key(|(position, attempt, _)| (*position, *attempt));
    left
}

fn attempt_of(name: &str) -> Option<((Position, Attempt), &str)> {
    let (stem, suffix) = name.split_once('.')?;
    let (position, rest) = stem.split_once('-')?;
    let (_, attempt) = rest.rsplit_once('-')?;
    Some(((position.parse().ok()?, attempt.parse().ok()?), suffix))
}

/// A log that was being written when its runner died may be no whole one; then there is none.
fn read_log(path: &Path) -> Option<TerminationLog> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> (tempfile::TempDir, DataFolder) {
        let temporary = tempfile::tempdir().unwrap();
        let data = DataFolder::new(temporary.path(), None, store::Migrations::Run);
        data.create().unwrap();
        (temporary, data)
    }

    fn is_held(path: &Path) -> bool {
        matches!(look_at(path).unwrap(), Found::Held)
    }

    #[test]
    fn a_lock_is_held_as_long_as_its_owner_lives() {
        let (_temporary, data) = data();
        let owner = Owner::take(&data).unwrap();
        let lock = lock_here(&data, owner.name()).unwrap().unwrap();
        let path = lock_path(&data, lock);
        assert!(is_held(&path));
        remove_stale_locks(&data);
        assert!(path.exists());
        drop(owner);
        assert!(!is_held(&path));
        assert!(!path.exists());
        File::create(&path).unwrap();
        remove_stale_locks(&data);
        assert!(!path.exists(), "stale");
    }

    #[test]
    fn attempts_are_told_by_their_files() {
        assert_eq!(
            attempt_of("12-a-b-3.end.json"),
            Some(((Position(12), Attempt(3)), "end.json"))
        );
        for strange in [
            "",
            "x",
            "1-a",
            "1-a-b.out",
            "a-b-1.out",
            ".out",
            "--.out",
            "1-2.out",
        ] {
            assert_eq!(attempt_of(strange), None, "{strange}");
        }
        let (temporary, _) = data();
        let runs = temporary.path().join("runs");
        fs::create_dir(&runs).unwrap();
        for name in ["0-a-1.out", "0-a-1.end.json", "1-b-2.err", "strange"] {
            fs::write(runs.join(name), "{").unwrap();
        }
        let left = attempts_left(temporary.path(), OrderUid(Uuid::nil()));
        assert_eq!(
            left,
            [
                (Position(0), Attempt(1), None),
                (Position(1), Attempt(2), None)
            ]
        );
    }
}
