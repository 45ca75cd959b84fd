//! The orchestrator as a program in a cluster.

use std::{io::IsTerminal, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context, Result};
use bus::{Bus, Settings, TopicSettings};
use clap::{Parser, Subcommand};
use futures::StreamExt;
use k8s_openapi::{
    api::{batch::v1::Job, core::v1::ConfigMap},
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::{
    Api, Client, Resource,
    api::PostParams,
    runtime::{WatchStreamExt, watcher},
};
use model::{OrderHandle, OrderId, OrderTopics, OrderUid, attempt::Token};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tracing_subscriber::EnvFilter;

use super::{
    Config, Kubernetes, Volume, images,
    launch::patiently,
    ledger::{self, Ledger},
    names, outputs, queue,
    record::{self, OrderRecord, Phase},
    services, workspace,
};
use crate::{Control, Options, Orchestrator, OrderRequest, Source, StdioPolicy, clock};

/// The exit code after SIGTERM: not 0, or a Job would count as complete.
const TERMINATED: u8 = 143;

/// Takes orders through their tasks on a Kubernetes cluster.
#[derive(Debug, Parser)]
#[command(name = "orchestrator", version, max_term_width = 100)]
pub struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Takes one order through its tasks, and ends with it
    Order(Order),
    /// Begins with orders that wait, some at a time
    Queue(queue::Queue),
}

#[derive(Debug, clap::Args)]
struct Order {
    /// The order's id
    #[arg(long = "order", env = "PODOMETER_ORDER")]
    id: OrderId,
    /// Its execution
    #[arg(long = "order-uid", env = "PODOMETER_ORDER_UID")]
    uid: OrderUid,
    /// What readers of its runners' streams show
    #[arg(long, env = "PODOMETER_TOKEN", hide_env_values = true)]
    token: String,
    #[command(flatten)]
    kafka: Kafka,
    #[command(flatten)]
    config: Config,
}

/// How Kafka is reached.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Kafka {
    /// The Kafka
    #[arg(long, value_name = "HOST:PORT,...", env = "BOOTSTRAP_SERVERS")]
    bootstrap_servers: Option<String>,
    /// A properties file with options of the Kafka clients, as librdkafka names them
    #[arg(long = "kafka-config", value_name = "FILE", env = "KAFKA_CONFIG")]
    config_files: Vec<PathBuf>,
    /// What the names of all topics begin with
    #[arg(long, value_name = "TEXT", default_value = "", env = "TOPIC_PREFIX")]
    topic_prefix: String,
    /// How many copies Kafka keeps of new topics; what the broker says if nobody does
    #[arg(long, value_name = "N", env = "TOPIC_REPLICATION")]
    topic_replication: Option<i32>,
}

impl Kafka {
    pub(super) fn bus(&self) -> Result<Bus> {
        let settings = Settings::of_service(self.bootstrap_servers.as_deref(), &self.config_files)?;
        let topics = TopicSettings {
            replication: self.topic_replication.unwrap_or(-1),
            ..TopicSettings::with_prefix(&self.topic_prefix)
        };
        Ok(Bus::external(&settings, topics)?)
    }

    /// The topics of an order.
    pub(super) fn topics(&self, order: &OrderId) -> OrderTopics {
        OrderTopics::own(&self.topic_prefix, order)
    }
}

impl Program {
    /// Does what the command line says.
    ///
    /// # Errors
    /// What is wrong with the configuration, or why the cluster or Kafka can't be used.
    pub fn run(self) -> Result<ExitCode> {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        let log = tracing_subscriber::fmt().with_env_filter(filter);
        let log = log.with_ansi(std::io::stderr().is_terminal());
        log.with_writer(std::io::stderr).with_target(false).init();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let code = runtime.block_on(async {
            // As a container's first process it would not even be ended by it.
            let mut term = signal(SignalKind::terminate())?;
            let client = Client::try_default()
                .await
                .context("reaching the API server")?;
            let work = async {
                match self.command {
                    Command::Order(order) => Box::pin(order.run(client)).await,
                    Command::Queue(queue) => queue.run(client).await,
                }
            };
            tokio::select! {
                done = work => done.map(|()| ExitCode::SUCCESS),
                // All that was decided is written down: the next one goes on with it.
                _ = term.recv() => Ok(ExitCode::from(TERMINATED)),
            }
        })?;
        runtime.shutdown_background();
        Ok(code)
    }
}

