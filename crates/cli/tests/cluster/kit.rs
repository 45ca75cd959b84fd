//! Podometer in a namespace of these tests' own, brought there once for all of them.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use k8s_openapi::api::{
    apps::v1::Deployment,
    batch::v1::Job,
    core::v1::{ConfigMap, Pod},
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams},
};
use serde_json::{Value, json};

use crate::{
    harness::{Place, Running, Said},
    namespace::Space,
};

/// Longer than any of these takes on a busy machine.
const LIMIT: Duration = Duration::from_mins(6);
/// An image with a shell, which the tests' cluster has.
pub(crate) const SHELL: &str = "podometer/pause:1";

/// A namespace with Podometer.
pub(crate) struct Kit(pub(crate) Space);

/// Podometer, up, for as long as the cluster lives; `None` where only what needs no server is tested.
pub(crate) fn kit() -> Option<&'static Kit> {
    static KIT: OnceLock<Option<Kit>> = OnceLock::new();
    // Here waiting for a node is in vain after moments.
    let soon = ["--set", "PODOMETER_UNSCHEDULABLE_SECONDS=5"];
    KIT.get_or_init(|| Kit::new("orders", &soon)).as_ref()
}

/// An order of its own for each test.
pub(crate) fn unique(name: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("{name}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// A task that is a line of shell.
pub(crate) fn shell(name: &str, script: &str) -> Value {
    json!({ "name": name, "image": SHELL, "command": ["/bin/sh", "-c", script] })
}

impl Kit {
    /// Podometer in a namespace of its own.
    pub(crate) fn new(name: &str, more: &[&str]) -> Option<Self> {
        let kit = Self(Space::new(name)?);
        kit.up(more);
        Some(kit)
    }

    /// `podometer up`, which is to do what it says.
    pub(crate) fn up(&self, more: &[&str]) {
        let said = self.0.up(&[&["--timeout", "4m"], more].concat());
        if said.code != Some(0) {
            self.0.tell();
            panic!("{said:?}");
        }
    }

    /// The options that name the cluster.
    pub(crate) fn which(&self) -> [&str; 4] {
        let kubeconfig = self.0.kubeconfig.to_str().unwrap();
        ["--kubeconfig", kubeconfig, "--namespace", &self.0.name]
    }

    /// Hands an order over.
    pub(crate) fn load(&self, place: &Place, order: &Value) -> String {
        let id = order["id"].as_str().unwrap().to_owned();
        let file = format!("{id}.json");
        place.write(&file, order.to_string());
        let mut load = vec!["load", file.as_str()];
        load.extend(self.which());
        place.ok(&load);
        id
    }

    /// Waits for an order's end; how it stands then. The exit code of `status` must be this.
    pub(crate) fn follow(&self, place: &Place, id: &str, code: i32) -> Value {
        let mut status = vec!["status", id, "--follow", "--json"];
        status.extend(self.which());
        let said = long(place, &status);
        if said.code != Some(code) {
            self.0.tell();
            panic!("{said:?}");
        }
        serde_json::from_str(&said.out).unwrap()
    }

    /// Ends an order.
    pub(crate) fn terminate(&self, place: &Place, id: &str) {
        let mut terminate = vec!["terminate", id];
        terminate.extend(self.which());
        place.ok(&terminate);
    }

    /// Loads an order and waits for its end.
    pub(crate) fn run(&self, order: &Value, code: i32) -> Value {
        let place = Place::new();
        let id = self.load(&place, order);
        self.follow(&place, &id, code)
    }

    pub(crate) fn client(&self) -> Client {
        block_on(async { Client::try_from(self.0.config().await).unwrap() })
    }

    pub(crate) fn maps(&self) -> Api<ConfigMap> {
        Api::default_namespaced(self.client())
    }

    pub(crate) fn deployments(&self) -> Api<Deployment> {
        Api::default_namespaced(self.client())
    }

    pub(crate) fn pods(&self) -> Api<Pod> {
        Api::default_namespaced(self.client())
    }

    pub(crate) fn jobs(&self) -> Api<Job> {
        Api::default_namespaced(self.client())
    }
}

/// Runs what may take long.
pub(crate) fn long(place: &Place, args: &[&str]) -> Said {
    Running::start(place.command(args)).wait_for(LIMIT)
}

/// The runtime that all clients of these tests live in.
pub(crate) fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().unwrap()
    })
}

pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    runtime().block_on(work)
}

/// Deletes the pods of a Job, at once.
pub(crate) fn kill_pods(kit: &Kit, job: &str) {
    let pods = kit.pods();
    let of = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={job}"));
    block_on(async {
        for pod in pods.list(&of).await.unwrap().items {
            let at_once = DeleteParams::default().grace_period(0);
            pods.delete(&pod.metadata.name.unwrap(), &at_once)
                .await
                .unwrap();
        }
    });
}
