//! Known loads as tasks: what Podometer stored beside the truth.

mod cases;
mod judge;
mod orders;
mod summary;

use std::{
    fs,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    args::{FidelityArgs, SourceArg},
    podometer::{Podometer, Task, order},
    table::{Tally, heading},
};
pub(crate) use judge::integral;
use orders::Results;

/// How long an invocation of Podometer may take.
const LIMIT: Duration = Duration::from_mins(10);

/// A way to measure that this machine offers.
#[derive(Debug, Clone)]
struct Source {
    /// As runs call it.
    name: String,
    /// As `--source` calls it.
    option: &'static str,
}

pub(crate) fn run(args: &FidelityArgs) -> Result<ExitCode> {
    let start = Instant::now();
    let podometer = args.binary.podometer()?;
    let temporary = tempfile::Builder::new()
        .prefix("podometer-bench-")
        .tempdir()?;
    let folder = match &args.binary.keep {
        Some(folder) => std::path::absolute(folder)?,
        None => temporary.path().to_owned(),
    };
    println!(
        "bench fidelity: seed {}, {}",
        args.seed,
        if args.short { "short" } else { "full" }
    );
    let mut tally = Tally::default();
    for source in sources(&podometer, &folder.join("trial"), args.source)? {
        println!("\n{}", heading());
        for batch in cases::batches(args.short, args.seed) {
            let folder = folder.join(format!("{}-{}", source.name, batch.name));
            let results = Results::of(&podometer, &folder, &batch, &source)?;
            let lines = results.lines(&batch, &source.name);
            let about_all = summary::lines(batch.name, &source.name, &results.measured);
            for line in lines.iter().chain(&about_all) {
                tally.print(line);
            }
        }
    }
    println!("\n{:.0} s", start.elapsed().as_secs_f64());
    let good = tally.close();
    Ok(ExitCode::from(u8::from(!good)))
}

/// Tries out which of the wanted sources there are.
fn sources(podometer: &Podometer, folder: &Path, wanted: SourceArg) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    let asked = [
        ("cgroup", wanted != SourceArg::ProcessTree),
        (
            "process-tree",
            matches!(wanted, SourceArg::All | SourceArg::ProcessTree),
        ),
    ];
    for (option, _) in asked.into_iter().filter(|(_, asked)| *asked) {
        match trial(podometer, &folder.join(option), option) {
            Ok(name) => {
                let right = match wanted {
                    SourceArg::CgroupV1 => name == "cgroup_v1",
                    SourceArg::CgroupV2 => name == "cgroup_v2",
                    SourceArg::All | SourceArg::ProcessTree => true,
                };
                println!("source {name}: offered here");
                if name == "cgroup_v1" {
                    println!("source cgroup_v2: not offered here: version 1 has the controllers");
                }
                sources.extend(right.then_some(Source { name, option }));
            }
            Err(error) => println!("source {option}: not offered here: {error:#}"),
        }
    }
    anyhow::ensure!(!sources.is_empty(), "this machine offers no such source");
    Ok(sources)
}

/// Where a task is measured with this option.
fn trial(podometer: &Podometer, folder: &Path, option: &str) -> Result<String> {
    fs::create_dir_all(folder)?;
    let task = Task {
        name: "noop".to_owned(),
        command: vec!["true".to_owned()],
    };
    let file = order(folder, "trial", &[task])?;
    let data = folder.join("data");
    let finished = podometer.run(&data, &["--source", option], &[file], LIMIT)?;
    let order = finished.orders.first().context("no order")?;
    let measured = orders::stored(&data, &order.id)?;
    let run = measured.first().context("no run")?;
    anyhow::ensure!(
        order.status == "succeeded",
        "{}",
        run.run.message.clone().unwrap_or_default()
    );
    run.run
        .given
        .source
        .clone()
        .context("the run has no source")
}
