//! A runner in small: parent, subreaper, samples at set times, reaps with wait4.

use std::process::Command;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};
use probe::{AnonPeak, Options, Probe, Reading, SourceKind};

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) kind: SourceKind,
    pub(crate) readings: Vec<Reading>,
    pub(crate) last: Reading,
    pub(crate) peak: AnonPeak,
    /// Sum of what wait4 gave for the reaped children, nanoseconds.
    pub(crate) rusage_nsec: u64,
}

/// Times of the samples, milliseconds from the start: close together, then every `period`.
fn grid(period: u64) -> impl Iterator<Item = u64> {
    let dense = [10, 20, 50, 100, 200, 500]
        .into_iter()
        .filter(move |at| *at < period);
    dense.chain((1..).map(move |count| count * period))
}

/// Measures one load until nothing of it is left.
pub(crate) fn measure(options: &Options, period: u64, load: &[&str]) -> Run {
    measure_with(options, period, load, || ())
}

/// The same, with something done after the probe was opened.
pub(crate) fn measure_with(
    options: &Options,
    period: u64,
    load: &[&str],
    opened: impl FnOnce(),
) -> Run {
    nix::sys::prctl::set_child_subreaper(true).expect("subreaper");
    let mut probe = Probe::open(options).expect("open");
    assert!(
        probe.fallback_reason().is_none(),
        "{:?}",
        probe.fallback_reason()
    );
    opened();
    let first = probe.read();
    assert_eq!(first.cpu_usage_nsec, Some(0), "the baseline");
    probe.command_started(start_load(load));
    let start = Instant::now();
    let mut times = grid(period).map(Duration::from_millis).peekable();
    let (mut readings, mut rusage_nsec) = (vec![first], 0);
    loop {
        match children() {
            Children::None => break,
            Children::Ended(pid) => {
                probe.before_reap(pid);
                let rusage = reap(pid);
                rusage_nsec += nsec(rusage.ru_utime) + nsec(rusage.ru_stime);
                probe.reaped(pid, &rusage);
            }
            Children::Running if times.next_if(|at| start.elapsed() >= *at).is_some() => {
                readings.push(probe.read());
            }
            Children::Running => std::thread::sleep(Duration::from_micros(500)),
        }
    }
    let last = probe.read();
    readings.push(last);
    Run {
        kind: probe.kind(),
        readings,
        last,
        peak: probe.anon_peak(),
        rusage_nsec,
    }
}

fn nsec(time: libc::timeval) -> u64 {
    time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1000
}

/// Starts the load; it is reaped by number.
#[allow(
    clippy::zombie_processes,
    reason = "reaped by wait4, which gives its rusage"
)]
fn start_load(load: &[&str]) -> i32 {
    let this = std::env::current_exe().expect("own path");
    Command::new(this)
        .arg("load")
        .args(load)
        .spawn()
        .expect("start")
        .id() as i32
}

/// CPU time of one reading of a load of that many processes, microseconds.
pub(crate) fn cost_of(options: &Options, load: &[&str], processes: u64, pause: Duration) -> f64 {
    const READINGS: u32 = 200;
    let mut probe = Probe::open(options).expect("open");
    probe.read();
    let root = start_load(load);
    while probe.read().processes != Some(processes) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let clock = || Duration::from(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("clock"));
    let mut spent = Duration::ZERO;
    for _ in 0..READINGS {
        std::thread::sleep(pause);
        let before = clock();
        probe.read();
        spent += clock().saturating_sub(before);
    }
    unsafe { libc::kill(root, libc::SIGKILL) };
    unsafe { libc::wait4(root, std::ptr::null_mut(), 0, std::ptr::null_mut()) };
    spent.as_secs_f64() * 1e6 / f64::from(READINGS)
}

enum Children {
    None,
    Running,
    Ended(i32),
}

fn children() -> Children {
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let flags = libc::WEXITED | libc::WNOWAIT | libc::WNOHANG;
    if unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, flags) } != 0 {
        return Children::None;
    }
    match unsafe { info.si_pid() } {
        0 => Children::Running,
        pid => Children::Ended(pid),
    }
}

fn reap(pid: i32) -> libc::rusage {
    let mut rusage: libc::rusage = unsafe { std::mem::zeroed() };
    let mut status = 0;
    assert_eq!(
        unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut rusage) },
        pid
    );
    assert!(
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0,
        "the load failed"
    );
    rusage
}
