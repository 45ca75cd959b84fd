//! Taking Podometer off a cluster. What is ours is known by its labels, whichever overlay made it.

use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PersistentVolumeClaim};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use serde_json::Value;
use thiserror::Error as ThisError;
use tokio::time::{Instant, sleep};

use super::{Cluster, Doing, Error, apply::MANAGED, order};
use crate::{load::Usage, output::Waiting};

/// How often the cluster is asked.
const EVERY: Duration = Duration::from_millis(300);
/// On everything that is ours.
const OURS: &str = "app.kubernetes.io/managed-by=podometer";
/// On what belongs to an order.
const OF_AN_ORDER: &str = "app.kubernetes.io/managed-by=podometer,podometer.dev/order";
/// On the state of orders that have not ended.
const UNDER_WAY: &str = "podometer.dev/phase in (queued, running)";
/// On the services that orders share.
const SHARED: &str = "app.kubernetes.io/managed-by=podometer,podometer.dev/services=shared";
/// On the state of orders that need them: one that has ended is being stored.
const NEEDS_SHARED: &str =
    "podometer.dev/services=shared,podometer.dev/phase in (queued, running, stopped)";

/// Something didn't go in time.
#[derive(Debug, ThisError)]
#[error("still there after {after}: {what}; `podometer down` once more goes on waiting")]
pub(crate) struct NotGone {
    after: model::HumanDuration,
    what: String,
}

/// A kind of object: group, version, name.
type Kind = (&'static str, &'static str, &'static str);

const POD: Kind = ("", "v1", "Pod");
const CLAIM: Kind = ("", "v1", "PersistentVolumeClaim");
const VOLUME: Kind = ("", "v1", "PersistentVolume");
const SECRET: Kind = ("", "v1", "Secret");
const DEPLOYMENT: Kind = ("apps", "v1", "Deployment");
const JOB: Kind = ("batch", "v1", "Job");
/// What goes when nobody works with it any more; pods are last because others take them along.
const REST: [Kind; 9] = [
    ("apps", "v1", "StatefulSet"),
    ("", "v1", "Service"),
    ("policy", "v1", "PodDisruptionBudget"),
    ("", "v1", "ConfigMap"),
    ("networking.k8s.io", "v1", "NetworkPolicy"),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding"),
    ("rbac.authorization.k8s.io", "v1", "Role"),
    ("", "v1", "ServiceAccount"),
    POD,
];

/// Removes Podometer from a namespace, step by step, so that each part ends in good form.
pub(crate) struct Removal<'a> {
    cluster: &'a Cluster,
    until: Instant,
    timeout: model::HumanDuration,
    progress: &'a mut Waiting,
    /// How many objects were removed.
    removed: usize,
}

impl<'a> Removal<'a> {
    /// Of a cluster, in a time.
    pub(crate) fn new(
        cluster: &'a Cluster,
        timeout: model::HumanDuration,
        progress: &'a mut Waiting,
    ) -> Self {
        let until = Instant::now() + timeout.get();
        Self {
            cluster,
            until,
            timeout,
            progress,
            removed: 0,
        }
    }

    /// Removes what runs and what it needs, and says how many objects that were.
    ///
    /// # Errors
    /// If something isn't gone in time.
    pub(crate) async fn services(&mut self, keep_workspaces: bool) -> Result<usize> {
        // First who would start more.
        self.all(&[DEPLOYMENT], OURS).await?;
        if keep_workspaces {
            self.release_workspaces().await?;
        }
        // Orchestrators and monitors still have Kafka and the database while they end.
        self.all(&[JOB], OURS).await?;
        self.gone(&[POD], OF_AN_ORDER).await?;
        self.all(&[SECRET], OF_AN_ORDER).await?;
        self.all(&REST, OURS).await?;
        Ok(self.removed)
    }

    /// Removes the services that orders share.
    ///
    /// # Errors
    /// If orders need them, or something isn't gone in time.
    pub(crate) async fn shared_services(&mut self) -> Result<()> {
        refuse_if_shared(self.cluster).await?;
        self.all(&[DEPLOYMENT], SHARED).await?;
        self.gone(&[POD], SHARED).await
    }

    /// Removes data and passwords too, and the namespace if it is ours. Says which folders of nodes stay.
    ///
    /// # Errors
    /// If something isn't gone in time.
    pub(crate) async fn data(&mut self) -> Result<Vec<String>> {
        self.all(&[CLAIM, SECRET], OURS).await?;
        let mut folders = Vec::new();
        let volumes = match self.list(VOLUME, OURS).await {
            // Who may work in one namespace alone has made none.
            Err(error) if error.is_forbidden() => Vec::new(),
            volumes => volumes?,
        };
        let ours = volumes.into_iter().filter(|volume| {
            let of = volume
                .data
                .pointer("/spec/claimRef/namespace")
                .and_then(Value::as_str);
            of == Some(&self.cluster.namespace)
        });
        for volume in ours.collect::<Vec<_>>() {
            folders.extend(
                super::volumes::place(&volume)
                    .map(|(node, folder)| format!("{folder} of node {node}")),
            );
            self.delete(VOLUME, &volume).await?;
        }
        match self.cluster.namespace_object().await {
            Ok(Some(found)) if is_ours(&found) => self.namespace().await?,
            Ok(_) => {}
            Err(error) if error.is_forbidden() => {}
            Err(error) => return Err(error.into()),
        }
        Ok(folders)
    }

