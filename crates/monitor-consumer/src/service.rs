//! The service as a program: its configuration and its life.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use bus::{Bus, Settings, TopicSettings};
use clap::Parser;
use store::{Location, Migrations, ServerAddress, Store};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::{MonitorConsumer, Options, Shared};

/// Stores the samples and runs of all orders that use the shared topics.
///
/// Any number of these share the work: Kafka divides the topics' partitions among those of one group.
/// It ends in good form on SIGTERM and SIGINT, and loses nothing however it ends.
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
    /// The consumer group
    #[arg(
        long,
        value_name = "NAME",
        default_value = "podometer-monitor-consumer",
        env = "CONSUMER_GROUP"
    )]
    group: String,
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
        runtime.block_on(self.serve())?;
        runtime.shutdown_background();
        Ok(ExitCode::SUCCESS)
    }

    async fn serve(self) -> Result<()> {
        let (mut term, mut int) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        let settings = Settings::of_service(self.bootstrap_servers.as_deref(), &self.kafka_files)?;
        let bus = Bus::external(&settings, TopicSettings::with_prefix(&self.topic_prefix))?;
        let location = Location::from(self.database_url.parse::<ServerAddress>()?);
        let migrations = if self.no_migrate {
            Migrations::Expect
        } else {
            Migrations::Run
        };
        let store = Store::open(&location, migrations).await?;
        tracing::info!("{}", store.abilities());
        let shared = Shared {
            topics: bus.create_shared().await?,
            group: self.group,
        };
        let options = Options {
            draw: false,
            shared: Some(shared),
        };
        let service = MonitorConsumer::start(&bus, store.clone(), options).context("starting")?;
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        tracing::info!("ending; what isn't stored yet is stored first");
        service.stop().await;
        store.close().await;
        Ok(())
    }
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
