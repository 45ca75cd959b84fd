//! What Podometer says of a container beside what the container's cgroup says on its node.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use kube::api::{ListParams, ObjectMeta};
use serde_json::Value;

use crate::{
    ends::order,
    harness::Place,
    kit::{Kit, block_on, kit, shell, unique},
    leaf::leaf,
};

/// How often a cgroup is read.
const POLL: Duration = Duration::from_millis(10);
/// By how much two containers differ in what making them costs, and what happens after the last poll.
const CPU_SLACK: f64 = 0.015;
const ANON_SLACK: f64 = 512.0 * 1024.0;

/// What a cgroup has said of itself.
#[derive(Debug, Default, Clone, Copy)]
struct Truth {
    cpu_seconds: f64,
    /// The most anonymous memory without the runner's own.
    anon_peak: u64,
    /// Whether a runner was seen.
    has_runner: bool,
}

/// The folders, in version 1 of one controller, that hold the cgroups of this machine's pods.
fn pods_of(controller: &Path) -> Vec<PathBuf> {
    let below = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten();
    let roots = below(controller.to_owned()).map(|root| root.path().join("kubepods"));
    let classes = roots.flat_map(|root| [root.join("besteffort"), root.join("burstable"), root]);
    let pods = classes.flat_map(below).map(|entry| entry.path());
    pods.filter(|path| name(path).starts_with("pod")).collect()
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn text(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap_or_default()
}

fn number(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Anonymous memory of the runner in a container, bytes.
fn own_anon(cgroup: &Path) -> Option<u64> {
    let pids = text(cgroup, "cgroup.procs");
    let mut processes = pids.lines().map(|pid| Path::new("/proc").join(pid));
    let runner = processes.find(|process| text(process, "comm").trim() == "task-runner")?;
    number(&text(&runner, "status"), "RssAnon:").map(|kib| kib * 1024)
}

/// What a container says at this moment.
fn look(cpu: &Path, memory: &Path, truth: &mut Truth) {
    // A cgroup that is gone leaves what it said last.
    if let Some(nanos) = number(&text(cpu, "cpuacct.usage"), "") {
        truth.cpu_seconds = truth.cpu_seconds.max(nanos as f64 / 1e9);
    }
    let anon = number(&text(memory, "memory.stat"), "total_rss ");
    if let (Some(anon), Some(own)) = (anon, own_anon(cpu)) {
        truth.has_runner = true;
        truth.anon_peak = truth.anon_peak.max(anon.saturating_sub(own));
    }
}

/// Reads the cgroups of all containers until it is told to stop; by pod.
fn poll(stop: &AtomicBool) -> BTreeMap<String, Truth> {
    let (cpu, memory) = (
        Path::new("/sys/fs/cgroup/cpuacct"),
        Path::new("/sys/fs/cgroup/memory"),
    );
    let mut all: BTreeMap<(String, String), Truth> = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        for pod in pods_of(cpu) {
            for container in fs::read_dir(&pod).into_iter().flatten().flatten() {
                let path = container.path();
                if path.is_dir() {
                    let uid = name(&pod).trim_start_matches("pod").to_owned();
                    let truth = all.entry((uid, name(&path))).or_default();
                    look(&path, &memory.join(path.strip_prefix(cpu).unwrap()), truth);
                }
            }
        }
        thread::sleep(POLL);
    }
    let with_runner = all.into_iter().filter(|(_, truth)| truth.has_runner);
    with_runner.map(|((uid, _), truth)| (uid, truth)).collect()
}

/// Stops the poller, also when a test fails.
struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs an order; what is said of each run beside what its cgroup said.
fn both(kit: &Kit, order: &Value) -> Vec<(Value, Truth)> {
    let place = Place::new();
    let stop = AtomicBool::new(false);
    let (end, truths) = thread::scope(|scope| {
        let poller = scope.spawn(|| poll(&stop));
        let stopping = Stopping(&stop);
        let id = kit.load(&place, order);
        let end = kit.follow(&place, &id, 0);
        drop(stopping);
        (end, poller.join().unwrap())
    });
    let id = end["id"].as_str().unwrap();
    let of = format!("app.kubernetes.io/component=task,podometer.dev/order={id}");
    let (pods, of) = (kit.pods(), ListParams::default().labels(&of));
    let pods = block_on(async { pods.list(&of).await.unwrap().items });
    let truth = |run: &Value| {
        let position = run["position"].to_string();
        let mut pods = pods.iter().map(|pod| &pod.metadata);
        let is_its =
            |pod: &&ObjectMeta| pod.labels.as_ref().unwrap()["podometer.dev/position"] == position;
        let uid = pods.find(is_its).and_then(|pod| pod.uid.as_ref()).unwrap();
        *truths
            .get(uid)
            .expect("the cluster's cgroups are to be seen on this machine")
    };
    let runs = end["runs"].as_array().unwrap();
    runs.iter().map(|run| (run.clone(), truth(run))).collect()
}

/// CPU time of the task and of its runner, seconds.
fn cpu(run: &Value) -> f64 {
    run["cpu_seconds"].as_f64().unwrap() + run["monitor_cpu_seconds"].as_f64().unwrap()
}

#[test]
fn leaf_agrees_with_its_cgroups() {
    let Some(kit) = kit() else { return };
    // Making a container costs something in its cgroup before the runner is there: as much for a task
    // that does nothing.
    let nothing = order(&unique("agree-nothing"), &[shell("nothing", "sleep 0.2")]);
    let (run, truth) = both(kit, &nothing).remove(0);
    let making = truth.cpu_seconds - cpu(&run);
    println!("making a container: {making} s");
    for (run, truth) in both(kit, &leaf(&unique("agree"))) {
        let (task, said, used) = (&run["task"], cpu(&run), truth.cpu_seconds - making);
        let anon = run["memory_anon_peak_bytes"].as_f64().unwrap();
        println!("{task}: {said} s, {anon} B; its cgroup: {used} s, {truth:?}");
        assert!(
            (said - used).abs() <= 0.01 * used + CPU_SLACK,
            "{task}: {said} s, but its cgroup: {used} s"
        );
        let polled = truth.anon_peak as f64;
        assert!(
            anon >= 0.97 * polled - ANON_SLACK,
            "{task}: {anon} of {polled} B"
        );
        // Polling misses the peak of a short task; it is a bound from below.
        if run["duration_seconds"].as_f64() > Some(0.5) {
            assert!(
                anon <= 1.03 * polled + ANON_SLACK,
                "{task}: {anon} of {polled} B"
            );
        }
    }
}
