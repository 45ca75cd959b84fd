//! What the monitors of an order use, as their cgroups say, where the node is this machine.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::anyhow;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, api::ListParams};
use tokio::{sync::oneshot, task::JoinHandle, time::sleep};

use super::orders::Said;
use crate::cost::{Aims, Unit, absent, beside};

const EVERY: Duration = Duration::from_millis(500);
const MONITORS: &str = "app.kubernetes.io/component in (monitor-producer,monitor-consumer)";

/// Looks every now and then.
pub(super) struct Watch {
    stop: oneshot::Sender<()>,
    looking: JoinHandle<Used>,
}

/// By container: CPU seconds, and the most memory without what can be given back, bytes.
#[derive(Debug, Default)]
pub(super) struct Used(BTreeMap<String, (f64, f64)>);

impl Watch {
    /// Looks at the monitors of orders that are under way from now on.
    pub(super) fn start(client: &Client, namespace: &str) -> Self {
        let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
        let (stop, mut stopped) = oneshot::channel();
        let looking = tokio::spawn(async move {
            let mut used = Used::default();
            while stopped.try_recv() == Err(oneshot::error::TryRecvError::Empty) {
                let found = pods.list(&ListParams::default().labels(MONITORS)).await;
                for id in found.into_iter().flatten().filter_map(|pod| running(&pod)) {
                    used.look(&id);
                }
                sleep(EVERY).await;
            }
            used
        });
        Self { stop, looking }
    }

    pub(super) async fn stop(self) -> Used {
        let _ = self.stop.send(());
        self.looking.await.unwrap_or_default()
    }
}

/// The id of a pod's container, while it runs.
fn running(pod: &Pod) -> Option<String> {
    let container = pod.status.as_ref()?.container_statuses.as_ref()?.first()?;
    container.state.as_ref()?.running.as_ref()?;
    let id = container.container_id.as_ref()?;
    Some(id.rsplit('/').next()?.to_owned())
}

impl Used {
    fn look(&mut self, id: &str) {
        let read = |controller: &str, file: &str| {
            let folder = find(&Path::new("/sys/fs/cgroup").join(controller), id, 6)?;
            fs::read_to_string(folder.join(file)).ok()
        };
        let nanos =
            read("cpuacct", "cpuacct.usage").and_then(|text| text.trim().parse::<f64>().ok());
        let all = read("memory", "memory.usage_in_bytes")
            .and_then(|text| text.trim().parse::<f64>().ok());
        let stat = read("memory", "memory.stat").unwrap_or_default();
        let idle = stat
            .lines()
            .find_map(|line| line.strip_prefix("total_inactive_file "));
        if let (Some(nanos), Some(all), Some(idle)) =
            (nanos, all, idle.and_then(|n| n.parse::<f64>().ok()))
        {
            let (cpu, memory) = self.0.entry(id.to_owned()).or_default();
            *cpu = nanos / 1e9;
            *memory = memory.max(all - idle);
        }
    }

    /// Says what all three of an order use, beside what is aimed at.
    pub(super) fn say(&self, aims: &mut Aims, order: &Said, cpu_aim: f64, memory_aim: f64) {
        if self.0.len() < 2 {
            let why = anyhow!("the monitors' version 1 cgroups are not to be seen on this machine");
            return absent("what the monitors use", &why);
        }
        let monitors = self
            .0
            .values()
            .fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let runs = || order.runs.iter();
        let cpu: Option<f64> = runs().map(|run| run.monitor_cpu_seconds).sum();
        let memory: Option<Vec<_>> = runs().map(|run| run.monitor_memory_bytes).collect();
        let (Some(runners), Some(memory)) = (cpu, memory) else {
            return absent("what the runners use", &anyhow!("not every run says so"));
        };
        let runner = memory.into_iter().fold(0.0, f64::max);
        let tasks = order.runs.first().map_or("", |run| run.task.as_str());
        let took = order.took();
        println!("  the order of tasks {tasks:?} took {took:.1} s");
        aims.aimed(
            "CPU of monitors and runners, of a core",
            Unit::Percent,
            (monitors.0 + runners) / took,
            cpu_aim,
        );
        beside("of both monitors", Unit::Percent, monitors.0 / took);
        aims.aimed(
            "memory of monitors and a runner",
            Unit::Mib,
            monitors.1 + runner,
            memory_aim,
        );
        beside("of both monitors", Unit::Mib, monitors.1);
    }
}

/// The folder of that name, not deeper than that.
fn find(below: &Path, name: &str, depth: u32) -> Option<PathBuf> {
    let folders = fs::read_dir(below)
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    let folders: Vec<_> = folders.filter(|path| path.is_dir()).collect();
    let here = folders.iter().find(|path| path.ends_with(name)).cloned();
    here.or_else(|| {
        let depth = depth.checked_sub(1)?;
        folders.iter().find_map(|folder| find(folder, name, depth))
    })
}
