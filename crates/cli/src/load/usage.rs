//! What a person can get wrong beside an order's content.

use std::{io, net::SocketAddr, path::PathBuf};

use model::{OrderId, TaskName};
use thiserror::Error;

/// Bad input or usage; nothing was started.
#[derive(Debug, Error)]
pub(crate) enum Usage {
    /// Nothing was asked for.
    #[error("say what to do: `podometer --help` lists the commands")]
    NoCommand,
    /// A file that can't be read.
    #[error("{}: can't be read: {source}; check the path and its permissions", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// A file that is no order, whatever it is.
    #[error("{}: is longer than {max_mib} MiB, which no order is; check the path", path.display())]
    TooLong { path: PathBuf, max_mib: u64 },
    /// `--input` names nothing that an order can start from.
    #[error("--input: {0}")]
    Input(String),
    /// A file that came along with an order and is nothing that it can start from.
    #[error("input: {0}")]
    Carried(String),
    /// Two places to look at.
    #[error("--server names a server, and other options name {0}: give one of them")]
    TwoPlaces(&'static str),
    /// A server's address in the environment that is none.
    #[error("PODOMETER_SERVER: {0}")]
    ServerAddress(String),
    /// An option that a server can't be told.
    #[error("{option} goes with a cluster, not with a server: leave it out")]
    NotForServer { option: &'static str },
    /// What a server doesn't say.
    #[error(
        "--pipeline looks into the store itself: use it here, or with --cluster or --database-url"
    )]
    PipelineOfServer,
    /// A server that only shows.
    #[error("{url} takes no orders: it only shows what is stored")]
    ServerTakesNone { url: String },
    /// No such order.
    #[error("there is no order {order} in {data}; `podometer orders` lists those that there are")]
    UnknownOrder { order: OrderId, data: String },
    /// An order that this machine can't end.
    #[error(
        "order {order} isn't run out of this data folder: end it where it runs; on a cluster `podometer terminate \
         {order} --cluster`"
    )]
    RunElsewhere { order: OrderId },
    /// A way of ending that there is on a cluster only.
    #[error("--now ends orders on a cluster; here a second Ctrl-C where the order runs does so")]
    NowHere,
    /// An id that was used.
    #[error(
        "the id {order} was used before; `--again` loads it as {free}, or give the order another id"
    )]
    Taken { order: OrderId, free: OrderId },
    /// An id that was used before on a server.
    #[error(
        "{url} knows the id {order}: `--again` loads it under the next free one, or give the order another id"
    )]
    TakenOnServer { order: OrderId, url: String },
    /// An input and nowhere to put it.
    #[error(
        "--no-workspace: an order that starts from a file needs a workspace; leave the option out"
    )]
    InputWithoutWorkspace,
    /// Shared services are to go, and are needed.
    #[error(
        "the services that orders share are needed by orders under way: {orders}; wait for their end, `podometer \
         terminate` them, or keep the services with `podometer up --shared`"
    )]
    SharedInUse { orders: String },
    /// Options of a Kafka and no Kafka.
    #[error(
        "options for Kafka are given, but no Kafka is: name one with --bootstrap-servers HOST:PORT, or by \
         bootstrap.servers in a file for --kafka-config"
    )]
    NoKafka,
    /// Settings of the services that there aren't.
    #[error("--set: there is no setting {key}; there are: {known}")]
    UnknownSetting { key: String, known: String },
    /// An image of a part that there isn't.
    #[error("--set-image: there is no part {name} in this overlay; there are: {known}")]
    UnknownImage { name: String, known: String },
    /// The production overlay has no Kafka of its own.
    #[error(
        "the overlay production needs to know where Kafka is, as pods see it: --set BOOTSTRAP_SERVERS=HOST:PORT,..."
    )]
    NoKafkaOnCluster,
    /// The production overlay has no database of its own.
    #[error(
        "the overlay production needs to know where the database is, as pods see it: set PODOMETER_DATABASE_URL, or \
         make the Secret podometer-secrets with the key database-url first"
    )]
    NoDatabaseOnCluster,
    /// A database without its password.
    #[error(
        "namespace {namespace} has a database (claim timescaledb-data) but not its password: put it back into the \
         Secret podometer-secrets (keys database-password, database-url), or delete the data as well: `podometer down \
         --delete-data -n {namespace}`"
    )]
    NoPassword { namespace: String },
    /// Nowhere to put volumes.
    #[error(
        "the cluster makes no volumes (it has no default storage class), and none of its nodes is ready: name one with \
         --volume-node, or give the cluster a default storage class"
    )]
    NoNode,
    /// No such task in the order.
    #[error("order {order} has no run of a task {task}; it has: {known}")]
    UnknownTask {
        order: OrderId,
        task: TaskName,
        known: String,
    },
    /// An order that is under way.
    #[error("order {order} is {status}: what it took can be said when it has ended")]
    NotEnded {
        order: OrderId,
        status: model::Status,
    },
    /// A server that anybody could use.
    #[error(
        "{listen} can be reached from other machines, so a token is needed: make one with `openssl rand -hex 32 > \
         token.txt` and say --token-file token.txt (or set PODOMETER_TOKEN), or listen on 127.0.0.1"
    )]
    NoToken { listen: SocketAddr },
    /// A token that can be guessed or can't be sent.
    #[error(
        "{from}: a token has at least {min} characters, without blanks; make one with `openssl rand -hex 32`"
    )]
    BadToken { from: String, min: usize },
    /// An order without runs.
    #[error("order {order} has no runs yet, so that there is nothing to draw; it is {status}")]
    NoRuns {
        order: OrderId,
        status: model::Status,
    },
}
