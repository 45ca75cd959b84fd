//! The cluster of test.sh, and a namespace of a test's own on it.

use std::{future::Future, path::PathBuf, time::Duration};

use k8s_openapi::api::core::v1::{Event, Namespace, Pod};
use kube::{
    Api, Client, Config, ResourceExt,
    api::{DeleteParams, ListParams, LogParams},
    config::{KubeConfigOptions, Kubeconfig},
};

use crate::harness::{Place, Running, Said};

/// Longer than anything takes on a busy machine.
const LIMIT: Duration = Duration::from_mins(6);

/// A namespace that no other test uses; it goes with the test, which says what was in it if it failed.
pub(crate) struct Space {
    pub(crate) name: String,
    pub(crate) kubeconfig: PathBuf,
    place: Place,
}

impl Space {
    /// On the cluster, which has the images podometer/kafka, podometer/timescaledb and podometer/orchestrator of
    /// this version; `None` where only what needs no server is tested.
    pub(crate) fn new(name: &str) -> Option<Self> {
        const VARIABLE: &str = "PODOMETER_TEST_KUBECONFIG";
        if std::env::var_os("PODOMETER_TEST_FAST").is_some() {
            eprintln!("NOT RUN: what needs a cluster (PODOMETER_TEST_FAST is set)");
            return None;
        }
        let kubeconfig = std::env::var_os(VARIABLE).unwrap_or_else(|| {
            panic!("{VARIABLE} is not set: run ./test.sh, or name a kubeconfig by it")
        });
        Some(Self {
            name: format!("{name}-{}", std::process::id()),
            kubeconfig: kubeconfig.into(),
            place: Place::new(),
        })
    }

    /// Runs `podometer` there.
    pub(crate) fn run(&self, args: &[&str]) -> Said {
        let kubeconfig = self.kubeconfig.to_str().unwrap();
        let here = ["--kubeconfig", kubeconfig, "-n", &self.name];
        let command = self.place.command(&[args, &here].concat());
        Running::start(command).wait_for(LIMIT)
    }

    /// `podometer up` with the images that the cluster has.
    pub(crate) fn up(&self, more: &[&str]) -> Said {
        let image = |name: &str| format!("{name}=podometer/{name}:{}", env!("CARGO_PKG_VERSION"));
        let (kafka, timescaledb) = (image("kafka"), image("timescaledb"));
        let images = ["up", "--set-image", &kafka, "--set-image", &timescaledb];
        self.run(&[&images, more].concat())
    }

    /// Asks the cluster.
    pub(crate) fn ask<T, F: Future<Output = T>>(&self, question: impl FnOnce(Client) -> F) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async { question(Client::try_from(self.config().await).unwrap()).await })
    }

    /// Says what is in it, for whoever has to find out what went wrong.
    pub(crate) fn tell(&self) {
        self.ask(async |client| tell(&client).await);
    }

    /// How the cluster is reached.
    pub(crate) async fn config(&self) -> Config {
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig).unwrap();
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .unwrap();
        config.default_namespace.clone_from(&self.name);
        config
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let failed = std::thread::panicking();
        let name = self.name.clone();
        if failed {
            self.tell();
        }
        self.ask(async |client| {
            let namespaces: Api<Namespace> = Api::all(client);
            let _ = namespaces.delete(&name, &DeleteParams::default()).await;
        });
    }
}

/// What happened in the namespace, and what its containers said.
async fn tell(client: &Client) {
    let events: Api<Event> = Api::default_namespaced(client.clone());
    for event in events
        .list(&ListParams::default())
        .await
        .into_iter()
        .flatten()
    {
        let about = event.involved_object.name.unwrap_or_default();
        eprintln!("{about}: {}", event.message.unwrap_or_default());
    }
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    for pod in pods
        .list(&ListParams::default())
        .await
        .into_iter()
        .flatten()
    {
        let log = pods.logs(&pod.name_any(), &LogParams::default()).await;
        eprintln!(
            "== {}: {}",
            pod.name_any(),
            log.unwrap_or_else(|error| error.to_string())
        );
    }
}
