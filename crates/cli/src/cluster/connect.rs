//! The way to a cluster.

use std::time::Duration;

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use tokio::time::timeout;

use super::{Doing, Error};
use crate::args::ClusterArgs;

/// How long a server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long it may take to answer for the first time.
const ANSWER: Duration = Duration::from_secs(20);
/// The name of the context inside of a pod, which has no kubeconfig.
const INSIDE: &str = "(this pod's cluster)";

/// A namespace of a cluster that answers.
#[derive(Clone)]
pub(crate) struct Cluster {
    /// To the API server.
    pub(crate) client: Client,
    /// Where everything of ours is.
    pub(crate) namespace: String,
    /// The kubeconfig's name for the cluster.
    pub(crate) context: String,
}

impl Cluster {
    /// Finds the cluster and sees that it answers.
    ///
    /// # Errors
    /// If the kubeconfig names none, or none that answers.
    pub(crate) async fn connect(args: &ClusterArgs) -> Result<Self, Error> {
        let namespace = args.namespace_or_default().to_owned();
        let (mut config, context) = config(args).await.map_err(Error::Kubeconfig)?;
        config.connect_timeout = Some(CONNECT);
        config.default_namespace.clone_from(&namespace);
        let address = config.cluster_url.to_string();
        let contacting = || format!("context {context}, {}", address.trim_end_matches('/'));
        let client = Client::try_from(config).doing(contacting)?;
        let answer = timeout(ANSWER, client.apiserver_version()).await;
        let silent = |late| kube::Error::Service(Box::new(late));
        answer.map_err(silent).flatten().doing(contacting)?;
        Ok(Self {
            client,
            namespace,
            context,
        })
    }

    /// Context and namespace, which those commands say first that change something.
    pub(crate) fn place(&self) -> String {
        format!("context {}, namespace {}", self.context, self.namespace)
    }
}

/// What the kubeconfig says, or else the pod that this is in.
async fn config(args: &ClusterArgs) -> Result<(Config, String), KubeconfigError> {
    let kubeconfig = match &args.kubeconfig {
        Some(file) => Kubeconfig::read_from(file),
        None => Kubeconfig::read(),
    };
    let kubeconfig = match kubeconfig {
        Err(KubeconfigError::ReadConfig(..) | KubeconfigError::FindPath)
            if args.kubeconfig.is_none() && args.context.is_none() =>
        {
            if let Ok(config) = Config::incluster() {
                return Ok((config, INSIDE.to_owned()));
            }
            kubeconfig?
        }
        other => other?,
    };
    let context = args.context.clone().or(kubeconfig.current_context.clone());
    let options = KubeConfigOptions {
        context: context.clone(),
        ..KubeConfigOptions::default()
    };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
    Ok((config, context.unwrap_or_default()))
}
