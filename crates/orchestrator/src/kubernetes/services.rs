//! The Jobs of an order's own services. Pure.

use k8s_openapi::{
    api::{batch::v1::Job, core::v1::PersistentVolumeClaim},
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use model::{OrderId, OrderUid};
use serde_json::{Value, json};

use super::{
    config::{Config, Volume},
    job::USER,
    names, places,
};

/// The Job that takes an order through its tasks.
pub(super) const ORCHESTRATOR: &str = "orchestrator";
/// The Job that collects its samples.
pub(super) const PRODUCER: &str = "monitor-producer";
/// The Job that stores them.
pub(super) const CONSUMER: &str = "monitor-consumer";
/// How often a service may be begun anew: more often than anything can kill it.
const RESTARTS: i32 = 100_000;
/// Where `podometer-config` has the services serve metrics.
const METRICS_PORT: u16 = 9464;
/// What is left of an order goes so long after its end, seconds.
pub(super) const TTL: i32 = 24 * 60 * 60;

/// A service of an order: which one, its image, and what is its own.
struct Service<'a> {
    name: &'a str,
    image: &'a str,
    account: &'a str,
    arguments: Value,
    env: Vec<Value>,
    mounts: Vec<Value>,
    volumes: Vec<Value>,
}

/// The orchestrator's Job, which owns everything of the order. It goes a day after its end, with all.
///
/// # Errors
/// None that data can cause.
pub(super) fn orchestrator(
    config: &Config,
    order: &OrderId,
    order_uid: OrderUid,
    volume: Option<&Volume>,
) -> Result<Job, serde_json::Error> {
    let claim = |volume: &Volume| json!({ "name": "workspace", "persistentVolumeClaim": { "claimName": volume.claim } });
    let mount = |_: &Volume| json!({ "name": "workspace", "mountPath": places::VOLUME });
    let service = Service {
        name: ORCHESTRATOR,
        image: &config.images.orchestrator,
        account: "podometer-orchestrator",
        arguments: json!(["order"]),
        env: vec![
            json!({ "name": "PODOMETER_NAMESPACE", "valueFrom": { "fieldRef": { "fieldPath": "metadata.namespace" } } }),
            json!({ "name": "PODOMETER_POD_UID", "valueFrom": { "fieldRef": { "fieldPath": "metadata.uid" } } }),
        ],
        mounts: volume
            .map(mount)
            .into_iter()
            .chain(registry_mounts())
            .collect(),
        volumes: volume
            .map(claim)
            .into_iter()
            .chain(registry_volumes())
            .collect(),
    };
    let mut job = job(config, order, order_uid, None, service)?;
    if let Some(spec) = &mut job.spec {
        spec.ttl_seconds_after_finished = Some(TTL);
    }
    Ok(job)
}

/// The logins and the authority of registries, where somebody has put them: the kubelet reads them, so that
/// no right is needed.
fn registry_volumes() -> [Value; 2] {
    [
        json!({ "name": "registry", "secret": {
            "secretName": names::REGISTRY, "optional": true,
            "items": [{ "key": ".dockerconfigjson", "path": "config.json" }] } }),
        json!({ "name": "registry-ca", "configMap": { "name": names::REGISTRY_CA, "optional": true } }),
    ]
}

fn registry_mounts() -> [Value; 2] {
    [
        json!({ "name": "registry", "mountPath": places::REGISTRY, "readOnly": true }),
        json!({ "name": "registry-ca", "mountPath": places::REGISTRY_CA, "readOnly": true }),
    ]
}

/// The Jobs of the two monitors.
///
/// # Errors
/// None that data can cause.
pub(super) fn monitors(
    config: &Config,
    order: &OrderId,
    order_uid: OrderUid,
    owner: &OwnerReference,
) -> Result<[Job; 2], serde_json::Error> {
    let monitor = |name, image, env| Service {
        name,
        image,
        account: "podometer-service",
        arguments: json!([]),
        env,
        mounts: Vec::new(),
        volumes: Vec::new(),
    };
    let database = json!({ "name": "DATABASE_URL", "valueFrom": { "secretKeyRef": {
        "name": "podometer-secrets", "key": "database-url" } } });
    let producer = monitor(PRODUCER, &config.images.monitor_producer, Vec::new());
    let consumer = monitor(CONSUMER, &config.images.monitor_consumer, vec![database]);
    Ok([
        job(config, order, order_uid, Some(owner), producer)?,
        job(config, order, order_uid, Some(owner), consumer)?,
    ])
}

fn job(
    config: &Config,
    order: &OrderId,
    order_uid: OrderUid,
    owner: Option<&OwnerReference>,
    service: Service<'_>,
) -> Result<Job, serde_json::Error> {
    let labels = names::labels(order, service.name);
    let mut env = vec![
        json!({ "name": "PODOMETER_ORDER", "value": order }),
        json!({ "name": "PODOMETER_ORDER_UID", "value": order_uid }),
        json!({ "name": "PODOMETER_TOKEN",
            "valueFrom": { "secretKeyRef": { "name": names::token(order), "key": "token" } } }),
        json!({ "name": "PODOMETER_KAFKA_PROPERTIES", "valueFrom": { "secretKeyRef": {
            "name": "podometer-secrets", "key": "kafka.properties", "optional": true } } }),
    ];
    env.extend(service.env);
    serde_json::from_value(json!({
        "metadata": {
            "name": names::service(order, service.name),
            "namespace": config.namespace,
            "labels": labels,
            "annotations": { names::ORDER_UID: order_uid },
            "ownerReferences": owner.into_iter().collect::<Vec<_>>(),
        },
        "spec": {
            "backoffLimit": RESTARTS,
            "template": {
                "metadata": { "labels": labels },
                "spec": {
                    "restartPolicy": "OnFailure",
                    "enableServiceLinks": false,
                    "serviceAccountName": service.account,
                    "automountServiceAccountToken": service.name == ORCHESTRATOR,
                    "securityContext": {
                        "runAsNonRoot": true, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
                        "fsGroupChangePolicy": "OnRootMismatch",
                        "seccompProfile": { "type": "RuntimeDefault" },
                    },
                    "containers": [{
                        "name": service.name,
                        "image": service.image,
                        "imagePullPolicy": config.pull_policy,
                        "args": service.arguments,
                        "ports": [{ "name": "metrics", "containerPort": METRICS_PORT }],
                        "envFrom": [{ "configMapRef": { "name": "podometer-config" } }],
                        "env": env,
                        "resources": { "requests": { "cpu": "10m", "memory": "32Mi" } },
                        "securityContext": {
                            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                            "capabilities": { "drop": ["ALL"] },
                        },
                        "terminationMessagePolicy": "FallbackToLogsOnError",
                        "volumeMounts": service.mounts,
                    }],
                    "volumes": service.volumes,
                },
            },
        },
    }))
}

/// The claim of an order's own workspace.
///
/// # Errors
/// A size that is no quantity.
pub(super) fn claim(
    config: &Config,
    order: &OrderId,
    owner: &OwnerReference,
) -> Result<PersistentVolumeClaim, serde_json::Error> {
    serde_json::from_value(json!({
        "metadata": {
            "name": names::workspace(order),
            "namespace": config.namespace,
            "labels": names::labels(order, "workspace"),
            "ownerReferences": [owner],
        },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": config.workspace_class,
            "resources": { "requests": { "storage": config.workspace_size } },
        },
    }))
}

#[cfg(test)]
#[path = "services_tests.rs"]
mod tests;