    async fn namespace(&mut self) -> Result<()> {
        let name = &self.cluster.namespace;
        let api: Api<Namespace> = Api::all(self.cluster.client.clone());
        let deleted = api.delete(name, &DeleteParams::default()).await;
        match deleted.doing(|| format!("deleting namespace {name}")) {
            Err(error) if error.is_forbidden() => {
                let said = format!("namespace {name} stays, empty: you may not delete it");
                self.progress.line(&said);
                return Ok(());
            }
            deleted => drop(unless_missing(deleted)?),
        }
        self.removed += 1;
        while let Some(left) = self.cluster.namespace_object().await? {
            let conditions = left
                .status
                .and_then(|status| status.conditions)
                .unwrap_or_default();
            let holds = conditions
                .into_iter()
                .find(|c| c.type_.ends_with("Remaining") && c.status == "True");
            let why = holds
                .and_then(|condition| condition.message)
                .unwrap_or_default();
            self.pause("namespace", format!("namespace {name} {why}").trim_end())
                .await?;
        }
        Ok(())
    }

    /// Takes the workspaces of orders away from the orders' Jobs, which would take them along.
    async fn release_workspaces(&self) -> Result<(), Error> {
        let api: Api<PersistentVolumeClaim> = Api::default_namespaced(self.cluster.client.clone());
        let workspaces = api.list(&ListParams::default().labels(OF_AN_ORDER)).await;
        for claim in workspaces.doing(|| "looking for workspaces".to_owned())? {
            let free = serde_json::json!({"metadata": {"ownerReferences": null}});
            let name = claim.name_any();
            let done = api
                .patch(&name, &PatchParams::default(), &Patch::Merge(free))
                .await;
            unless_missing(done.doing(|| format!("keeping workspace {name}")))?;
        }
        Ok(())
    }

    /// Deletes all objects of the kinds, and waits until they are gone.
    async fn all(&mut self, kinds: &[Kind], which: &str) -> Result<()> {
        for kind in kinds {
            for object in self.list(*kind, which).await? {
                self.delete(*kind, &object).await?;
            }
        }
        self.gone(kinds, which).await
    }

    async fn delete(&mut self, kind: Kind, object: &DynamicObject) -> Result<(), Error> {
        let name = order::name(object);
        // In the foreground: who is gone has no pods any more.
        let deleted = self
            .api(kind)
            .delete(name, &DeleteParams::foreground())
            .await;
        let deleted = deleted.doing(|| format!("deleting {} {name}", kind.2));
        self.removed += usize::from(unless_missing(deleted)?.is_some() && kind != POD);
        Ok(())
    }

    /// Waits until no object of the kinds is left.
    async fn gone(&mut self, kinds: &[Kind], which: &str) -> Result<()> {
        loop {
            let mut left = Vec::new();
            for kind in kinds {
                let found = self.list(*kind, which).await?;
                left.extend(
                    found
                        .iter()
                        .map(|object| format!("{} {}", kind.2, order::name(object))),
                );
            }
            if left.is_empty() {
                return Ok(());
            }
            self.pause(kinds[0].2, &shortened(&left)).await?;
        }
    }

    /// Waits a little for what is still there, or not any more.
    async fn pause(&mut self, step: &str, what: &str) -> Result<()> {
        if Instant::now() >= self.until {
            let (after, what) = (self.timeout, what.to_owned());
            return Err(NotGone { after, what }.into());
        }
        self.progress.until_gone(step, what);
        sleep(EVERY).await;
        Ok(())
    }

    async fn list(&self, kind: Kind, which: &str) -> Result<Vec<DynamicObject>, Error> {
        let found = self
            .api(kind)
            .list(&ListParams::default().labels(which))
            .await;
        let found = found.doing(|| format!("looking for objects of kind {}", kind.2));
        Ok(unless_missing(found)?
            .map(|list| list.items)
            .unwrap_or_default())
    }

    fn api(&self, kind: Kind) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(kind.0, kind.1, kind.2));
        if kind == VOLUME {
            Api::all_with(self.cluster.client.clone(), &resource)
        } else {
            Api::default_namespaced_with(self.cluster.client.clone(), &resource)
        }
    }
}

/// The orders that have not ended.
pub(crate) async fn under_way(cluster: &Cluster) -> Result<Vec<String>, Error> {
    orders(cluster, UNDER_WAY).await
}

/// Says which orders need the services that orders share, if there are any.
///
/// # Errors
/// There are.
pub(crate) async fn refuse_if_shared(cluster: &Cluster) -> Result<()> {
    let orders = orders(cluster, NEEDS_SHARED).await?;
    if orders.is_empty() {
        return Ok(());
    }
    let orders = shortened(&orders);
    Err(Usage::SharedInUse { orders }.into())
}

async fn orders(cluster: &Cluster, which: &str) -> Result<Vec<String>, Error> {
    let api: Api<ConfigMap> = Api::default_namespaced(cluster.client.clone());
    let found = api.list(&ListParams::default().labels(which)).await;
    let orders = found.doing(|| "looking for orders".to_owned())?;
    Ok(orders
        .iter()
        .filter_map(|order| order.labels().get("podometer.dev/order").cloned())
        .collect())
}

/// Whether `up` made a namespace.
pub(crate) fn is_ours(namespace: &Namespace) -> bool {
    namespace.labels().get(MANAGED.0).map(String::as_str) == Some(MANAGED.1)
}

/// Nothing instead of an error if the object, or its kind, isn't there.
fn unless_missing<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Err(error) if error.is_not_found() => Ok(None),
        other => other.map(Some),
    }
}

/// The first few of them.
fn shortened(all: &[String]) -> String {
    const SHOWN: usize = 4;
    let shown = all[..all.len().min(SHOWN)].join(", ");
    match all.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
