//! What the services of a cluster are told by their environment.

use model::OrderUid;

use super::record::InputFile;

/// What an orchestrator needs to know of its cluster: the ConfigMap `podometer-config` gives it.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct Config {
    /// The namespace
    #[arg(long, env = "PODOMETER_NAMESPACE", default_value = "podometer")]
    pub namespace: String,
    /// This pod's UID, by which it is told from others
    #[arg(long, env = "PODOMETER_POD_UID", default_value = "")]
    pub pod_uid: String,
    /// When images are pulled
    #[arg(
        long,
        env = "PODOMETER_IMAGE_PULL_POLICY",
        default_value = "IfNotPresent"
    )]
    pub pull_policy: String,
    /// A claim that all orders share, each in a folder of its own, instead of a claim per order
    #[arg(long, env = "PODOMETER_WORKSPACE_CLAIM")]
    pub workspace_claim: Option<String>,
    /// The size of an order's own claim
    #[arg(long, env = "PODOMETER_WORKSPACE_SIZE", default_value = "1Gi")]
    pub workspace_size: String,
    /// Its storage class; the cluster's default if there is none
    #[arg(long, env = "PODOMETER_WORKSPACE_CLASS")]
    pub workspace_class: Option<String>,
    /// How long a pod may find no node before its attempt has failed, seconds
    #[arg(long, env = "PODOMETER_UNSCHEDULABLE_SECONDS", default_value_t = 300)]
    pub unschedulable_seconds: u64,
    /// Registries that speak HTTP without TLS
    #[arg(
        long,
        value_name = "HOST:PORT,...",
        env = "PODOMETER_PLAIN_HTTP_REGISTRIES",
        value_delimiter = ','
    )]
    pub plain_http_registries: Vec<String>,
    /// The images of the services.
    #[command(flatten)]
    pub images: Images,
}

/// The images of the services.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct Images {
    /// Of orchestrators
    #[arg(
        long,
        env = "PODOMETER_IMAGE_ORCHESTRATOR",
        default_value = "podometer/orchestrator:0.1.0"
    )]
    pub orchestrator: String,
    /// Of monitor-producers
    #[arg(
        long,
        env = "PODOMETER_IMAGE_MONITOR_PRODUCER",
        default_value = "podometer/monitor-producer:0.1.0"
    )]
    pub monitor_producer: String,
    /// Of monitor-consumers
    #[arg(
        long,
        env = "PODOMETER_IMAGE_MONITOR_CONSUMER",
        default_value = "podometer/monitor-consumer:0.1.0"
    )]
    pub monitor_consumer: String,
    /// Of the runner
    #[arg(
        long,
        env = "PODOMETER_IMAGE_TASK_RUNNER",
        default_value = "podometer/task-runner:0.1.0"
    )]
    pub task_runner: String,
}

/// The folder of an order in a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// The claim.
    pub claim: String,
    /// The execution.
    pub order_uid: OrderUid,
    /// Who puts there what tasks need.
    pub filled_by: FilledBy,
}

/// Who puts the runner and the input into the folder of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilledBy {
    /// The orchestrator, once, at the beginning.
    Orchestrator,
    /// The pods of the tasks, for the orchestrator has not the volume: this input the first task's, and each
    /// the runner, in a volume of its own.
    Pods(Option<InputFile>),
}

impl Volume {
    /// The folder of the order within the volume.
    pub fn folder(&self) -> String {
        self.order_uid.to_string()
    }

    /// The folder with the runner within the volume.
    pub fn bin(&self) -> String {
        format!("{}/bin", self.order_uid)
    }

    /// The folder that tasks share within the volume.
    pub fn workspace(&self) -> String {
        format!("{}/workspace", self.order_uid)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn config() -> Config {
        Config {
            namespace: "podometer".to_owned(),
            pod_uid: "p".to_owned(),
            pull_policy: "IfNotPresent".to_owned(),
            workspace_claim: None,
            workspace_size: "1Gi".to_owned(),
            workspace_class: None,
            unschedulable_seconds: 300,
            plain_http_registries: Vec::new(),
            images: Images {
                orchestrator: "podometer/orchestrator:0.1.0".to_owned(),
                monitor_producer: "podometer/monitor-producer:0.1.0".to_owned(),
                monitor_consumer: "podometer/monitor-consumer:0.1.0".to_owned(),
                task_runner: "podometer/task-runner:0.1.0".to_owned(),
            },
        }
    }
}
