//! `up` and `down`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use model::HumanDuration;

use super::ClusterArgs;

/// Bring Podometer to a cluster, or up to date there, and wait until it is ready
///
/// What is there already is changed to what it should be; passwords and data are never touched.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  podometer up                                     all in the cluster, Kafka and TimescaleDB too
  podometer up --registry registry.example/tools   with images from `build_service.sh --push`
  podometer up --overlay production --set BOOTSTRAP_SERVERS=kafka.example:9092
                                                   with servers that you have; the database's address
                                                   comes from PODOMETER_DATABASE_URL")]
pub(crate) struct UpArgs {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// What is brought there
    #[arg(long, value_enum, default_value_t)]
    pub(crate) overlay: Overlay,
    /// Have all orders served by the same Deployments, instead of three Jobs for each order
    ///
    /// An order then is one pod at a time, and starts sooner. `podometer up` without it goes back.
    #[arg(long)]
    pub(crate) shared: bool,
    /// A registry that holds Podometer's images, as REGISTRY/podometer/NAME
    #[arg(long, value_name = "REGISTRY")]
    pub(crate) registry: Option<String>,
    /// Another image for a part: orchestrator, monitor-producer, monitor-consumer, task-runner, kafka,
    /// timescaledb
    #[arg(long, value_name = "NAME=IMAGE", value_parser = pair)]
    pub(crate) set_image: Vec<(String, String)>,
    /// Another value for a setting of the ConfigMap podometer-config; an empty one takes it out
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) set: Vec<(String, String)>,
    /// A properties file with options of the Kafka clients, for the Secret podometer-secrets (production)
    #[arg(long, value_name = "FILE")]
    pub(crate) kafka_config: Option<PathBuf>,
    /// Where a node keeps volumes, on a cluster that makes none by itself (local)
    /// [default: /var/lib/podometer/NAMESPACE]
    #[arg(long, value_name = "DIR")]
    pub(crate) volume_folder: Option<PathBuf>,
    /// The node that keeps them [default: the first that takes pods]
    #[arg(long, value_name = "NAME")]
    pub(crate) volume_node: Option<String>,
    /// How long it may take until everything is ready
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    pub(crate) timeout: HumanDuration,
}

/// What is brought to a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Overlay {
    /// Everything, with a small Kafka and TimescaleDB
    #[default]
    Local,
    /// For a Kafka and a TimescaleDB that are there already
    Production,
}

/// Remove Podometer from a cluster; data and passwords stay
///
/// Orders that are under way end with it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  podometer down
  podometer down --delete-data     nothing stays: no samples, no workspaces, no passwords")]
pub(crate) struct DownArgs {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// Delete all data as well: the database, Kafka's messages, workspaces, passwords, the namespace
    #[arg(long)]
    pub(crate) delete_data: bool,
    /// How long it may take until everything is gone
    #[arg(long, value_name = "DURATION", default_value = "3m")]
    pub(crate) timeout: HumanDuration,
}

/// `KEY=VALUE`.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it with a name, '=' and the value".to_owned()),
    }
}
