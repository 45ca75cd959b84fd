//! `bench serve`: how many requests `podometer serve` answers, and whether watchers miss anything.

mod client;
mod load;
mod watchers;

use std::{
    fs::{self, File},
    io::Read as _,
    path::Path,
    process::{ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::sleep;

use self::{
    client::Client,
    load::{Answers, Mix, quantile},
    watchers::{Verdict, Watcher},
};
use crate::{
    args::ServeArgs,
    podometer::{Podometer, Task, order},
    process::{Owned, memory_of},
};

/// Orders that are there before.
const BEFORE: usize = 40;
/// No run takes longer.
const LIMIT: Duration = Duration::from_mins(5);
/// What it is compared with.
const OTHERS: &str = "250 to 998 requests/s with 0.1 % to 42 % errors (course project)";

pub(crate) fn run(args: &ServeArgs) -> Result<ExitCode> {
    let podometer = args.binary.podometer()?;
    let folder = tempfile::Builder::new()
        .prefix("podometer-serve-")
        .tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    fill(&podometer, &folder)?;
    let (server, address) = serve(&podometer, &folder)?;
    let fine = runtime.block_on(async {
        let loaded = requests(args, &address).await?;
        let watched = watching(args, &podometer, &folder, &address, &server).await?;
        anyhow::Ok(loaded && watched)
    })?;
    Ok(if fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

fn sleeping(seconds: &str) -> Task {
    Task {
        name: "sleep".to_owned(),
        command: vec!["sleep".to_owned(), seconds.to_owned()],
    }
}

/// Orders of three tasks each.
fn fill(podometer: &Podometer, folder: &TempDir) -> Result<()> {
    let mut files = Vec::new();
    for n in 1..=BEFORE {
        let tasks = ["0.01", "0.1", "0.02"].map(sleeping);
        files.push(order(folder.path(), &format!("before-{n}"), &tasks)?);
    }
    let done = podometer.run(
        &folder.path().join("data"),
        &["--parallel", "4"],
        &files,
        LIMIT,
    )?;
    ensure!(
        done.orders.iter().all(|order| order.status == "succeeded"),
        "an order failed"
    );
    println!("{BEFORE} orders of 3 tasks are stored");
    Ok(())
}

/// The server and its address.
fn serve(podometer: &Podometer, folder: &TempDir) -> Result<(Owned, String)> {
    let said = folder.path().join("serve.out");
    let mut command = podometer.command(&folder.path().join("data"));
    command
        .args(["serve", "--quiet", "--listen", "127.0.0.1:0"])
        .stdout(File::create(&said)?);
    let server = Owned::start(&mut command)?;
    let give_up = Instant::now() + Duration::from_secs(20);
    loop {
        let mut text = String::new();
        File::open(&said)?.read_to_string(&mut text)?;
        if let Some(address) = text
            .strip_prefix("http://")
            .and_then(|rest| rest.strip_suffix("/\n"))
        {
            return Ok((server, address.to_owned()));
        }
        if Instant::now() > give_up {
            bail!("podometer serve said no address");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

async fn requests(args: &ServeArgs, address: &str) -> Result<bool> {
    let mut client = Client::connect(address).await?;
    let session = client.json("/api/session").await?;
    let posts = session["can_load"] == true && !args.reads_only;
    if !posts {
        println!("no orders are posted: reads only");
    }
    let mix = Mix {
        orders: (1..=BEFORE).map(|n| format!("before-{n}")).collect(),
        posts,
    };
    let ramp_up = Duration::from_secs(args.ramp_up);
    let over = load::run(address, &mix, args.requests, args.connections, ramp_up).await?;
    say(
        &format!("{} requests over {} s", args.requests, args.ramp_up),
        &over,
    );
    all_done(address).await?;
    let fast = load::run(
        address,
        &mix,
        args.requests,
        args.connections,
        Duration::ZERO,
    )
    .await?;
    say(
        &format!(
            "{} requests at once, {} connections",
            args.requests, args.connections
        ),
        &fast,
    );
    println!("  beside: {OTHERS}");
    all_done(address).await?;
    // What is offered in the first run is below what one address may post; as fast as possible isn't.
    Ok(over.errors + over.too_many + fast.errors == 0)
}

/// Waits until no order waits or runs any more.
async fn all_done(address: &str) -> Result<()> {
    let give_up = Instant::now() + LIMIT;
    for status in ["queued", "running"] {
        let path = format!("/api/orders?limit=1&status={status}");
        // The server ends connections that say nothing for a while.
        while Client::connect(address).await?.json(&path).await?["orders"] != json!([]) {
            ensure!(Instant::now() < give_up, "posted orders don't end");
            sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(())
}

fn say(what: &str, answers: &Answers) {
    let total = answers.count() + (answers.errors + answers.too_many) as usize;
    let share = f64::from(answers.errors) / total.max(1) as f64 * 100.0;
    let ms = |times: &[f64], q: f64| quantile(times, q) * 1e3;
    println!(
        "{what}: {:.0} requests/s, {} errors ({share:.2} %)",
        answers.per_second(),
        answers.errors
    );
    println!(
        "  reads: p50 {:.2} ms, p99 {:.2} ms",
        ms(&answers.reads, 0.5),
        ms(&answers.reads, 0.99)
    );
    if !answers.posts.is_empty() {
        println!(
            "  posts: {}, p50 {:.2} ms, p99 {:.2} ms; {} told to come slower (429)",
            answers.posts.len(),
            ms(&answers.posts, 0.5),
            ms(&answers.posts, 0.99),
            answers.too_many
        );
    }
}

/// Orders run, and many watch.
async fn watching(
    args: &ServeArgs,
    podometer: &Podometer,
    folder: &TempDir,
    address: &str,
    server: &Owned,
) -> Result<bool> {
    let before = memory_of(server.pid(), "VmRSS:");
    let mut watchers = Vec::new();
    for _ in 0..args.watchers {
        watchers.push(Watcher::begin(address).await?);
    }
    let orders: Vec<_> = (1..=args.orders).map(|n| format!("watched-{n}")).collect();
    let running = start(podometer, folder.path(), &orders)?;
    let ended = tokio::task::spawn_blocking(move || running.wait(LIMIT)).await??;
    ensure!(ended.success(), "the orders failed");
    let give_up = Instant::now() + Duration::from_secs(30);
    while !watchers
        .iter()
        .all(|watcher| watcher.knows_the_end_of(&orders))
        && Instant::now() < give_up
    {
        sleep(watchers::LOOK).await;
    }
    let stored = watchers::stored(address, &orders).await?;
    let mut verdict = Verdict::default();
    for watcher in watchers {
        watcher.judge(&stored, &orders, &mut verdict);
    }
    let after = memory_of(server.pid(), "VmRSS:");
    let mib =
        |bytes: Option<u64>| bytes.map_or(f64::NAN, |bytes| bytes as f64 / f64::from(1 << 20));
    println!(
        "{} watchers while {} orders run, {} samples: {} missed, {} twice, {} ends missed, {} resets",
        args.watchers,
        args.orders,
        stored.len(),
        verdict.missed,
        verdict.doubled,
        verdict.ends_missed,
        verdict.resets
    );
    println!(
        "  memory of the server: {:.1} MiB before, {:.1} MiB after",
        mib(before),
        mib(after)
    );
    Ok(verdict == Verdict::default())
}

/// All orders at once, by `podometer run` on the same data.
fn start(podometer: &Podometer, folder: &Path, orders: &[String]) -> Result<Owned> {
    let mut command = podometer.command(&folder.join("data"));
    command.args([
        "run",
        "--quiet",
        "--no-charts",
        "--period",
        "100ms",
        "--parallel",
    ]);
    command.arg(orders.len().to_string());
    for id in orders {
        let tasks: Vec<_> = ["2", "0.01", "3"]
            .map(|s| json!({ "name": "sleep", "local": ["sleep", s] }))
            .into();
        let path = folder.join(format!("{id}.json"));
        fs::write(&path, json!({ "id": id, "tasks": tasks }).to_string())?;
        command.arg(path);
    }
    command.stdout(Stdio::null());
    Owned::start(&mut command).context("podometer run")
}
