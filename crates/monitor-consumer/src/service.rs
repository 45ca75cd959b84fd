//! The service as a program: its configuration and its life.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use bus::{Bus, Settings, TopicSettings};
use clap::Parser;
use metrics::Listen;
use store::{Location, Migrations, ServerAddress, Store};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::{
    Metrics, MonitorConsumer, Options, Shared,
    one::{self, One},
};

/// The exit code after a signal, as a shell has it for SIGTERM.
const TERMINATED: u8 = 143;

/// Stores the samples and runs of one order, or of all that use the shared topics.
///
/// With --order it serves that order and ends with it: exit code 0 when all of it is stored, 143 when it
/// was terminated before. Without, any number of these share the work: Kafka divides the topics'
/// partitions among those of one group. It ends in good form on SIGTERM and SIGINT, and loses nothing
/// however it ends.
#[derive(Debug, Parser)]
#[command(name = "monitor-consumer", version, max_term_width = 100)]
pub struct Config {
    /// The Kafka
    #[arg(long, value_name = "HOST:PORT,...", env = "BOOTSTRAP_SERVERS")]
    bootstrap_servers: Option<String>,
    /// A properties file with options of the Kafka clients, as librdkafka names them
    #[arg(long = "kafka-config", value_name = "FILE", env = "KAFKA_CONFIG")]
    kafka_files: Vec<PathBuf>,
    /// The database (PostgreSQL, best with TimescaleDB)
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    /// Take the database's tables as they are instead of bringing them up to date
    #[arg(long)]
    no_migrate: bool,
    /// What the names of all topics begin with
    #[arg(long, value_name = "TEXT", default_value = "", env = "TOPIC_PREFIX")]
    topic_prefix: String,
    /// How many copies of each topic there are to be where it makes one; the broker's default if it
    /// isn't said
    #[arg(long, value_name = "N", env = "TOPIC_REPLICATION")]
    topic_replication: Option<i32>,
    /// How many partitions topics get that orders share, where it makes them
    #[arg(long, value_name = "N", default_value_t = 8, env = "TOPIC_PARTITIONS")]
    topic_partitions: i32,
    #[command(flatten)]
    one: One,
    /// The consumer group
    #[arg(
        long,
        value_name = "NAME",
        default_value = "podometer-monitor-consumer",
        env = "CONSUMER_GROUP"
    )]
    group: String,
    #[command(flatten)]
    listen: Listen,
}

impl Config {
    /// Serves until a signal comes.
    ///
    /// # Errors
    /// What is wrong with the configuration, or why Kafka or the database can't be used.
    pub fn run(self) -> Result<ExitCode> {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_target(false)
            .init();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let code = runtime.block_on(self.serve())?;
        runtime.shutdown_background();
        Ok(code)
    }

    async fn serve(self) -> Result<ExitCode> {
        let (mut term, mut int) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        let signal = async {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            tracing::info!("ending; what isn't stored yet is stored first");
        };
        let bus = self.bus()?;
        let location = Location::from(self.database_url.parse::<ServerAddress>()?);
        let migrations = if self.no_migrate {
            Migrations::Expect
        } else {
            Migrations::Run
        };
        let store = Store::open(&location, migrations).await?;
        tracing::info!("{}", store.abilities());
        let metrics = Metrics::default();
        let mut registry = metrics::registry();
        metrics.register(&mut registry);
        let done = match self.one.handle(&self.topic_prefix) {
            Some(handle) => {
                let _served = self.listen.serve_or_warn(registry).await;
                let options = Options {
                    metrics,
                    ..Options::default()
                };
                one::serve(&bus, &store, handle, options, signal).await?
            }
            None => {
                let _served = self.listen.serve(registry).await?;
                serve_shared(&bus, &store, self.group, metrics, signal).await?
            }
        };
        store.close().await;
        Ok(if done {
            ExitCode::SUCCESS
        } else {
            // Whoever started it must start it again.
            TERMINATED.into()
        })
    }

    fn bus(&self) -> Result<Bus> {
        let settings = Settings::of_service(self.bootstrap_servers.as_deref(), &self.kafka_files)?;
        let topics = TopicSettings {
            replication: self.topic_replication.unwrap_or(-1),
            partitions: self.topic_partitions,
            ..TopicSettings::with_prefix(&self.topic_prefix)
        };
        Ok(Bus::external(&settings, topics)?)
    }
}

/// Serves all orders of the shared topics until `signal`, which is the end that it is to have.
async fn serve_shared(
    bus: &Bus,
    store: &Store,
    group: String,
    metrics: Metrics,
    signal: impl Future<Output = ()>,
) -> Result<bool> {
    let topics = bus.create_shared().await?;
    let options = Options {
        draw: false,
        shared: Some(Shared { topics, group }),
        metrics,
    };
    let service = MonitorConsumer::start(bus, store.clone(), options).context("starting")?;
    signal.await;
    service.stop().await;
    Ok(true)
}

/// The exit code for an error: 2 for bad input, 3 for a service that could not be reached, else 4.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    let bus = error.downcast_ref::<bus::Error>();
    let store = error.downcast_ref::<store::Error>();
    let bad = store.is_some_and(|error| matches!(error, store::Error::Address { .. }));
    let away = store.is_some_and(|error| matches!(error, store::Error::Unreachable { .. }));
    let code = if bus.is_some_and(bus::Error::is_bad_input) || bad {
        2
    } else if bus.is_some_and(bus::Error::is_unreachable) || away {
        3
    } else {
        4
    };
    ExitCode::from(code)
}
