//! The service as a program: its configuration and its life.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use bus::{Bus, Settings, TopicSettings};
use clap::Parser;
use metrics::Listen;
use model::attempt::Token;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::{
    Metrics, MonitorProducer, Options, Shared,
    one::{self, One},
};

/// The exit code after a signal, as a shell has it for SIGTERM.
const TERMINATED: u8 = 143;

/// Collects the samples of one order, or of all that use the shared topics, and publishes them.
///
/// With --order it serves that order and ends with it: exit code 0 when the order is over, 143 when it
/// was terminated before. Without, any number of these share the work: Kafka divides the topics'
/// partitions among those of one group. It ends on SIGTERM and SIGINT, and loses nothing however it
/// ends: runners keep what Kafka has not.
#[derive(Debug, Parser)]
#[command(name = "monitor-producer", version, max_term_width = 100)]
pub struct Config {
    /// The Kafka
    #[arg(long, value_name = "HOST:PORT,...", env = "BOOTSTRAP_SERVERS")]
    bootstrap_servers: Option<String>,
    /// A properties file with options of the Kafka clients, as librdkafka names them
    #[arg(long = "kafka-config", value_name = "FILE", env = "KAFKA_CONFIG")]
    kafka_files: Vec<PathBuf>,
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
    #[arg(long, value_name = "NAME", env = "CONSUMER_GROUP")]
    #[arg(default_value = "podometer-monitor-producer")]
    group: String,
    /// A file with the secret that the orders' tokens are made from, the same for all services
    #[arg(long, value_name = "FILE", env = "PODOMETER_SECRET_FILE")]
    secret_file: Option<PathBuf>,
    #[command(flatten)]
    listen: Listen,
}

impl Config {
    /// Serves until a signal comes.
    ///
    /// # Errors
    /// What is wrong with the configuration, or why Kafka can't be used.
    pub fn run(self) -> Result<ExitCode> {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        let log = tracing_subscriber::fmt().with_env_filter(filter);
        log.with_writer(std::io::stderr).with_target(false).init();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let code = runtime.block_on(self.serve())?;
        runtime.shutdown_background();
        Ok(code)
    }

    async fn serve(self) -> Result<ExitCode> {
        let mut term = signal(SignalKind::terminate())?;
        let mut int = signal(SignalKind::interrupt())?;
        let signal = async {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
        };
        let metrics = Metrics::default();
        let mut registry = metrics::registry();
        metrics.register(&mut registry);
        if let Some(handle) = self.one.handle(&self.topic_prefix)? {
            let bus = self.bus()?;
            let _served = self.listen.serve_or_warn(registry).await;
            let options = Options {
                metrics,
                ..Options::default()
            };
            return tokio::select! {
                served = one::serve(&bus, handle, options) => served.map(|()| ExitCode::SUCCESS),
                // Not 0: whoever started it must start it again.
                () = signal => Ok(TERMINATED.into()),
            };
        }
        let secret = self.secret()?;
        let bus = self.bus()?;
        let _served = self.listen.serve(registry).await?;
        let shared = Shared {
            topics: bus.create_shared().await?,
            group: self.group,
            secret,
            metrics,
        };
        let service = MonitorProducer::start_shared(&bus, shared)?;
        signal.await;
        service.stop().await;
        Ok(ExitCode::SUCCESS)
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

    fn secret(&self) -> Result<Token> {
        let text = match &self.secret_file {
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("--secret-file {}", path.display()))?,
            None => std::env::var("PODOMETER_SECRET").context(
                "no secret: put one into a file for --secret-file, or into the variable PODOMETER_SECRET",
            )?,
        };
        anyhow::ensure!(!text.trim().is_empty(), "the secret is empty");
        Ok(Token(text.trim().to_owned()))
    }
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
