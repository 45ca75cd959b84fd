//! `podometer up` and `podometer down`.

use std::collections::BTreeMap;

use k8s_openapi::{
    ByteString,
    api::{
        apps::v1::{Deployment, StatefulSet},
        batch::v1::Job,
        core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Pod, ResourceQuota, Secret},
    },
};
use kube::{
    Api, Client, ResourceExt,
    api::{ListParams, PostParams},
};
use serde_json::{Value, from_value, json};

use crate::{harness::Said, namespace::Space};

fn ok(said: &Said) {
    assert_eq!(said.code, Some(0), "{said:?}");
}

/// The generations of all workloads: they change with what was asked for.
async fn generations(client: Client) -> BTreeMap<String, Option<i64>> {
    let deployments: Api<Deployment> = Api::default_namespaced(client.clone());
    let sets: Api<StatefulSet> = Api::default_namespaced(client);
    let all = ListParams::default();
    let mut found: BTreeMap<_, _> = BTreeMap::new();
    for deployment in deployments.list(&all).await.unwrap() {
        found.insert(deployment.name_any(), deployment.metadata.generation);
    }
    for set in sets.list(&all).await.unwrap() {
        found.insert(set.name_any(), set.metadata.generation);
    }
    found
}

async fn secrets(client: Client) -> BTreeMap<String, ByteString> {
    let secrets: Api<Secret> = Api::default_namespaced(client);
    secrets
        .get("podometer-secrets")
        .await
        .unwrap()
        .data
        .unwrap()
}

async fn claims(client: Client) -> Vec<String> {
    let claims: Api<PersistentVolumeClaim> = Api::default_namespaced(client);
    claims
        .list(&ListParams::default())
        .await
        .unwrap()
        .iter()
        .map(ResourceExt::name_any)
        .collect()
}

async fn make<K>(client: Client, object: Value) -> K
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::Serialize
        + serde::de::DeserializeOwned,
{
    let api: Api<K> = Api::default_namespaced(client);
    api.create(&PostParams::default(), &from_value(object).unwrap())
        .await
        .unwrap()
}

#[test]
fn up_twice_down_twice_and_up_with_the_old_data() {
    let Some(space) = Space::new("up-down") else {
        return;
    };
    let said = space.up(&[]);
    ok(&said);
    assert!(said.err.starts_with("podometer up: context "), "{said:?}");
    assert!(
        said.err.contains(&format!("namespace {}", space.name)),
        "{said:?}"
    );
    let (generations_1, secrets_1) = (space.ask(generations), space.ask(secrets));
    assert_eq!(generations_1.len(), 4, "{generations_1:?}");
    assert_eq!(secrets_1.len(), 4);
    // Nothing changes by saying it again.
    ok(&space.up(&[]));
    assert_eq!(space.ask(generations), generations_1);
    assert_eq!(space.ask(secrets), secrets_1);
    // Other settings are read by another pod.
    ok(&space.up(&["--set", "PODOMETER_MAX_ORDERS=9"]));
    assert_ne!(
        space.ask(generations)["podometer-queue"],
        generations_1["podometer-queue"]
    );
    assert_eq!(space.ask(generations)["kafka"], generations_1["kafka"]);

    let data = ["kafka-data", "podometer-workspace", "timescaledb-data"];
    for expected in ["Podometer is down", "Podometer isn't there"] {
        let said = space.run(&["down"]);
        ok(&said);
        assert!(said.out.starts_with(expected), "{said:?}");
        assert_eq!(space.ask(claims), data);
        assert_eq!(space.ask(secrets), secrets_1);
    }
    assert!(space.ask(generations).is_empty());
    let pods = |client| async move {
        Api::<Pod>::default_namespaced(client)
            .list(&ListParams::default())
            .await
    };
    assert!(space.ask(pods).unwrap().items.is_empty());

    ok(&space.up(&[]));
    assert_eq!(space.ask(secrets), secrets_1);
    ok(&space.run(&["down", "--delete-data"]));
    let name = space.name.clone();
    let namespace = async |client| Api::<Namespace>::all(client).get_opt(&name).await.unwrap();
    assert!(space.ask(namespace).is_none());
    ok(&space.run(&["down", "--delete-data"]));
}

