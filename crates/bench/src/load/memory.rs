//! Anonymous memory, up and down again within half a second.

use std::{
    fs, io,
    ptr::NonNull,
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::{
    processes::{forked, reap},
    shared::Shared,
};
use crate::truth::Said;

const PAGE: usize = 4096;
/// A ramp goes up and down in that many steps.
const STEPS: usize = 30;
/// The pace of the steps; a late step isn't waited for.
const UP: Duration = Duration::from_millis(6);
const DOWN: Duration = Duration::from_millis(2);

/// Places of shared numbers.
const AT_THE_TOP: usize = 0;
const COUNTED: usize = 1;
const SUM: usize = 2;
const LONGEST_USEC: usize = 3;

/// The ramp in this process, or at once in that many children. All are at the top together, where
/// each counts its anonymous pages.
pub(super) fn ramps(bytes_each: u64, processes: u64) -> Result<Said> {
    let shared = Shared::new()?;
    if processes <= 1 {
        ramp(bytes_each as usize, 1, shared)?;
    } else {
        for _ in 0..processes {
            forked(|| ramp(bytes_each as usize, processes, shared))?;
        }
        for _ in 0..processes {
            reap()?;
        }
    }
    let number = |index| shared.number(index).load(Ordering::SeqCst);
    Ok(Said {
        anon_peak_bytes: Some(number(SUM)),
        ramp_seconds: Some(Duration::from_micros(number(LONGEST_USEC)).as_secs_f64()),
        ..Said::default()
    })
}

/// Anonymous memory, full of zeros.
pub(super) fn map(bytes: usize, sharing: i32) -> Result<NonNull<u8>> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_ANONYMOUS | sharing;
    // SAFETY: a new mapping at a place of the kernel's choice.
    let place = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, flags, -1, 0) };
    let mapped = place != libc::MAP_FAILED;
    ensure!(mapped, "mmap: {}", io::Error::last_os_error());
    NonNull::new(place.cast()).context("mmap gave the address 0")
}

fn ramp(bytes: usize, processes: u64, shared: Shared) -> Result<()> {
    let start = Instant::now();
    let step = (bytes / STEPS).next_multiple_of(PAGE);
    let memory = map(bytes, libc::MAP_PRIVATE)?;
    let mut due = start;
    for from in (0..bytes).step_by(step) {
        for at in (from..bytes.min(from + step)).step_by(PAGE) {
            // SAFETY: within the mapping; nobody else uses it.
            unsafe { memory.add(at).write_volatile(1) };
        }
        due += UP;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    at_the_top(processes, shared)?;
    due = Instant::now();
    for from in (0..bytes).step_by(step) {
        // SAFETY: a part of the mapping that isn't used any more.
        let result =
            unsafe { libc::munmap(memory.add(from).as_ptr().cast(), step.min(bytes - from)) };
        ensure!(result == 0, "munmap: {}", io::Error::last_os_error());
        due += DOWN;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    let took = start.elapsed().as_micros() as u64;
    shared
        .number(LONGEST_USEC)
        .fetch_max(took, Ordering::SeqCst);
    Ok(())
}

fn at_the_top(processes: u64, shared: Shared) -> Result<()> {
    shared.meet(AT_THE_TOP, processes)?;
    shared
        .number(SUM)
        .fetch_add(own_anonymous()?, Ordering::SeqCst);
    shared.meet(COUNTED, processes)
}

/// The anonymous pages of this process; one that it shares with others since a fork counts by its
/// share, so that the sum over all counts it once. Other than `status`, which sums up what each
/// processor has told it so far, `smaps_rollup` goes through the page tables.
fn own_anonymous() -> Result<u64> {
    let text = fs::read_to_string("/proc/self/smaps_rollup").context("smaps_rollup")?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss_Anon:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kib: u64 = number
        .context("smaps_rollup has no Pss_Anon")?
        .trim()
        .parse()?;
    Ok(kib << 10)
}
