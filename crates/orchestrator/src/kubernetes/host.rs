//! Takes orders through their tasks on a cluster, from wherever they stand: one order, or all that have no
//! services of their own.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use bus::Bus;
use k8s_openapi::{
    api::{batch::v1::Job, core::v1::ConfigMap},
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::{Api, Client, Resource};
use model::{Order, OrderHandle, OrderId, OrderTopics, OrderUid, attempt::Token};
use tokio::{sync::watch, task::spawn_blocking};

use super::{
    Config, FilledBy, Kubernetes, Volume,
    fleet::Fleet,
    images,
    launch::patiently,
    ledger::{self, Ledger},
    names, outputs, places,
    program::{Kafka, create},
    record::{self, OrderRecord, Phase},
    services, workspace,
};
use crate::{
    Control, Metrics, Options, Orchestrator, OrderRequest, Resume, Source, StdioPolicy, clock,
};

/// Which services an order has beside its orchestrator.
pub(super) enum Monitors {
    /// Its own, which are Jobs that the orchestrator makes, with this token. The orchestrator's Job owns all
    /// that the order has.
    Own(Token),
    /// Those that orders share; tokens are made from this secret. The order's ConfigMap owns all that it has.
    Shared(Token),
}

/// An orchestrator on a cluster.
pub(super) struct Host {
    client: Client,
    config: Arc<Config>,
    kafka: Kafka,
    bus: Bus,
    monitors: Monitors,
    metrics: Metrics,
    fleet: Fleet,
    orchestrator: Orchestrator<Fleet>,
}

impl Host {
    /// # Errors
    /// What is wrong with the options of Kafka.
    pub(super) fn new(
        client: Client,
        config: Config,
        kafka: Kafka,
        monitors: Monitors,
        metrics: Metrics,
    ) -> Result<Self> {
        let (bus, fleet) = (kafka.bus()?, Fleet::default());
        let options = Options {
            metrics: metrics.clone(),
            ..Options::of(&bus)
        };
        let orchestrator = Orchestrator::new(bus.clone(), fleet.clone(), options)?;
        Ok(Self {
            client,
            config: Arc::new(config),
            kafka,
            bus,
            monitors,
            metrics,
            fleet,
            orchestrator,
        })
    }

    /// Takes an order to its end. What was decided stands in its ConfigMap, so that this can be done again.
    ///
    /// # Errors
    /// Why it can't go on here: the cluster, Kafka, another orchestrator.
    pub(super) async fn take(
        &self,
        order: &OrderId,
        uid: OrderUid,
        wish: watch::Receiver<Control>,
    ) -> Result<()> {
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.config.namespace);
        let (ledger, record, state) =
            Ledger::open(maps, order, &self.config.pod_uid, self.metrics.clone()).await?;
        anyhow::ensure!(
            record.order_uid == uid,
            "the ConfigMap of {order} is of another execution, {}",
            record.order_uid
        );
        if state.phase == Phase::Over {
            tracing::info!("order {order} is over");
            self.clean_up(&record).await;
            return Ok(());
        }
        if state.phase == Phase::Queued && ledger.wish().await > Control::Run {
            tracing::info!("order {order} is terminated before it began");
            return Ok(ledger.change(record::never_began(clock::system())).await?);
        }
        let mut launcher = Kubernetes {
            owner: self.owner(order, &ledger).await?,
            client: self.client.clone(),
            volume: volume(&self.config, &record, self.is_shared()),
            config: Arc::clone(&self.config),
            ledger: Arc::new(ledger),
            clock: clock::system,
            making: Arc::default(),
            images: Arc::default(),
        };
        let request = Box::pin(self.request(&launcher, record.clone(), wish)).await?;
        let images = launcher.ledger.state().await.images;
        launcher.images = images.unwrap_or_default().into();
        let _berth = self.fleet.add(uid, Arc::new(launcher));
        let outcome = Box::pin(self.orchestrator.run(request)).await?;
        tracing::info!("order {order} has {}", outcome.status);
        if let Some(input) = &record.input {
            workspace::forget_input(&self.client, &self.config.namespace, order, input).await;
        }
        self.clean_up(&record).await;
        Ok(())
    }

    /// Removes the folder of an order that is over. A volume of its own goes with the order.
    pub(super) async fn clean_up(&self, record: &OrderRecord) {
        if let Some(volume) = volume(&self.config, record, self.is_shared())
            && self.config.workspace_claim.is_some()
        {
            let _ = spawn_blocking(move || workspace::remove(&volume)).await;
        }
    }

    /// Whether the cluster knows nothing of this execution any more. Nobody answers: no.
    pub(super) async fn is_gone(&self, order: &OrderId, uid: OrderUid) -> bool {
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.config.namespace);
        match maps.get_opt(&names::order_map(order)).await {
            Ok(None) => true,
            Ok(Some(map)) => ledger::read(&map).is_ok_and(|(record, _)| record.order_uid != uid),
            Err(_) => false,
        }
    }

    /// Makes what the order needs, and what is asked of the orchestrator.
    async fn request(
        &self,
        launcher: &Kubernetes,
        record: OrderRecord,
        control: watch::Receiver<Control>,
    ) -> Result<OrderRequest> {
        let (order, order_uid) = (record.order.id.clone(), record.order_uid);
        let input = self.lay_out(launcher, &record).await?;
        let topics = self.topics(&order);
        let (begun, refused) = tokio::join!(
            Box::pin(self.begin_with_services(launcher, &topics, &record)),
            Box::pin(self.look_up_images(launcher, &record.order)),
        );
        let ((is_new, token), refused) = (begun?, refused?);
        let mut resume = launcher.ledger.state().await.resume();
        if is_new {
            // Nobody has said anything of it yet: nothing has to be read again.
            resume = Resume::default();
        }
        outputs::fill(launcher, &mut resume).await?;
        Ok(OrderRequest {
            handle: OrderHandle {
                order,
                order_uid,
                topics,
                token,
            },
            order: record.order,
            folder: PathBuf::from("/podometer"),
            input,
            period: record.period,
            grace: record.grace,
            stdio: StdioPolicy::Files,
            source: Source::Auto,
            events: None,
            refused,
            control,
            resume,
        })
    }

    /// Makes topics and monitors. Whether this is the order's beginning, and its token.
    async fn begin_with_services(
        &self,
        launcher: &Kubernetes,
        topics: &OrderTopics,
        record: &OrderRecord,
    ) -> Result<(bool, Token)> {
        self.bus.create_topics(topics).await?;
        let is_new = self.begin(launcher, topics).await?;
        let (order, uid) = (&record.order.id, record.order_uid);
        let token = match &self.monitors {
            Monitors::Own(token) => {
                Box::pin(self.start_monitors(launcher, order, uid)).await?;
                token.clone()
            }
            Monitors::Shared(secret) => Token::derived(&secret.0, uid),
        };
        Ok((is_new, token))
    }

    /// Notes what the order's images say, once; why the order can't be run, if it can't.
    async fn look_up_images(&self, launcher: &Kubernetes, order: &Order) -> Result<Option<String>> {
        let state = launcher.ledger.state().await;
        let begun = state.images.is_some() || !state.attempts.is_empty();
        if begun || state.refusal().is_some() {
            return Ok(state.refusal().map(str::to_owned));
        }
        let images = match images::look_up(order, &self.config).await {
            Ok(images) => images,
            Err(why) => return Ok(Some(why)),
        };
        let looked_up = launcher.ledger.change(|state| state.images = Some(images));
        looked_up.await?;
        Ok(None)
    }

    /// Puts runner and input into the order's folder, if it has one. Where tasks find the input.
    async fn lay_out(
        &self,
        launcher: &Kubernetes,
        record: &OrderRecord,
    ) -> Result<Option<PathBuf>> {
        let Some(volume) = launcher.volume.clone() else {
            return Ok(None);
        };
        if let FilledBy::Pods(input) = volume.filled_by {
            return Ok(input.map(|input| Path::new(places::WORKSPACE).join(input.name)));
        }
        let of = volume.clone();
        spawn_blocking(move || workspace::lay_out(&of)).await??;
        let Some(file) = &record.input else {
            return Ok(None);
        };
        let (namespace, order) = (&self.config.namespace, &record.order.id);
        let fetched = workspace::fetch_input(&self.client, namespace, order, &volume, file).await;
        fetched.map(Some)
    }

    fn is_shared(&self) -> bool {
        matches!(self.monitors, Monitors::Shared(_))
    }

    fn topics(&self, order: &OrderId) -> OrderTopics {
        match self.monitors {
            Monitors::Own(_) => self.kafka.own_topics(order),
            Monitors::Shared(_) => self.kafka.shared_topics(),
        }
    }

    /// Notes that the order is under way, and from where on its messages are to be read. Whether this is its
    /// beginning.
    async fn begin(&self, launcher: &Kubernetes, topics: &OrderTopics) -> Result<bool> {
        if !launcher.ledger.state().await.offsets.is_empty() {
            return Ok(false);
        }
        let offsets = self.bus.end_offsets(&topics.orchestrator).await?;
        let task_offsets = if topics.is_shared() {
            self.bus.end_offsets(&topics.task).await?
        } else {
            Vec::new()
        };
        let begun = launcher.ledger.change(|state| {
            if state.phase == Phase::Queued {
                state.phase = Phase::Running;
            }
            state.offsets = offsets;
            state.task_offsets = task_offsets;
        });
        begun.await?;
        Ok(true)
    }

    /// What owns all that the order has.
    async fn owner(&self, order: &OrderId, ledger: &Ledger) -> Result<OwnerReference> {
        if self.is_shared() {
            return ledger.as_owner().await.context("its ConfigMap has no UID");
        }
        let jobs: Api<Job> = Api::namespaced(self.client.clone(), &self.config.namespace);
        let name = names::service(order, services::ORCHESTRATOR);
        let job = patiently(&name, || jobs.get(&name)).await;
        let job = job.with_context(|| format!("the Job {name}"))?;
        job.controller_owner_ref(&())
            .with_context(|| format!("the Job {name} has no UID"))
    }

    /// Makes the monitors' Jobs; those that are there stay.
    async fn start_monitors(
        &self,
        launcher: &Kubernetes,
        order: &OrderId,
        uid: OrderUid,
    ) -> Result<()> {
        let jobs: Api<Job> = Api::namespaced(self.client.clone(), &self.config.namespace);
        for job in services::monitors(&self.config, order, uid, &launcher.owner)? {
            create(&jobs, &job).await?;
        }
        Ok(())
    }
}

/// Where the order's folder is, if it has one. An orchestrator that others share has none of their own claims.
pub(super) fn volume(config: &Config, record: &OrderRecord, is_shared: bool) -> Option<Volume> {
    let filled_by = if is_shared && config.workspace_claim.is_none() {
        FilledBy::Pods(record.input.clone())
    } else {
        FilledBy::Orchestrator
    };
    record.workspace.then(|| Volume {
        filled_by,
        claim: match &config.workspace_claim {
            Some(claim) => claim.clone(),
            None => names::workspace(&record.order.id),
        },
        order_uid: record.order_uid,
    })
}
