//! Podometer in a namespace of these tests' own, brought there once for all of them.

use std::{
    fs,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{Event, Pod},
};
use kube::{
    Api, Client, Config,
    api::{DeleteParams, ListParams, LogParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};

use crate::harness::{Place, Running, Said};

/// Longer than any of these takes on a busy machine.
const LIMIT: Duration = Duration::from_mins(6);

/// An image with a shell, which the tests' cluster has.
pub(crate) const SHELL: &str = "podometer/pause:1";

/// The namespace with Podometer.
pub(crate) struct Kit {
    pub(crate) kubeconfig: String,
    pub(crate) namespace: String,
}

/// What test.sh has started; `None`, said once, where only what needs no server is tested.
pub(crate) fn kit() -> Option<&'static Kit> {
    static KIT: OnceLock<Option<Kit>> = OnceLock::new();
    KIT.get_or_init(|| {
        if std::env::var_os("PODOMETER_TEST_FAST").is_some() {
            eprintln!("NOT RUN: what needs a cluster (PODOMETER_TEST_FAST is set)");
            return None;
        }
        let kubeconfig = std::env::var("PODOMETER_TEST_KUBECONFIG").unwrap_or_else(|_| {
            panic!("PODOMETER_TEST_KUBECONFIG is not set: run ./test.sh, or start what tests/stack/servers.sh starts")
        });
        let kit = Kit {
            kubeconfig,
            namespace: format!("test-{}", std::process::id()),
        };
        let place = Place::new();
        let servers = ["kafka", "timescaledb"].map(|name| {
            format!("{name}=podometer/{name}:{}", env!("CARGO_PKG_VERSION"))
        });
        let mut up = vec!["up", "--timeout", "4m"];
        up.extend(servers.iter().flat_map(|image| ["--set-image", image]));
        up.extend(kit.which());
        let said = long(&place, &up);
        if said.code != Some(0) {
            kit.tell_all();
            panic!("{said:?}");
        }
        Some(kit)
    })
    .as_ref()
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
    /// The options that name the cluster.
    pub(crate) fn which(&self) -> [&str; 4] {
        [
            "--kubeconfig",
            &self.kubeconfig,
            "--namespace",
            &self.namespace,
        ]
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
            self.tell_all();
            panic!("{said:?}");
        }
        serde_json::from_str(&said.out).unwrap()
    }

    /// Loads an order and waits for its end.
    pub(crate) fn run(&self, order: &Value, code: i32) -> Value {
        let place = Place::new();
        let id = self.load(&place, order);
        self.follow(&place, &id, code)
    }

    pub(crate) fn client(&self) -> Client {
        let text = fs::read_to_string(&self.kubeconfig).unwrap();
        let kubeconfig = Kubeconfig::from_yaml(&text).unwrap();
        block_on(async {
            let options = KubeConfigOptions::default();
            let config = Config::from_custom_kubeconfig(kubeconfig, &options);
            Client::try_from(config.await.unwrap()).unwrap()
        })
    }

    pub(crate) fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client(), &self.namespace)
    }

    pub(crate) fn jobs(&self) -> Api<Job> {
        Api::namespaced(self.client(), &self.namespace)
    }

    /// Events and what all containers have said, for whoever has to find out why.
    pub(crate) fn tell_all(&self) {
        let (events, pods): (Api<Event>, Api<Pod>) =
            (Api::namespaced(self.client(), &self.namespace), self.pods());
        runtime().block_on(async {
            for event in events.list(&ListParams::default()).await.unwrap().items {
                let of = event.involved_object.name.unwrap_or_default();
                eprintln!("event {of}: {}", event.message.unwrap_or_default());
            }
            for pod in pods.list(&ListParams::default()).await.unwrap().items {
                let name = pod.metadata.name.unwrap_or_default();
                let last = LogParams {
                    tail_lines: Some(30),
                    ..LogParams::default()
                };
                let log = pods
                    .logs(&name, &last)
                    .await
                    .unwrap_or_else(|error| error.to_string());
                eprintln!(
                    "== {name} {}\n{log}",
                    serde_json::to_string(&pod.status).unwrap_or_default()
                );
            }
        });
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
