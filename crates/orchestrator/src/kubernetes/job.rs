//! The Job of one attempt. Pure: order + position + attempt -> Job.

use k8s_openapi::{api::batch::v1::Job, apimachinery::pkg::apis::meta::v1::OwnerReference};
use model::{OrderId, OrderUid, Task, attempt::Amounts};
use serde_json::{Map, Value, json};

use super::{
    config::{Config, FilledBy, Volume},
    images::{self, Image},
    names, places,
    record::{CHUNK, InputFile},
    spec::{STREAM_PORT, Told},
};
use crate::{OrderRequest, plan::At};

/// The user that runs what names no other.
pub(super) const USER: i64 = 65532;
/// How much longer than the runner's own time-out the wider net waits, seconds: for the pod's start, and
/// for the runner's end.
const NET: i64 = 15 * 60;

/// What an attempt's Job is made of, beside the order.
pub(super) struct Parts<'a> {
    /// The order's Job, which owns this one.
    pub(super) owner: OwnerReference,
    /// What the cluster's services have been told.
    pub(super) config: &'a Config,
    /// Where the order's folder is, if it has one.
    pub(super) volume: Option<&'a Volume>,
    /// What the container is told.
    pub(super) told: &'a Told,
    /// What is known of the task's image.
    pub(super) image: Option<&'a Image>,
    /// Whether there are logins of registries.
    pub(super) pull_secret: bool,
}

/// The Job.
///
/// # Errors
/// What the task's `pod` says and Kubernetes doesn't know.
pub(super) fn job(
    request: &OrderRequest,
    at: At,
    parts: &Parts<'_>,
) -> Result<Job, serde_json::Error> {
    let (order, task) = (&request.order.id, &request.order.tasks[at.0.0 as usize]);
    let name = names::task(order, at);
    let labels = names::task_labels(order, task, at);
    let mut pod = pod(request, at, &name, parts);
    if let Some(more) = &task.pod {
        merge(&mut pod, &Value::Object(more.clone()));
        allow_root(&mut pod, more);
    }
    // A pod that waits would use up its time.
    let timeout = task.timeout.filter(|_| !parts.told.waits);
    let timeout = timeout.map(|timeout| timeout.get().as_secs() as i64 + NET);
    serde_json::from_value(json!({
        "metadata": {
            "name": name,
            "namespace": parts.config.namespace,
            "labels": labels,
            "annotations": { names::ORDER_UID: request.handle.order_uid },
            "ownerReferences": [parts.owner],
        },
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "activeDeadlineSeconds": timeout,
            "template": {
                "metadata": { "labels": labels },
                "spec": pod,
            },
        },
    }))
}

/// Whether a Job that is there already was made for this execution.
pub(super) fn is_of(job: &Job, order_uid: OrderUid) -> bool {
    let annotations = job.metadata.annotations.as_ref();
    let of = annotations.and_then(|all| all.get(names::ORDER_UID));
    of.is_some_and(|of| *of == order_uid.to_string())
}

fn pod(request: &OrderRequest, at: At, job: &str, parts: &Parts<'_>) -> Value {
    let (order, task) = (&request.order.id, &request.order.tasks[at.0.0 as usize]);
    let grace = request.grace.get().as_secs() * 2 + 15;
    json!({
        "restartPolicy": "Never",
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "serviceAccountName": "podometer-task",
        "terminationGracePeriodSeconds": grace,
        "imagePullSecrets": pull_secrets(parts),
        "securityContext": security_context(parts.image),
        "initContainers": init_containers(parts, at),
        "containers": [{
            "name": names::TASK_CONTAINER,
            "image": image(task, parts.image),
            "imagePullPolicy": parts.config.pull_policy,
            "command": [places::RUNNER],
            "env": environment(order, parts),
            "ports": [{ "name": "readings", "containerPort": STREAM_PORT }],
            "resources": { "requests": amounts(&task.resources.requests), "limits": amounts(&task.resources.limits) },
            "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] },
            },
            "volumeMounts": mounts(parts),
        }],
        "volumes": volumes(order, job, parts, at),
    })
}

/// An image whose entrypoint was looked up is the very one that was looked at.
fn image(task: &Task, known: Option<&Image>) -> Option<String> {
    let image = task.image.as_ref()?;
    let known = known.filter(|_| task.command.is_empty());
    Some(known.map_or_else(
        || image.clone(),
        |known| images::pinned(image, &known.digest),
    ))
}

/// One that isn't there would be complained of in each pod's events.
fn pull_secrets(parts: &Parts<'_>) -> Value {
    if parts.pull_secret {
        json!([{ "name": names::REGISTRY }])
    } else {
        json!([])
    }
}

/// The image's own user, if that is a number that isn't root's. What tasks share belongs to one group.
fn security_context(image: Option<&Image>) -> Value {
    let (user, group) = match image.and_then(|image| image.user) {
        Some(user) => (user.uid.into(), user.gid.map(i64::from)),
        None => (USER, Some(USER)),
    };
    json!({
        "runAsNonRoot": true, "runAsUser": user, "runAsGroup": group, "fsGroup": USER,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": { "type": "RuntimeDefault" },
    })
}

/// Who asks for root means it. Whether root may be is the namespace's to say.
fn allow_root(pod: &mut Value, asked: &Map<String, Value>) {
    let asked = asked.get("securityContext");
    let says = |name| asked.and_then(|asked| asked.get(name));
    if says("runAsUser") == Some(&json!(0)) && says("runAsNonRoot").is_none() {
        pod["securityContext"]["runAsNonRoot"] = json!(false);
    }
}

