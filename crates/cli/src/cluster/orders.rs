//! Orders as they stand on a cluster.

use std::collections::BTreeMap;

use anyhow::Result;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams},
};
use model::{AttemptKey, OrderId, Status};
use orchestrator::{
    clock,
    kubernetes::{
        names,
        pods::{Look, look, not_made},
        read_order,
        record::{self, Ahead, OrderRecord, Phase, State},
        why_no_pod,
    },
    plan::At,
};
use serde_json::json;

use super::{Cluster, Doing};
use crate::load::Usage;

/// An order on the cluster.
pub(crate) struct Found {
    pub(crate) record: OrderRecord,
    pub(crate) state: State,
}

impl Found {
    /// How it stands.
    pub(crate) fn status(&self) -> Status {
        match (self.state.status, self.state.phase) {
            (Some(status), Phase::Over) => status,
            (_, Phase::Queued) => Status::Queued,
            _ => Status::Running,
        }
    }
}

impl Cluster {
    fn maps(&self) -> Api<ConfigMap> {
        Api::default_namespaced(self.client.clone())
    }

    /// The orders that the cluster knows, the oldest first.
    pub(crate) async fn orders(&self) -> Result<Vec<Found>> {
        self.orders_with(names::PHASE).await
    }

    /// Those that nobody has begun with.
    pub(crate) async fn queued(&self) -> Result<Vec<Found>> {
        let queued = Phase::Queued.as_str();
        self.orders_with(&format!("{}={queued}", names::PHASE))
            .await
    }

    async fn orders_with(&self, labels: &str) -> Result<Vec<Found>> {
        let all = self
            .maps()
            .list(&ListParams::default().labels(labels))
            .await;
        let all = all.doing(|| "listing orders".to_owned())?;
        let read = |map| {
            read_order(map)
                .ok()
                .map(|(record, state)| Found { record, state })
        };
        let mut orders: Vec<_> = all.items.iter().filter_map(read).collect();
        orders.sort_by_key(|one| (one.record.created_at, one.record.order_uid));
        Ok(orders)
    }

    /// An order, if the cluster knows it.
    pub(crate) async fn order(&self, order: &OrderId) -> Result<Option<Found>> {
        let map = self.maps().get_opt(&names::order_map(order)).await;
        let map = map.doing(|| format!("looking for order {order}"))?;
        Ok(match map {
            Some(map) => {
                let (record, state) = read_order(&map)?;
                Some(Found { record, state })
            }
            None => None,
        })
    }

    /// An order that must be there.
    pub(crate) async fn order_or_usage(&self, order: &OrderId) -> Result<Found> {
        let unknown = || Usage::UnknownOrder {
            order: order.clone(),
            data: self.place(),
        };
        Ok(self.order(order).await?.ok_or_else(unknown)?)
    }

    /// Notes that a person wants an order to end.
    pub(crate) async fn terminate(&self, order: &OrderId, now: bool) -> Result<()> {
        let wish = if now { record::HARD } else { record::SOFT };
        let patch = Patch::Merge(json!({ "data": { record::TERMINATE: wish } }));
        let name = names::order_map(order);
        let done = self
            .maps()
            .patch(&name, &PatchParams::default(), &patch)
            .await;
        done.doing(|| format!("ending order {order}"))?;
        Ok(())
    }

    /// The pods of an order's tasks, by attempt.
    pub(crate) async fn task_pods(&self, order: &OrderId) -> Result<BTreeMap<At, Pod>> {
        let pods: Api<Pod> = Api::default_namespaced(self.client.clone());
        let of = format!("{}=task,{}={order}", names::COMPONENT, names::ORDER);
        let all = pods.list(&ListParams::default().labels(&of)).await;
        let all = all.doing(|| format!("listing the pods of {order}"))?;
        Ok(all
            .items
            .into_iter()
            .filter_map(|pod| Some((at(&pod)?, pod)))
            .collect())
    }

    /// What keeps the tasks of an order from starting, in words.
    pub(crate) async fn troubles(&self, found: &Found) -> Result<Vec<String>> {
        let order = &found.record.order;
        let pods = self.task_pods(&order.id).await?;
        let mut said = Vec::new();
        for noted in &found.state.attempts {
            let at = noted.at();
            let Some(task) = order
                .tasks
                .get(at.0.0 as usize)
                .filter(|_| noted.end.is_none() && noted.ahead != Some(Ahead::Waits))
            else {
                continue;
            };
            let key = AttemptKey {
                order_uid: found.record.order_uid,
                position: at.0,
                attempt: at.1,
            };
            let trouble = match pods.get(&at).map(|pod| look(pod, key, clock::system())) {
                Some(Look::Stuck(trouble)) => Some(trouble.message),
                Some(_) => None,
                None => {
                    let job = names::task(&order.id, at);
                    // Whoever may not see events is not told.
                    let why = why_no_pod(&self.client, &self.namespace, &job).await;
                    why.ok().flatten().map(|why| not_made(&why).message)
                }
            };
            if let Some(why) = trouble {
                said.push(format!("task {} ({}) waits: {why}", at.0.0 + 1, task.name));
            }
        }
        Ok(said)
    }
}

fn at(pod: &Pod) -> Option<At> {
    let labels = pod.metadata.labels.as_ref()?;
    let position = labels.get(names::POSITION)?.parse().ok()?;
    Some((position, labels.get(names::ATTEMPT)?.parse().ok()?))
}
