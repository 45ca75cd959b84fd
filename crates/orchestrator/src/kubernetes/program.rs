//! The orchestrator as a program in a cluster.

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use bus::{Bus, Settings, TopicSettings};
use clap::{Parser, Subcommand};
use kube::{Api, Client, Resource, api::PostParams};
use model::{OrderId, OrderTopics};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::{launch::patiently, order, queue, serve};

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
    Order(order::Order),
    /// Takes all orders through their tasks that have no services of their own
    Serve(serve::Serve),
    /// Begins with orders that wait, some at a time
    Queue(queue::Queue),
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
    /// How many partitions topics get that orders share, where it makes them
    #[arg(long, value_name = "N", env = "TOPIC_PARTITIONS", default_value_t = 8)]
    topic_partitions: i32,
}

impl Kafka {
    pub(super) fn bus(&self) -> Result<Bus> {
        let settings = Settings::of_service(self.bootstrap_servers.as_deref(), &self.config_files)?;
        let topics = TopicSettings {
            replication: self.topic_replication.unwrap_or(-1),
            partitions: self.topic_partitions,
            ..TopicSettings::with_prefix(&self.topic_prefix)
        };
        Ok(Bus::external(&settings, topics)?)
    }

    /// The topics of an order that has its own.
    pub(super) fn own_topics(&self, order: &OrderId) -> OrderTopics {
        OrderTopics::own(&self.topic_prefix, order)
    }

    /// The topics of all others.
    pub(super) fn shared_topics(&self) -> OrderTopics {
        OrderTopics::shared(&self.topic_prefix)
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
                    Command::Serve(serve) => Box::pin(serve.run(client)).await,
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

/// The exit code for an error: 2 for bad input, 3 for a service that could not be reached, else 4.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    let bus = error.downcast_ref::<bus::Error>();
    let bad = error.is::<metrics::Error>();
    let code = if bus.is_some_and(bus::Error::is_bad_input) || bad {
        2
    } else if bus.is_some_and(bus::Error::is_unreachable) {
        3
    } else {
        4
    };
    ExitCode::from(code)
}
