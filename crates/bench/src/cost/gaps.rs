//! From one task's end to the next one's start, and small orders as a whole.

use std::{
    collections::BTreeMap,
    env, fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::aims::{self, Aims, Unit, median_and_p95};
use crate::{
    args::GapArgs,
    others,
    podometer::{Podometer, Task, order},
    process::succeed,
    truth::{Collector, Said},
};

const TASKS: usize = 20;
const GAP_AIM: f64 = 0.010;
const ORDER_AIM: f64 = 0.5;
const LIMIT: Duration = Duration::from_mins(1);

/// Measures both, with each source.
pub(super) fn measure(args: &GapArgs, aims: &mut Aims) -> Result<()> {
    let podometer = args.binary.podometer()?;
    let folder = tempfile::tempdir()?;
    for source in ["auto", "process-tree"] {
        let mut gaps = Vec::new();
        for repetition in 0..args.repeat {
            let folder = folder.path().join(format!("gap-{source}-{repetition}"));
            gaps.extend(of_order(&podometer, &folder, source)?);
        }
        let (median, p95) = median_and_p95(gaps);
        let what = format!("one task's last act to the next one's first ({source}), median");
        aims.aimed(&what, Unit::Milliseconds, median, GAP_AIM);
        aims::beside("95 % below", Unit::Milliseconds, p95);
    }
    for source in ["auto", "process-tree"] {
        let mut walls = Vec::new();
        for repetition in 0..args.repeat {
            let folder = folder.path().join(format!("wall-{source}-{repetition}"));
            walls.push(wall(&podometer, &folder, source)?);
        }
        let (median, p95) = median_and_p95(walls);
        let what = format!("an order of {TASKS} tasks that do nothing ({source}), median");
        aims.aimed(&what, Unit::Seconds, median, ORDER_AIM);
        aims::beside("the slowest", Unit::Seconds, p95);
    }
    beside("a shell loop over the same", args.repeat, shell_loop);
    if args.with_snakemake {
        beside("Snakemake with the same", args.repeat, || {
            snakemake(folder.path())
        });
    }
    Ok(())
}

fn beside(what: &str, repeat: u32, once: impl Fn() -> Result<f64>) {
    let all: Result<Vec<f64>> = (0..repeat).map(|_| once()).collect();
    match all {
        Ok(all) => aims::beside(what, Unit::Seconds, median_and_p95(all).0),
        Err(error) => aims::absent(what, &error),
    }
}

/// The gaps of one order of tasks that say when they began and ended.
fn of_order(podometer: &Podometer, folder: &Path, source: &str) -> Result<Vec<f64>> {
    let notes = folder.join("truth");
    fs::create_dir_all(notes.join("joined"))?;
    let this = env::current_exe().context("the own path")?;
    let task = |place: usize| {
        let note = notes.join(format!("task-{place:03}"));
        let words = [
            this.as_os_str(),
            "load".as_ref(),
            "--bare".as_ref(),
            "--truth".as_ref(),
            note.as_os_str(),
            "noop".as_ref(),
        ];
        Task {
            name: "noop".to_owned(),
            command: words
                .map(|word| word.to_string_lossy().into_owned())
                .to_vec(),
        }
    };
    let tasks: Vec<_> = (0..=TASKS).map(task).collect();
    let file = order(folder, "gap", &tasks)?;
    let collector = Collector::start(&notes);
    let finished = podometer.run(&folder.join("data"), &["--source", source], &[file], LIMIT)?;
    ensure!(
        finished.orders.iter().all(|o| o.status == "succeeded"),
        "the order failed"
    );
    let truths: BTreeMap<_, _> = collector.finish()?;
    let said: Vec<Said> = truths
        .into_values()
        .filter_map(|truth| truth.said)
        .collect();
    ensure!(said.len() == TASKS + 1, "only {} tasks ran", said.len());
    let gap = |pair: &[Said]| pair[1].began_nsec.saturating_sub(pair[0].ended_nsec) as f64 / 1e9;
    Ok(said.windows(2).map(gap).collect())
}

fn wall(podometer: &Podometer, folder: &Path, source: &str) -> Result<f64> {
    fs::create_dir_all(folder)?;
    let task = Task {
        name: "noop".to_owned(),
        command: vec!["true".to_owned()],
    };
    let file = order(folder, "noops", &vec![task; TASKS])?;
    let finished = podometer.run(&folder.join("data"), &["--source", source], &[file], LIMIT)?;
    ensure!(
        finished.orders.iter().all(|o| o.runs.len() == TASKS),
        "the order failed"
    );
    Ok(finished.took.as_secs_f64())
}

fn shell_loop() -> Result<f64> {
    let script = format!("i=0; while [ $i -lt {TASKS} ]; do /bin/true; i=$((i+1)); done");
    let start = Instant::now();
    succeed(Command::new("sh").args(["-c", &script]))?;
    Ok(start.elapsed().as_secs_f64())
}

/// The same chain of tasks, each with a file that says that it is done.
fn snakemake(folder: &Path) -> Result<f64> {
    let program = others::program("snakemake", "snakemake")?;
    let folder = tempfile::tempdir_in(folder)?;
    let mut rules = format!("rule all:\n    input: \"done-{}\"\n", TASKS - 1);
    for place in 0..TASKS {
        let before = place.checked_sub(1);
        let input = before.map_or(String::new(), |p| format!("    input: \"done-{p}\"\n"));
        let output = format!("    output: touch(\"done-{place}\")\n    shell: \"true\"\n");
        rules.extend([format!("rule task_{place}:\n"), input, output]);
    }
    fs::write(folder.path().join("Snakefile"), rules)?;
    let start = Instant::now();
    succeed(
        Command::new(program)
            .args(["--cores", "1", "--quiet", "all"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    )?;
    Ok(start.elapsed().as_secs_f64())
}
