//! The queue: begins with orders that wait, some at a time, so that their services leave room for tasks.

use std::time::Duration;

use anyhow::{Context, Result};
use futures::StreamExt;
use k8s_openapi::{
    api::{
        batch::v1::Job,
        core::v1::{ConfigMap, PersistentVolumeClaim},
    },
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::{
    Api, Client, Resource,
    api::{ListParams, Patch, PatchParams},
    runtime::{WatchStreamExt, watcher},
};
use metrics::Listen;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use super::{
    Config,
    forget::forget,
    host::volume,
    launch::patiently,
    ledger, names,
    program::{Kafka, create},
    record::{OrderRecord, Phase, State},
    services,
};
use crate::{QueueMetrics, clock};

/// How often the queue looks even if nobody says anything.
const LOOK: Duration = Duration::from_secs(30);
/// The annotation of an order whose topics are gone.
const TOPICS: &str = "podometer.dev/topics";
/// How long it gathers what is said before it looks.
const SETTLE: Duration = Duration::from_millis(50);

/// What the queue is told.
#[derive(Debug, clap::Args)]
pub(super) struct Queue {
    /// How many orders may be under way at once
    #[arg(long, env = "PODOMETER_MAX_ORDERS", default_value_t = 4)]
    max_orders: usize,
    /// How long an order's topics stay after it is stored, seconds
    #[arg(long, env = "PODOMETER_TOPIC_GRACE_SECONDS", default_value_t = 600)]
    topic_grace_seconds: u64,
    /// Whether orders have no services of their own, but Deployments that serve all of them
    #[arg(
        long,
        value_name = "BOOL",
        env = "PODOMETER_SHARED",
        default_value_t = false,
        action = clap::ArgAction::Set
    )]
    shared: bool,
    #[command(flatten)]
    kafka: Kafka,
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    listen: Listen,
}

/// An order that waits.
struct Waiting {
    record: OrderRecord,
    map: ConfigMap,
    /// Whether its Job was made already.
    has_job: bool,
}

