//! What one reading of the probe costs, in CPU time of the reading thread.

use std::{
    env,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use nix::sys::prctl;
use probe::{Options, Probe};

use super::{
    aims::{self, Aims, Unit, median_and_p95},
    fixtures,
};
use crate::{clock, process::Owned};

const READINGS: u32 = 500;
/// Readings come back to back, and with a pause, in which the processor's caches go cold: a runner's
/// are a second apart.
const PAUSES: [(&str, Duration); 2] = [
    ("back to back", Duration::ZERO),
    ("4 ms apart", Duration::from_millis(4)),
];
const TREE_AIM: f64 = 150e-6;
const CGROUP_AIM: f64 = 30e-6;
/// How long the load's processes may take to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// Measures all kinds.
pub(super) fn measure(aims: &mut Aims) -> Result<()> {
    prctl::set_child_subreaper(true).context("subreaper")?;
    for (how, pause) in PAUSES {
        for kind in ["asleep", "restless"] {
            let cost = of_ten(&Options::default(), kind, pause)?;
            cost.print(&format!("10 processes, {kind}, {how}"), TREE_AIM, aims);
        }
        for (version, files) in [("v2", fixtures::V2), ("v1", fixtures::V1)] {
            let folder = fixtures::write(files)?;
            let options = Options {
                own_cgroup: true,
                cgroup: Some(PathBuf::from(folder.path())),
                ..Options::default()
            };
            let probe = Probe::open(&options)?;
            if let Some(error) = probe.fallback_reason() {
                anyhow::bail!("the fixture files of {version} can't be read: {error}");
            }
            let cost = of(probe, pause)?;
            cost.print(
                &format!("a cgroup {version}, files on tmpfs, {how}"),
                CGROUP_AIM,
                aims,
            );
            let cost = of_ten(&options, "asleep", pause)?;
            aims::beside(
                "the same with 10 processes asleep in it",
                Unit::Microseconds,
                cost.median,
            );
        }
    }
    Ok(())
}

struct Cost {
    mean: f64,
    median: f64,
    p95: f64,
}

impl Cost {
    /// The median is judged: what else the machine does at the time is not the probe's.
    fn print(&self, what: &str, aim: f64, aims: &mut Aims) {
        let what = format!("a reading of {what}");
        aims.aimed(&what, Unit::Microseconds, self.median, aim);
        aims::beside("mean", Unit::Microseconds, self.mean);
        aims::beside("95 % below", Unit::Microseconds, self.p95);
    }
}

fn of(mut probe: Probe, pause: Duration) -> Result<Cost> {
    let mut costs = Vec::new();
    for _ in 0..READINGS {
        if !pause.is_zero() {
            thread::sleep(pause);
        }
        let before = clock::thread_cpu()?;
        std::hint::black_box(probe.read());
        costs.push((clock::thread_cpu()? - before) as f64 / 1e9);
    }
    let mean = costs.iter().sum::<f64>() / f64::from(READINGS);
    let (median, p95) = median_and_p95(costs);
    Ok(Cost { mean, median, p95 })
}

/// With ten processes below this one.
fn of_ten(options: &Options, kind: &str, pause: Duration) -> Result<Cost> {
    let mut probe = Probe::open(options)?;
    probe.read();
    let this = env::current_exe().context("the own path")?;
    let load = Owned::start(Command::new(this).args(["load", kind, "9"]))?;
    probe.command_started(load.pid());
    let start = Instant::now();
    while crate::process::children_of(load.pid()).len() < 9 {
        ensure!(start.elapsed() < PATIENCE, "the load doesn't start");
        thread::sleep(Duration::from_millis(5));
    }
    let cost = of(probe, pause);
    drop(load);
    // Its children die with it, and come to this process to be reaped.
    while nix::sys::wait::wait().is_ok() {}
    cost
}
