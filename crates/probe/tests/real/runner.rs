//! A runner in small: parent, subreaper, samples at set times, reaps with wait4.

use std::process::Command;
use std::time::{Duration, Instant};

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
    nix::sys::prctl::set_child_subreaper(true).expect("subreaper");
    let mut probe = Probe::open(options).expect("open");
    let first = probe.read();
    assert_eq!(first.cpu_usage_nsec, Some(0), "the baseline");
    let this = std::env::current_exe().expect("own path");
    let child = Command::new(this)
        .arg("load")
        .args(load)
        .spawn()
        .expect("start");
    probe.command_started(child.id() as i32);
    let start = Instant::now();
    let mut times = grid(period).map(Duration::from_millis).peekable();
    let (mut readings, mut rusage_nsec) = (vec![first], 0);
    while let Some(ended) = next_ended() {
        if let Some(pid) = ended {
            probe.before_reap(pid);
            let rusage = reap(pid);
            rusage_nsec += nsec(rusage.ru_utime) + nsec(rusage.ru_stime);
            probe.reaped(pid, &rusage);
        } else if times.next_if(|at| start.elapsed() >= *at).is_some() {
            readings.push(probe.read());
        } else {
            std::thread::sleep(Duration::from_micros(500));
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

/// A zombie child if there is one; the outer `None` says that there are no children left.
fn next_ended() -> Option<Option<i32>> {
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let flags = libc::WEXITED | libc::WNOWAIT | libc::WNOHANG;
    let failed = unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, flags) } != 0;
    let pid = unsafe { info.si_pid() };
    (!failed).then_some((pid > 0).then_some(pid))
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
