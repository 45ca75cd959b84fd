//! What the runner costs while it watches a task that sleeps, seen from outside.

use std::{
    fs::File,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::aims::{self, Aims, Unit};
use crate::{
    args::CostArgs,
    clock, others,
    podometer::{Task, order},
    process::{Owned, children_of, memory_of},
};

const CPU_AIM: f64 = 0.001;
const MEMORY_AIM: f64 = 8.0 * 1024.0 * 1024.0;
/// The dense start of the samples is over by then.
const SETTLED: Duration = Duration::from_millis(2500);
const PATIENCE: Duration = Duration::from_secs(20);

/// What a watching process used.
struct Used {
    /// Of one core, after its start.
    share: f64,
    /// All of its CPU time, its start included, seconds.
    seconds: f64,
    resident: f64,
    /// Thereof not shared with files.
    anonymous: f64,
}

/// The runner, and who else watches a process.
pub(super) fn measure(args: &CostArgs, aims: &mut Aims) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let watched = Duration::from_secs(args.seconds);
    for source in ["cgroup", "process-tree"] {
        match runner(args, folder.path(), source, watched) {
            Ok((runner, host)) => {
                aims.aimed(
                    &format!("the runner at a period of 1 s ({source}): share of a core"),
                    Unit::Percent,
                    runner.share,
                    CPU_AIM,
                );
                aims.aimed(
                    "  its resident memory",
                    Unit::Mib,
                    runner.resident,
                    MEMORY_AIM,
                );
                aims::beside("  thereof anonymous", Unit::Mib, runner.anonymous);
                aims::beside(
                    "  all its CPU time, start included",
                    Unit::Milliseconds,
                    runner.seconds,
                );
                aims::beside(
                    "podometer itself (broker, store): share of a core",
                    Unit::Percent,
                    host.share,
                );
                aims::beside("  its resident memory", Unit::Mib, host.resident);
            }
            Err(error) => aims::absent(&format!("the runner ({source})"), &error),
        }
    }
    if args.with_psrecord {
        beside("psrecord --interval 1", psrecord(watched));
    }
    beside("/usr/bin/time -v (no samples)", gnu_time(watched));
    Ok(())
}

fn beside(what: &str, used: Result<Used>) {
    let used = match used {
        Ok(used) => used,
        Err(error) => return aims::absent(what, &error),
    };
    aims::beside(
        &format!("{what}: share of a core"),
        Unit::Percent,
        used.share,
    );
    aims::beside("  its resident memory", Unit::Mib, used.resident);
    aims::beside(
        "  all its CPU time, start included",
        Unit::Milliseconds,
        used.seconds,
    );
}

/// A run of a task that sleeps: its runner, and the process that hosts all else.
fn runner(args: &CostArgs, folder: &Path, source: &str, time: Duration) -> Result<(Used, Used)> {
    let seconds = (time + SETTLED + Duration::from_secs(2)).as_secs();
    let task = Task {
        name: "sleep".to_owned(),
        command: vec!["sleep".to_owned(), seconds.to_string()],
    };
    let file = order(folder, &format!("sleep-{source}"), &[task])?;
    let mut command = args.binary.podometer()?.command(&folder.join("data"));
    command.args(["run", "--no-charts", "--source", source]);
    command.arg(file).stdout(Stdio::null());
    let said = folder.join(format!("{source}.err"));
    command.stderr(File::create(&said)?);
    let host = Owned::start(&mut command)?;
    let start = Instant::now();
    let runner = loop {
        let children = children_of(host.pid());
        let found = children
            .iter()
            .find(|(_, words)| words.iter().any(|word| word == "runner"));
        if let Some((pid, _)) = found {
            break *pid;
        }
        let said = std::fs::read_to_string(&said).unwrap_or_default();
        ensure!(start.elapsed() < PATIENCE, "no runner was started: {said}");
        thread::sleep(Duration::from_millis(5));
    };
    thread::sleep(SETTLED);
    let before = [clock::cpu_of(runner)?, clock::cpu_of(host.pid())?];
    let from = Instant::now();
    thread::sleep(time);
    let share = |now: u64, before: u64| (now - before) as f64 / 1e9 / from.elapsed().as_secs_f64();
    let used = |pid: i32, before: u64| {
        let now = clock::cpu_of(pid)?;
        used(pid, now, share(now, before))
    };
    let both = (used(runner, before[0])?, used(host.pid(), before[1])?);
    host.wait(PATIENCE)?;
    Ok(both)
}

fn used(pid: i32, cpu_nsec: u64, share: f64) -> Result<Used> {
    let memory = |what: &str| {
        let bytes = memory_of(pid, what);
        bytes.map(|b| b as f64).context("no memory is shown")
    };
    Ok(Used {
        share,
        seconds: cpu_nsec as f64 / 1e9,
        resident: memory("VmHWM:")?,
        anonymous: memory("RssAnon:")?,
    })
}

/// A process that watches another, over some time.
fn watch(command: &mut Command, time: Duration) -> Result<Used> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let watcher = Owned::start(command)?;
    thread::sleep(SETTLED);
    let (before, from) = (clock::cpu_of(watcher.pid())?, Instant::now());
    thread::sleep(time);
    let now = clock::cpu_of(watcher.pid())?;
    let share = (now - before) as f64 / 1e9 / from.elapsed().as_secs_f64();
    used(watcher.pid(), now, share)
}

fn psrecord(time: Duration) -> Result<Used> {
    let program = others::program("psrecord", "psrecord")?;
    let task = Owned::start(Command::new("sleep").arg((time + SETTLED * 2).as_secs().to_string()))?;
    let log = tempfile::NamedTempFile::new()?;
    let mut command = Command::new(program);
    command
        .arg(task.pid().to_string())
        .args(["--interval", "1"]);
    command
        .args(["--include-children", "--log"])
        .arg(log.path());
    watch(&mut command, time)
}

fn gnu_time(time: Duration) -> Result<Used> {
    let mut command = Command::new("/usr/bin/time");
    let seconds = (time + SETTLED * 2).as_secs().to_string();
    command.args(["-v", "sleep", &seconds]);
    watch(&mut command, time)
}
