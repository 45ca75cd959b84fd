//! What a launcher tells the runner about one attempt, and what a task is granted.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AttemptKey, ByteQuantity, CpuQuantity, HumanDuration, OrderId, OrderUid, TaskName,
    order::Messages,
};

/// Requested and allowed amounts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// What a node must have free.
    #[serde(default)]
    pub requests: Amounts,
    /// What it may use at most.
    #[serde(default)]
    pub limits: Amounts,
}

/// An amount of each kind.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Amounts {
    /// Processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<CpuQuantity>,
    /// Memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<ByteQuantity>,
}

/// The environment variable that carries the [`AttemptSpec`] to the runner, as JSON. The command
/// never sees it.
pub const SPEC_VARIABLE: &str = "PODOMETER_ATTEMPT";
/// The variable with the order's token where the spec, which many may read in a cluster, has none.
pub const TOKEN_VARIABLE: &str = "PODOMETER_TOKEN";
/// The variable with a properties file's text: further options of the runner's Kafka client.
pub const KAFKA_PROPERTIES_VARIABLE: &str = "PODOMETER_KAFKA_PROPERTIES";
/// The variable with the host of the stream, where only the runner's surroundings know it.
pub const STREAM_HOST_VARIABLE: &str = "PODOMETER_STREAM_HOST";
/// What is the runner's alone: its command never sees these variables.
pub const RUNNER_VARIABLES: [&str; 4] = [
    SPEC_VARIABLE,
    TOKEN_VARIABLE,
    KAFKA_PROPERTIES_VARIABLE,
    STREAM_HOST_VARIABLE,
];

/// A secret text: it is told to whom it concerns and never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(pub String);

impl Token {
    /// The token of an order where services share a secret instead of being told one: HMAC-SHA-256 (RFC
    /// 2104) of the order's uid, in hexadecimal. Without the secret nobody can guess it.
    pub fn derived(secret: &str, order_uid: OrderUid) -> Self {
        let digest = hmac_sha256::HMAC::mac(order_uid.to_string(), secret);
        let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let digit = |n| char::from_digit(u32::from(n), 16).unwrap_or_default();
        Self(digits.map(digit).collect())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// All that the runner needs for one attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptSpec {
    /// The order's id.
    pub order: OrderId,
    /// Which attempt this is.
    pub key: AttemptKey,
    /// The task's name.
    pub task: TaskName,
    /// The command and its arguments.
    pub argv: Vec<String>,
    /// Variables that the task gets beside the runner's own environment.
    pub env: BTreeMap<String, String>,
    /// Where it runs.
    pub working_dir: Option<PathBuf>,
    /// The image, if it runs in one.
    pub image: Option<String>,
    /// `sha256:...` of the image, where it is known beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    /// What it is granted.
    pub resources: Resources,
    /// How long it may run.
    pub timeout: Option<HumanDuration>,
    /// How long descendants get between TERM and KILL.
    pub grace: HumanDuration,
    /// The time between samples, 0.1 s to 60 s.
    pub period: HumanDuration,
    /// Who reports.
    pub messages: Messages,
    /// Which launcher started it.
    pub launcher: Launcher,
    /// Whether the runner stands in a cgroup that is this attempt's alone.
    pub own_cgroup: bool,
    /// Whether the network namespace is this attempt's alone.
    pub own_network: bool,
    /// The broker's address; `None` to measure without reporting.
    pub bus: Option<BusAddress>,
    /// What a reader of the stream must show.
    pub token: Token,
    /// The host name or address under which the stream can be reached.
    pub stream_host: String,
    /// The stream's port, where others must know it beforehand (a network policy names it); `None`
    /// for any that is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_port: Option<u16>,
    /// Whether the command starts only on the orchestrator's word, see [`crate::stream::Go`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wait: bool,
    /// The termination log.
    pub termination_log: PathBuf,
    /// Where the runner leaves what it could not tell the broker, see
    /// [`crate::termination::Undelivered`]; `None` to leave nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undelivered: Option<PathBuf>,
    /// Where the task may write its output.
    pub output_file: PathBuf,
    /// The order's input picture, for its facts.
    pub input: Option<PathBuf>,
    /// Where the command's standard output and error go.
    pub stdio: Stdio,
}

impl AttemptSpec {
    /// `<id>.<position>.<attempt>`: how plain-text tasks name their attempt.
    pub fn text_id(&self) -> String {
        format!("{}.{}.{}", self.order, self.key.position, self.key.attempt)
    }
}

/// Where a command's standard output and error go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stdio {
    /// To the runner's own; the last line is not looked at.
    Inherit,
    /// Straight into files; the last line of the first is the task's output if it wrote no other.
    Files {
        /// For standard output.
        out: PathBuf,
        /// For standard error.
        err: PathBuf,
    },
    /// Standard output through the runner to its own, standard error straight to the runner's own; the
    /// last line of the first is the task's output if it wrote no other.
    Tee,
}

/// What started a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Launcher {
    /// A process of this machine.
    Local,
    /// A Kubernetes Job.
    Kubernetes,
}

impl Launcher {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Kubernetes => "kubernetes",
        }
    }
}

/// How to reach the broker and which topics an order has there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BusAddress {
    /// `bootstrap.servers`.
    pub bootstrap_servers: String,
    /// Further client options; may hold credentials.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, Token>,
    /// The order's topics.
    pub topics: OrderTopics,
    /// How many partitions they have, where it is more than one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub partitions: BTreeMap<String, i32>,
}

/// The topics of one order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OrderTopics {
    /// ORDER, BACKLOG, HALT, STOP, TERMINATE.
    pub task: String,
    /// SAMPLE, RUN, STOP.
    pub resource: String,
    /// PROGRESS.
    pub orchestrator: String,
}

impl OrderTopics {
    /// The topics of an order that has its own.
    pub fn own(prefix: &str, order: &OrderId) -> Self {
        Self {
            task: format!("{prefix}task{order}"),
            resource: format!("{prefix}resource{order}"),
            orchestrator: format!("{prefix}orchestrator"),
        }
    }

    /// The topics that shared services use.
    pub fn shared(prefix: &str) -> Self {
        Self {
            task: format!("{prefix}shared-task"),
            resource: format!("{prefix}shared-resource"),
            orchestrator: format!("{prefix}orchestrator"),
        }
    }

    /// Whether other orders have the same ones.
    pub fn is_shared(&self) -> bool {
        let prefix = self.orchestrator.strip_suffix("orchestrator");
        prefix.is_some_and(|prefix| *self == Self::shared(prefix))
    }
}

/// What a service must know of an order to take part in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderHandle {
    /// The order's id.
    pub order: OrderId,
    /// The execution.
    pub order_uid: OrderUid,
    /// Its topics.
    pub topics: OrderTopics,
    /// What its runners ask readers of their streams for.
    pub token: Token,
}
