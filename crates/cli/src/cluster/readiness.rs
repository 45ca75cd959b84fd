//! What it means that something is ready, and why it isn't. Pure: it judges what the API server said.

use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod};
use kube::{ResourceExt, core::DynamicObject};
use serde_json::Value;

use super::order;

/// How a workload stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// All that was asked for runs and is ready.
    Ready,
    /// Not yet, and why.
    Waiting(Why),
}

/// Why something isn't ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Why {
    /// In words.
    pub(crate) text: String,
    /// The pod and the container whose last words would tell more.
    pub(crate) logs: Option<(String, String)>,
}

impl Why {
    fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { text, logs: None }
    }
}

/// How a Deployment or a `StatefulSet` stands, from itself, its pods and the warnings in its namespace.
pub(crate) fn of(workload: &DynamicObject, pods: &[Pod], warnings: &[Event]) -> State {
    if is_ready(workload) {
        return State::Ready;
    }
    let own = |pod: &&Pod| belongs(pod, workload) && pod.metadata.deletion_timestamp.is_none();
    let whys = pods
        .iter()
        .filter(own)
        .filter_map(|pod| pod_why(pod, warnings));
    // The newest pod is the one that is to become ready.
    let why = whys.max_by_key(|(created, _)| *created).map(|(_, why)| why);
    let why = why.or_else(|| refusal(workload)).or_else(|| {
        let said = last_warning(warnings, order::kind(workload), order::name(workload))?;
        Some(Why::text(said))
    });
    State::Waiting(why.unwrap_or_else(|| Why::text("its pod is being made")))
}

/// Whether what was asked for last is what runs, all of it.
fn is_ready(workload: &DynamicObject) -> bool {
    let number = |path: &str| workload.data.pointer(path).and_then(Value::as_i64);
    let wanted = number("/spec/replicas").unwrap_or(1);
    let seen = number("/status/observedGeneration") >= workload.metadata.generation;
    let ready = match order::kind(workload) {
        "Deployment" => number("/status/availableReplicas"),
        _ => number("/status/readyReplicas"),
    };
    let current = number("/status/updatedReplicas").unwrap_or(0) == wanted;
    // Pods of an earlier form count, too, until they are gone.
    let alone = number("/status/replicas").unwrap_or(0) == wanted;
    seen && current && alone && ready.unwrap_or(0) == wanted
}

fn belongs(pod: &Pod, workload: &DynamicObject) -> bool {
    let selector = workload
        .data
        .pointer("/spec/selector/matchLabels")
        .and_then(Value::as_object);
    selector.is_some_and(|selector| {
        selector
            .iter()
            .all(|(key, value)| pod.labels().get(key).map(String::as_str) == value.as_str())
    })
}

/// Why a pod isn't ready, and when it was made; nothing if it is ready.
fn pod_why(pod: &Pod, warnings: &[Event]) -> Option<(i64, Why)> {
    let created = pod
        .creation_timestamp()
        .map_or(0, |time| time.0.as_second());
    let status = pod.status.clone().unwrap_or_default();
    let conditions = status.conditions.unwrap_or_default();
    let is = |what: &str| conditions.iter().find(|condition| condition.type_ == what);
    if is("Ready").is_some_and(|ready| ready.status == "True") {
        return None;
    }
    if let Some(scheduled) = is("PodScheduled").filter(|scheduled| scheduled.status == "False") {
        let message = scheduled
            .message
            .as_deref()
            .unwrap_or("no node was found for it");
        return Some((created, Why::text(format!("no node takes it: {message}"))));
    }
    let first = status.init_container_statuses.unwrap_or_default();
    let containers = status.container_statuses.unwrap_or_default();
    let name = pod.name_any();
    let said = first
        .iter()
        .chain(&containers)
        .find_map(|container| container_why(&name, container));
    let starting = || match last_warning(warnings, "Pod", &name) {
        Some(said) => Why::text(said),
        None if containers.iter().any(|c| c.started == Some(true)) => {
            Why::text("it runs and isn't ready yet")
        }
        None => Why::text("it starts"),
    };
    Some((created, said.unwrap_or_else(starting)))
}

/// What is wrong with a container; nothing if it just begins.
fn container_why(pod: &str, container: &ContainerStatus) -> Option<Why> {
    let state = container.state.clone().unwrap_or_default();
    let last = container
        .last_state
        .clone()
        .and_then(|last| last.terminated);
    let waiting = state.waiting.unwrap_or_default();
    let reason = waiting.reason.as_deref().unwrap_or_default();
    let message = waiting.message.as_deref().unwrap_or_default();
    // Between two starts it has ended or waits for the next one: the same news.
    let again = last.filter(|_| reason == "CrashLoopBackOff");
    if let Some(ended) = state
        .terminated
        .or(again)
        .filter(|ended| ended.exit_code != 0)
    {
        let often = if container.restart_count > 0 {
            "it ends again and again"
        } else {
            "it ended"
        };
        return Some(Why {
            text: format!("{often}: {}", end(ended.exit_code, ended.reason.as_deref())),
            logs: Some((pod.to_owned(), container.name.clone())),
        });
    }
    match reason {
        "" | "ContainerCreating" | "PodInitializing" => None,
        "ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull" | "InvalidImageName" => {
            Some(Why::text(image_why(&container.image, message)))
        }
        other => Some(Why::text(format!("{other}: {message}"))),
    }
}

fn image_why(image: &str, message: &str) -> String {
    // The kubelet tries, and pauses between two tries: the same news, said in two ways.
    let cause = message
        .split_once("ErrImagePull: ")
        .map_or(message, |(_, cause)| cause);
    let advice = if image.starts_with("podometer/") {
        "; build_service.sh makes and loads it, and --registry or --set-image name another one"
    } else {
        ""
    };
    format!("its image {image} can't be had: {cause}{advice}")
}

fn end(code: i32, reason: Option<&str>) -> String {
    match reason {
        Some("OOMKilled") => "killed for its memory (OOMKilled)".to_owned(),
        Some("Error") | None => format!("exit code {code}"),
        Some(reason) => format!("exit code {code}, {reason}"),
    }
}

/// What keeps a Deployment from making pods: a quota, a pod security standard.
fn refusal(workload: &DynamicObject) -> Option<Why> {
    let conditions = workload.data.pointer("/status/conditions")?.as_array()?;
    let failure = conditions
        .iter()
        .find(|c| c["type"] == "ReplicaFailure" && c["status"] == "True")?;
    Some(Why::text(failure["message"].as_str()?))
}

/// The latest warning about an object.
fn last_warning(warnings: &[Event], kind: &str, name: &str) -> Option<String> {
    let about = |event: &&Event| {
        let object = &event.involved_object;
        object.kind.as_deref() == Some(kind) && object.name.as_deref() == Some(name)
    };
    // A probe that fails says nothing while the start takes its time; and what is wrong with a container is
    // said better by its state.
    let telling = |event: &&Event| {
        let reason = event.reason.as_deref().unwrap_or_default();
        !matches!(reason, "Unhealthy" | "Failed" | "BackOff")
    };
    let time = |event: &&Event| {
        let last = event.last_timestamp.as_ref().map(|time| time.0);
        last.or(event.event_time.as_ref().map(|time| time.0))
    };
    let latest = warnings
        .iter()
        .filter(about)
        .filter(telling)
        .max_by_key(time)?;
    latest.message.clone()
}

#[cfg(test)]
#[path = "readiness_tests.rs"]
mod tests;
