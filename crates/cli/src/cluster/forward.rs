//! Ways to what listens in the cluster.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::{Api, api::ListParams};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tracing::debug;

use super::{Cluster, Doing, Error};

impl Cluster {
    /// A port of this machine that leads to a service, if the namespace has one of this name. It is there as
    /// long as this program is.
    ///
    /// # Errors
    /// The service has no pod that is ready.
    pub(crate) async fn forward(&self, service: &str, port: u16) -> Result<Option<SocketAddr>> {
        let services: Api<Service> = Api::default_namespaced(self.client.clone());
        let found = services.get_opt(service).await;
        let found = found.doing(|| format!("looking for Service {service}"))?;
        let Some(selector) = found.and_then(|found| found.spec?.selector) else {
            return Ok(None);
        };
        let selector: Vec<_> = selector
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let pods: Api<Pod> = Api::default_namespaced(self.client.clone());
        let all = pods
            .list(&ListParams::default().labels(&selector.join(",")))
            .await;
        let all = all.doing(|| format!("looking for the pods of Service {service}"))?;
        let ready = all
            .items
            .into_iter()
            .find(is_ready)
            .and_then(|pod| pod.metadata.name);
        let pod = ready.with_context(|| {
            format!(
                "Service {service} has no pod that is ready: kubectl -n {} get pods",
                self.namespace
            )
        })?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        tokio::spawn(serve(listener, pods, pod, port));
        Ok(Some(address))
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|one| one.type_ == "Ready" && one.status == "True")
}

async fn serve(listener: TcpListener, pods: Api<Pod>, pod: String, port: u16) {
    while let Ok((connection, _)) = listener.accept().await {
        let (pods, pod) = (pods.clone(), pod.clone());
        tokio::spawn(async move {
            if let Err(error) = pass(connection, &pods, &pod, port).await {
                debug!("the way to {pod}:{port}: {error:#}");
            }
        });
    }
}

async fn pass(mut here: TcpStream, pods: &Api<Pod>, pod: &str, port: u16) -> Result<()> {
    let forwarded = pods.portforward(pod, &[port]).await;
    let mut forwarder = forwarded.map_err(|error| Error::new("opening a port", error))?;
    let mut there = forwarder.take_stream(port).context("no stream")?;
    copy_bidirectional(&mut here, &mut there).await?;
    Ok(())
}