/// Whether the runner is in a volume already, for all of the order's pods.
fn has_runner(parts: &Parts<'_>) -> bool {
    let volume = parts.volume;
    volume.is_some_and(|volume| volume.filled_by == FilledBy::Orchestrator)
}

/// The input that this attempt's pod puts together.
fn input<'a>(parts: &Parts<'a>, at: At) -> Option<&'a InputFile> {
    match &parts.volume?.filled_by {
        FilledBy::Pods(input) if at.0.0 == 0 => input.as_ref(),
        _ => None,
    }
}

/// Where there is no volume into which the runner is put once, each pod gets a copy of its own.
fn init_containers(parts: &Parts<'_>, at: At) -> Value {
    let mut all = Vec::new();
    if !has_runner(parts) {
        let command = json!(["/task-runner", "install", places::BIN]);
        let mounts = json!([{ "name": "bin", "mountPath": places::BIN }]);
        all.push(init_container(parts, "runner", &command, &mounts));
    }
    if let (Some(input), Some(volume)) = (input(parts, at), parts.volume) {
        let file = format!("{}/{}", places::WORKSPACE, input.name);
        let command = json!(["/task-runner", "gather", places::INPUT, escaped(&file)]);
        let mounts = json!([
            { "name": "input", "mountPath": places::INPUT, "readOnly": true },
            { "name": "workspace", "mountPath": places::WORKSPACE, "subPath": volume.workspace() },
        ]);
        all.push(init_container(parts, "input", &command, &mounts));
    }
    Value::Array(all)
}

fn init_container(parts: &Parts<'_>, name: &str, command: &Value, mounts: &Value) -> Value {
    json!({
        "name": name,
        "image": parts.config.images.task_runner,
        "imagePullPolicy": parts.config.pull_policy,
        "command": command,
        "securityContext": {
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
        "volumeMounts": mounts,
    })
}

fn environment(order: &OrderId, parts: &Parts<'_>) -> Value {
    let told = parts.told.env.iter();
    let mut env: Vec<_> = told
        .map(|(name, value)| json!({ "name": name, "value": escaped(value) }))
        .collect();
    env.extend([
        json!({ "name": "PODOMETER_TOKEN",
            "valueFrom": { "secretKeyRef": { "name": names::token(order), "key": "token" } } }),
        json!({ "name": "PODOMETER_KAFKA_PROPERTIES", "valueFrom": { "secretKeyRef": {
            "name": "podometer-secrets", "key": "kafka.properties", "optional": true } } }),
        json!({ "name": "PODOMETER_STREAM_HOST",
            "valueFrom": { "fieldRef": { "fieldPath": "status.podIP" } } }),
    ]);
    Value::Array(env)
}

/// Kubernetes replaces `$(NAME)` in values, and takes `$$` for `$`.
fn escaped(value: &str) -> String {
    value.replace('$', "$$")
}

fn mounts(parts: &Parts<'_>) -> Value {
    let mut mounts = vec![json!({ "name": "run", "mountPath": places::RUN })];
    mounts.push(match parts.volume {
        Some(volume) if has_runner(parts) => {
            json!({ "name": "workspace", "mountPath": places::BIN, "subPath": volume.bin(), "readOnly": true })
        }
        _ => json!({ "name": "bin", "mountPath": places::BIN, "readOnly": true }),
    });
    if let Some(volume) = parts.volume {
        mounts.push(
            json!({ "name": "workspace", "mountPath": places::WORKSPACE, "subPath": volume.workspace() }),
        );
    }
    if parts.told.progress.is_some() {
        mounts.push(
            json!({ "name": "progress", "mountPath": places::PROGRESS_FOLDER, "readOnly": true }),
        );
    }
    Value::Array(mounts)
}

fn volumes(order: &OrderId, job: &str, parts: &Parts<'_>, at: At) -> Value {
    let mut volumes = vec![json!({ "name": "run", "emptyDir": {} })];
    if let Some(volume) = parts.volume {
        volumes.push(
            json!({ "name": "workspace", "persistentVolumeClaim": { "claimName": volume.claim } }),
        );
    }
    if !has_runner(parts) {
        volumes.push(json!({ "name": "bin", "emptyDir": {} }));
    }
    if let Some(input) = input(parts, at) {
        let chunks: Vec<_> = (0..input.chunks)
            .map(|chunk| {
                json!({ "configMap": { "name": names::input(order, chunk),
                    "items": [{ "key": CHUNK, "path": format!("{chunk:05}") }] } })
            })
            .collect();
        volumes.push(json!({ "name": "input", "projected": { "sources": chunks } }));
    }
    if parts.told.progress.is_some() {
        volumes.push(json!({ "name": "progress", "configMap": { "name": progress_map(job) } }));
    }
    Value::Array(volumes)
}

/// The ConfigMap with the earlier outputs for a Job.
pub(super) fn progress_map(job: &str) -> String {
    format!("{job}-progress")
}

fn amounts(amounts: &Amounts) -> Value {
    let mut map = Map::new();
    let text = |what: serde_json::Result<Value>| what.unwrap_or_default();
    if let Some(cpu) = &amounts.cpu {
        map.insert("cpu".to_owned(), text(serde_json::to_value(cpu)));
    }
    if let Some(memory) = &amounts.memory {
        map.insert("memory".to_owned(), text(serde_json::to_value(memory)));
    }
    Value::Object(map)
}

/// Lays one object over another: objects are merged, all else is replaced.
fn merge(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                merge(under.entry(name).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over.clone(),
    }
}

#[cfg(test)]
#[path = "job_tests.rs"]
mod tests;
