//! Waiting until workloads are ready.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::{
    Api,
    api::{ListParams, LogParams},
    core::DynamicObject,
};
use model::HumanDuration;
use thiserror::Error as ThisError;
use tokio::time::{Instant, sleep};

use super::{
    Cluster, Doing, Error, order,
    readiness::{self, State, Why},
};
use crate::output::Waiting;

/// How often the cluster is asked.
const EVERY: Duration = Duration::from_millis(500);
/// What is waited for while nobody answers.
const CLUSTER: &str = "the cluster";
/// How many of a container's last lines are shown.
const LINES: i64 = 5;

/// Something wasn't ready in time.
#[derive(Debug, ThisError)]
#[error(
    "not ready after {after}: {}; `podometer up` once more goes on waiting, --timeout makes it wait longer",
    .what.join("; ")
)]
pub(crate) struct NotReady {
    after: HumanDuration,
    what: Vec<String>,
}

/// Waits until all workloads among the objects are ready, and says what they wait for.
///
/// # Errors
/// If they aren't in time.
pub(crate) async fn until_ready(
    cluster: &Cluster,
    objects: &[DynamicObject],
    timeout: HumanDuration,
    progress: &mut Waiting,
) -> Result<()> {
    let is_workload =
        |object: &&DynamicObject| matches!(order::kind(object), "Deployment" | "StatefulSet");
    let workloads: Vec<_> = objects.iter().filter(is_workload).collect();
    let deadline = Instant::now() + timeout.get();
    loop {
        let late = Instant::now() >= deadline;
        match look(cluster, &workloads, progress).await {
            Ok(waiting) if waiting.is_empty() => return Ok(()),
            Ok(waiting) if late => {
                let mut what = Vec::new();
                for (title, why) in waiting {
                    let words = last_words(cluster, &why).await;
                    what.push(format!("{title}: {}{words}", why.text));
                }
                return Err(NotReady {
                    after: timeout,
                    what,
                }
                .into());
            }
            // An API server may be away for a moment, above all that of a cluster which has just been made.
            Err(error) if !late && error.is_unreachable() => {
                progress.waits(CLUSTER, "it doesn't answer");
            }
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        sleep(EVERY).await;
    }
}

/// What isn't ready now, and why.
async fn look(
    cluster: &Cluster,
    workloads: &[&DynamicObject],
    progress: &mut Waiting,
) -> Result<BTreeMap<String, Why>, Error> {
    let mut waiting = BTreeMap::new();
    let (pods, warnings) = around(cluster).await?;
    progress.forget(CLUSTER);
    for workload in workloads {
        let title = order::title(workload);
        let now = cluster.objects(workload).get(order::name(workload)).await;
        let now = now.doing(|| format!("looking at {title}"))?;
        match readiness::of(&now, &pods, &warnings) {
            State::Ready => progress.ready(&title),
            State::Waiting(why) => {
                progress.waits(&title, &why.text);
                waiting.insert(title, why);
            }
        }
    }
    Ok(waiting)
}

/// The pods and the warnings of the namespace.
async fn around(cluster: &Cluster) -> Result<(Vec<Pod>, Vec<Event>), Error> {
    let pods: Api<Pod> = Api::default_namespaced(cluster.client.clone());
    let ours = ListParams::default().labels("app.kubernetes.io/name=podometer");
    let pods = pods
        .list(&ours)
        .await
        .doing(|| "looking at pods".to_owned())?;
    let events: Api<Event> = Api::default_namespaced(cluster.client.clone());
    let warnings = ListParams::default().fields("type=Warning");
    let warnings = events
        .list(&warnings)
        .await
        .doing(|| "looking at events".to_owned())?;
    Ok((pods.items, warnings.items))
}

/// What a container that ended said last; nothing if that can't be had.
async fn last_words(cluster: &Cluster, why: &Why) -> String {
    let Some((pod, container)) = &why.logs else {
        return String::new();
    };
    let pods: Api<Pod> = Api::default_namespaced(cluster.client.clone());
    // Of the run that ended; of the one before if it has just begun anew.
    for previous in [false, true] {
        let params = LogParams {
            container: Some(container.clone()),
            previous,
            tail_lines: Some(LINES),
            ..LogParams::default()
        };
        let text = pods.logs(pod, &params).await.unwrap_or_default();
        // The kubelet says it in the log's stead if it has thrown the log away.
        if !text.trim().is_empty() && !text.starts_with("unable to retrieve") {
            let lines: Vec<_> = text.lines().map(str::trim).collect();
            return format!("; its last words: {}", lines.join(" | "));
        }
    }
    String::new()
}
