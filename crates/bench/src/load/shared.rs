//! Numbers that a process shares with the children that it forks.

use std::{
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::memory::map;

/// How many there are.
const COUNT: usize = 64;
/// How long processes wait for each other.
const PATIENCE: Duration = Duration::from_secs(20);

/// Numbers in a page that forked children share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shared(NonNull<AtomicU64>);

impl Shared {
    pub(super) fn new() -> Result<Self> {
        let page = map(COUNT * size_of::<AtomicU64>(), libc::MAP_SHARED)?;
        // It is never unmapped.
        Ok(Self(page.cast()))
    }

    /// One of the numbers, all zero at first.
    pub(super) fn number(self, index: usize) -> &'static AtomicU64 {
        assert!(index < COUNT, "there are {COUNT} shared numbers");
        // SAFETY: within the mapping, which starts at a page and is full of zeros: valid numbers.
        unsafe { self.0.add(index).as_ref() }
    }

    /// Waits until that many processes have come to this.
    pub(super) fn meet(self, index: usize, processes: u64) -> Result<()> {
        let met = self.number(index);
        met.fetch_add(1, Ordering::SeqCst);
        let give_up = Instant::now() + PATIENCE;
        while met.load(Ordering::SeqCst) < processes {
            ensure!(Instant::now() < give_up, "the others don't come");
            thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    }
}