impl Queue {
    /// Serves until it is ended.
    pub(super) async fn run(self, client: Client) -> Result<()> {
        let metrics = QueueMetrics::default();
        let mut registry = metrics::registry();
        metrics.register(&mut registry);
        let _served = self.listen.serve(registry).await?;
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &self.config.namespace);
        let ours = watcher::Config::default().labels(names::PHASE);
        let mut said = Box::pin(
            watcher(maps.clone(), ours)
                .default_backoff()
                .touched_objects(),
        );
        let mut look_at = Instant::now();
        info!("at most {} orders are under way at once", self.max_orders);
        loop {
            tokio::select! {
                Some(said) = said.next() => {
                    if let Err(error) = said {
                        warn!("orders can't be watched: {error}");
                    }
                    look_at = look_at.min(Instant::now() + SETTLE);
                }
                () = sleep_until(look_at) => {
                    if let Err(error) = Box::pin(self.look(&client, &metrics)).await {
                        metrics.failures.inc();
                        warn!("{error:#}; trying again");
                    }
                    if let Err(error) = Box::pin(self.delete_topics(&client)).await {
                        warn!("topics of orders that are over can't be deleted: {error:#}");
                    }
                    if let Err(error) = forget(&maps).await {
                        warn!("what is left of old orders can't be deleted: {error}");
                    }
                    look_at = Instant::now() + LOOK;
                }
            }
        }
    }

    /// Begins with as many orders as there is room for, the oldest first.
    async fn look(&self, client: &Client, metrics: &QueueMetrics) -> Result<()> {
        let namespace = &self.config.namespace;
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
        let jobs: Api<Job> = Api::namespaced(client.clone(), namespace);
        let (mut waiting, mut under_way) = (Vec::new(), 0);
        for map in maps
            .list(&ListParams::default().labels(names::PHASE))
            .await?
            .items
        {
            match ledger::read(&map) {
                Ok((_, state)) if is_waiting(&state) && ledger::is_shared(&map) => under_way += 1,
                Ok((record, state)) if is_waiting(&state) => {
                    // One whose Job was made, but whose orchestrator has said nothing yet, has its place.
                    let job = names::service(&record.order.id, services::ORCHESTRATOR);
                    let begun = jobs.get_metadata_opt(&job).await?.is_some();
                    if begun && is_owned(&map) {
                        under_way += 1;
                    } else {
                        waiting.push(Waiting {
                            record,
                            map,
                            has_job: begun,
                        });
                    }
                }
                Ok((_, state)) if state.phase == Phase::Over => {}
                Ok(_) => under_way += 1,
                Err(error) => warn!("{error}"),
            }
        }
        metrics.see(waiting.len(), under_way);
        waiting.sort_by_key(|one| (one.record.created_at, one.record.order_uid));
        for one in waiting
            .into_iter()
            .take(self.max_orders.saturating_sub(under_way))
        {
            let order = one.record.order.id.clone();
            match self.begin(client, &one).await {
                Ok(()) => {
                    metrics.begun.inc();
                    info!("order {order} begins");
                }
                Err(error) => {
                    metrics.failures.inc();
                    warn!("order {order} can't begin: {error:#}");
                }
            }
        }
        Ok(())
    }

    /// Deletes the topics of orders that are stored, once nobody can want them any more.
    async fn delete_topics(&self, client: &Client) -> Result<()> {
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &self.config.namespace);
        let over =
            ListParams::default().labels(&format!("{}={}", names::PHASE, Phase::Over.as_str()));
        let latest = clock::system().0 - self.topic_grace_seconds as i64 * 1_000_000;
        let mut bus = None;
        for map in maps.list(&over).await?.items {
            let Ok((record, state)) = ledger::read(&map) else {
                continue;
            };
            // Topics that others share stay.
            let done = ledger::is_shared(&map)
                || map
                    .metadata
                    .annotations
                    .as_ref()
                    .is_some_and(|all| all.contains_key(TOPICS));
            let is_old = state.ended_at.is_some_and(|ended| ended.0 <= latest);
            if done || !is_old || state.stored != Some(true) {
                continue;
            }
            let bus = match &mut bus {
                Some(bus) => bus,
                none => none.insert(self.kafka.bus()?),
            };
            bus.delete_topics(&self.kafka.own_topics(&record.order.id))
                .await?;
            let name = map.metadata.name.as_deref().unwrap_or_default();
            let patch =
                Patch::Merge(json!({ "metadata": { "annotations": { TOPICS: "deleted" } } }));
            maps.patch_metadata(name, &PatchParams::default(), &patch)
                .await?;
        }
        Ok(())
    }

    /// Lets the order in. Doing it twice is harmless.
    async fn begin(&self, client: &Client, one: &Waiting) -> Result<()> {
        if self.shared && !one.has_job {
            self.begin_shared(client, one).await
        } else {
            self.begin_own(client, one).await
        }
    }

    /// Gives the order's ConfigMap, which owns the rest, the label by which its orchestrator knows it.
    async fn begin_shared(&self, client: &Client, one: &Waiting) -> Result<()> {
        let owner = one.map.controller_owner_ref(&());
        let owner = owner.context("its ConfigMap has no UID")?;
        self.make_claim(client, &one.record, &owner).await?;
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &self.config.namespace);
        let label = json!({ "labels": { names::SERVICES: names::SHARED } });
        patch_meta(&maps, &names::order_map(&one.record.order.id), label).await
    }

    /// Makes the claim of an order's own workspace, if it is to have one.
    async fn make_claim(
        &self,
        client: &Client,
        record: &OrderRecord,
        owner: &OwnerReference,
    ) -> Result<()> {
        let config = &self.config;
        if volume(config, record, self.shared).is_none() || config.workspace_claim.is_some() {
            return Ok(());
        }
        let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), &config.namespace);
        let claim = services::claim(config, &record.order.id, owner)?;
        create(&claims, &claim).await
    }

    /// Makes the order's Job, which owns the rest from then on.
    async fn begin_own(&self, client: &Client, one: &Waiting) -> Result<()> {
        let (record, namespace) = (&one.record, &self.config.namespace);
        let (order, uid) = (&record.order.id, record.order_uid);
        let volume = volume(&self.config, record, false);
        let jobs: Api<Job> = Api::namespaced(client.clone(), namespace);
        let job = services::orchestrator(&self.config, order, uid, volume.as_ref())?;
        create(&jobs, &job).await?;
        let name = names::service(order, services::ORCHESTRATOR);
        let job = patiently(&name, || jobs.get(&name)).await?;
        anyhow::ensure!(
            super::job::is_of(&job, uid),
            "a Job {name} of another execution is there; delete it"
        );
        let owner = job
            .controller_owner_ref(&())
            .with_context(|| format!("the Job {name} has no UID"))?;
        self.make_claim(client, record, &owner).await?;
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
        // Last: it says that all of this is done. The token and the input belong to the ConfigMap.
        let owners = json!({ "ownerReferences": [owner] });
        patch_meta(&maps, &names::order_map(order), owners).await
    }
}

fn is_waiting(state: &State) -> bool {
    state.phase == Phase::Queued
}

fn is_owned(map: &ConfigMap) -> bool {
    map.metadata
        .owner_references
        .as_ref()
        .is_some_and(|owners| !owners.is_empty())
}

/// Changes what is said about a ConfigMap.
async fn patch_meta(maps: &Api<ConfigMap>, name: &str, meta: Value) -> Result<()> {
    let patch = Patch::Merge(json!({ "metadata": meta }));
    let params = PatchParams::default();
    let done = patiently(name, || maps.patch_metadata(name, &params, &patch)).await;
    done.map(drop)
        .with_context(|| format!("changing the ConfigMap {name}"))
}