#[test]
fn down_ends_orders_and_keeps_their_workspaces() {
    let Some(space) = Space::new("down-orders") else {
        return;
    };
    ok(&space.up(&[]));
    let labels = json!({
        "app.kubernetes.io/name": "podometer", "app.kubernetes.io/managed-by": "podometer",
        "podometer.dev/order": "leaf-1", "podometer.dev/phase": "running",
    });
    let image = format!("podometer/orchestrator:{}", env!("CARGO_PKG_VERSION"));
    let job = json!({
        "metadata": {"name": "leaf-1-orchestrator", "labels": labels},
        "spec": {"template": {"metadata": {"labels": labels}, "spec": {
            "restartPolicy": "Never",
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "orchestrator", "image": image, "args": ["queue"], "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}],
        }}},
    });
    space.ask(async |client| {
        let job: Job = make(client.clone(), job).await;
        let owner = json!([{"apiVersion": "batch/v1", "kind": "Job", "name": job.name_any(), "uid": job.metadata.uid}]);
        let of = |name: &str| json!({"name": name, "labels": labels, "ownerReferences": owner});
        let claim = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
        make::<ConfigMap>(client.clone(), json!({"metadata": of("leaf-1-order")})).await;
        make::<Secret>(client.clone(), json!({"metadata": of("leaf-1-token")})).await;
        make::<PersistentVolumeClaim>(client, json!({"metadata": of("leaf-1-workspace"), "spec": claim})).await;
    });
    let said = space.run(&["down"]);
    ok(&said);
    assert!(
        said.err
            .contains("orders under way, which end with it: leaf-1"),
        "{said:?}"
    );
    assert!(space.ask(claims).contains(&"leaf-1-workspace".to_owned()));
    space.ask(async |client: Client| {
        let all = ListParams::default().labels("podometer.dev/order");
        assert!(
            Api::<Job>::default_namespaced(client.clone())
                .list(&all)
                .await
                .unwrap()
                .items
                .is_empty()
        );
        assert!(
            Api::<Secret>::default_namespaced(client.clone())
                .list(&all)
                .await
                .unwrap()
                .items
                .is_empty()
        );
        assert!(
            Api::<ConfigMap>::default_namespaced(client)
                .list(&all)
                .await
                .unwrap()
                .items
                .is_empty()
        );
    });
}

#[test]
fn an_image_that_is_not_there_is_said() {
    let Some(space) = Space::new("no-image") else {
        return;
    };
    let said = space.up(&[
        "--set-image",
        "orchestrator=podometer/none:0",
        "--timeout",
        "10s",
    ]);
    assert_eq!(said.code, Some(4), "{said:?}");
    let why = "Deployment podometer-queue: its image podometer/none:0 can't be had: ";
    assert!(said.err.contains(why), "{said:?}");
    assert!(said.err.contains("not ready after 10s"), "{said:?}");
}

#[test]
fn somebody_elses_namespace_keeps_its_labels_and_its_quota_is_said() {
    let Some(space) = Space::new("foreign") else {
        return;
    };
    let name = space.name.clone();
    space.ask(async |client: Client| {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let namespace = from_value(json!({"metadata": {"name": name}})).unwrap();
        namespaces
            .create(&PostParams::default(), &namespace)
            .await
            .unwrap();
        let quota = json!({"metadata": {"name": "few"}, "spec": {"hard": {"pods": "0"}}});
        make::<ResourceQuota>(client, quota).await;
    });
    let said = space.up(&["--timeout", "8s"]);
    assert_eq!(said.code, Some(4), "{said:?}");
    for workload in ["Deployment podometer-queue", "StatefulSet kafka"] {
        let lines = said.err.lines().filter(|line| line.starts_with(workload));
        assert!(
            lines.clone().any(|line| line.contains("exceeded quota")),
            "{workload}: {said:?}"
        );
    }
    ok(&space.run(&["down", "--delete-data"]));
    let namespace =
        space.ask(async |client| Api::<Namespace>::all(client).get(&name).await.unwrap());
    assert!(
        !namespace
            .labels()
            .contains_key("pod-security.kubernetes.io/enforce")
    );
}