impl Order {
    async fn run(self, client: Client) -> Result<()> {
        let (order, namespace) = (self.id.clone(), self.config.namespace.clone());
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &namespace);
        let (ledger, record, state) =
            Ledger::open(maps.clone(), &order, &self.config.pod_uid).await?;
        anyhow::ensure!(
            record.order_uid == self.uid,
            "the ConfigMap of {order} is of another execution, {}",
            record.order_uid
        );
        if state.phase == Phase::Over {
            tracing::info!("order {order} is over");
            return Ok(());
        }
        if state.phase == Phase::Queued && ledger.wish().await > Control::Run {
            tracing::info!("order {order} is terminated before it began");
            return Ok(ledger.change(record::never_began(clock::system())).await?);
        }
        let input = record.input.clone();
        let bus = self.kafka.bus()?;
        let mut launcher = Kubernetes {
            owner: owner(&client, &namespace, &order).await?,
            client,
            volume: volume(&self.config, &record),
            images: Arc::default(),
            config: Arc::new(self.config.clone()),
            ledger: Arc::new(ledger),
            clock: clock::system,
            making: Arc::default(),
        };
        let wish = watch_wish(maps, &order);
        let request = Box::pin(self.request(&bus, &launcher, record, wish)).await?;
        let images = launcher.ledger.state().await.images;
        launcher.images = images.unwrap_or_default().into();
        let orchestrator = Orchestrator::new(bus.clone(), launcher.clone(), Options::of(&bus))?;
        let outcome = Box::pin(orchestrator.run(request)).await?;
        tracing::info!("order {order} has {}", outcome.status);
        if let Some(input) = input {
            workspace::forget_input(&launcher.client, &namespace, &order, &input).await;
        }
        // A volume of the order's own goes with the order.
        if let Some(volume) = launcher
            .volume
            .filter(|_| self.config.workspace_claim.is_some())
        {
            workspace::remove(&volume);
        }
        Ok(())
    }

    /// Makes what the order needs, and what is asked of the orchestrator.
    async fn request(
        &self,
        bus: &Bus,
        launcher: &Kubernetes,
        record: OrderRecord,
        control: watch::Receiver<Control>,
    ) -> Result<OrderRequest> {
        let order = self.id.clone();
        let mut input = None;
        if let Some(volume) = &launcher.volume {
            workspace::lay_out(volume)?;
            if let Some(file) = &record.input {
                let namespace = &self.config.namespace;
                input = Some(
                    workspace::fetch_input(&launcher.client, namespace, &order, volume, file)
                        .await?,
                );
            }
        }
        let topics = self.kafka.topics(&order);
        let (begun, refused) = tokio::join!(
            Box::pin(self.begin(bus, launcher, &topics)),
            Box::pin(self.look_up_images(launcher, &record.order)),
        );
        begun?;
        let refused = refused?;
        let mut resume = launcher.ledger.state().await.resume();
        outputs::fill(launcher, &mut resume).await?;
        Ok(OrderRequest {
            handle: OrderHandle {
                order,
                order_uid: self.uid,
                topics,
                token: Token(self.token.clone()),
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

    /// Makes the topics and the monitors.
    async fn begin(&self, bus: &Bus, launcher: &Kubernetes, topics: &OrderTopics) -> Result<()> {
        bus.create_topics(topics).await?;
        let ends = bus.end_offsets(&topics.orchestrator).await?;
        let begun = launcher.ledger.change(|state| {
            if state.phase == Phase::Queued {
                state.phase = Phase::Running;
            }
            if state.offsets.is_empty() {
                state.offsets = ends;
            }
        });
        begun.await?;
        Box::pin(self.start_monitors(launcher)).await
    }

    /// Notes what the order's images say, once; why the order can't be run, if it can't.
    async fn look_up_images(
        &self,
        launcher: &Kubernetes,
        order: &model::Order,
    ) -> Result<Option<String>> {
        let state = launcher.ledger.state().await;
        let begun = state.images.is_some() || !state.attempts.is_empty();
        if begun || state.refusal().is_some() {
            return Ok(state.refusal().map(str::to_owned));
        }
        let images = match images::look_up(order, &self.config).await {
            Ok(images) => images,
            Err(why) => return Ok(Some(why)),
        };
        launcher
            .ledger
            .change(|state| state.images = Some(images))
            .await?;
        Ok(None)
    }

    /// Makes the monitors' Jobs; those that are there stay.
    async fn start_monitors(&self, launcher: &Kubernetes) -> Result<()> {
        let jobs: Api<Job> = Api::namespaced(launcher.client.clone(), &self.config.namespace);
        for job in services::monitors(&self.config, &self.id, self.uid, &launcher.owner)? {
            create(&jobs, &job).await?;
        }
        Ok(())
    }
}

/// Creates an object; one that is there already stays.
pub(super) async fn create<K>(api: &Api<K>, object: &K) -> Result<()>
where
    K: Resource + serde::Serialize + serde::de::DeserializeOwned + Clone + std::fmt::Debug,
{
    let name = object.meta().name.clone().unwrap_or_default();
    let params = PostParams::default();
    match patiently(&name, || api.create(&params, object)).await {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        made => made.map(drop).with_context(|| format!("making {name}")),
    }
}

/// The order's Job as the owner of what is made for the order.
async fn owner(client: &Client, namespace: &str, order: &OrderId) -> Result<OwnerReference> {
    let jobs: Api<Job> = Api::namespaced(client.clone(), namespace);
    let name = names::service(order, services::ORCHESTRATOR);
    let job = patiently(&name, || jobs.get(&name)).await;
    let job = job.with_context(|| format!("the Job {name}"))?;
    job.controller_owner_ref(&())
        .with_context(|| format!("the Job {name} has no UID"))
}

/// Where the order's folder is, if it has one.
pub(super) fn volume(config: &Config, record: &OrderRecord) -> Option<Volume> {
    record.workspace.then(|| Volume {
        claim: match &config.workspace_claim {
            Some(claim) => claim.clone(),
            None => names::workspace(&record.order.id),
        },
        order_uid: record.order_uid,
    })
}

/// Follows a person's wish in the order's ConfigMap.
fn watch_wish(maps: Api<ConfigMap>, order: &OrderId) -> watch::Receiver<Control> {
    let (sender, receiver) = watch::channel(Control::Run);
    let config =
        watcher::Config::default().fields(&format!("metadata.name={}", names::order_map(order)));
    tokio::spawn(async move {
        let mut maps = Box::pin(watcher(maps, config).default_backoff().applied_objects());
        while let Some(map) = maps.next().await {
            let Ok(map) = map else { continue };
            let wish = ledger::wish(&map);
            sender.send_if_modified(|now| {
                let more = wish > *now;
                *now = wish.max(*now);
                more
            });
        }
    });
    receiver
}

/// The exit code for an error: 2 for bad input, 3 for a service that could not be reached, else 4.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    let bus = error.downcast_ref::<bus::Error>();
    let code = if bus.is_some_and(bus::Error::is_bad_input) {
        2
    } else if bus.is_some_and(bus::Error::is_unreachable) {
        3
    } else {
        4
    };
    ExitCode::from(code)
}
