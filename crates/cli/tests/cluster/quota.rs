//! Quotas: one without room is said, one with room for one pod is enough for pods made ready ahead, too.

use k8s_openapi::api::{core::v1::ResourceQuota, scheduling::v1::PriorityClass};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::kit::{Kit, block_on, kit, shell, unique};

/// A quota of so many pods, which holds only for pods of its own priority class: not for other tests.
fn quota(kit: &Kit, name: &str, pods: u32) {
    let class: PriorityClass = serde_json::from_value(json!({
        "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
        "metadata": { "name": name }, "value": 0,
    }))
    .unwrap();
    let quota: ResourceQuota = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": name },
        "spec": {
            "hard": { "pods": pods.to_string() },
            "scopeSelector": { "matchExpressions": [
                { "scopeName": "PriorityClass", "operator": "In", "values": [name] },
            ] },
        },
    }))
    .unwrap();
    let apply = PatchParams::apply("podometer-tests").force();
    let classes: Api<PriorityClass> = Api::all(kit.client());
    let quotas: Api<ResourceQuota> = Api::default_namespaced(kit.client());
    block_on(async {
        let class = classes.patch(name, &apply, &Patch::Apply(&class)).await;
        class.unwrap();
        let quota = quotas.patch(name, &apply, &Patch::Apply(&quota)).await;
        quota.unwrap();
    });
}

fn within(class: &str, mut task: Value) -> Value {
    task["pod"] = json!({ "priorityClassName": class });
    task
}

#[test]
fn a_quota_without_room() {
    let Some(kit) = kit() else { return };
    let class = "podometer-test-quota-0";
    quota(kit, class, 0);
    let tasks = [within(class, shell("never", "true"))];
    let end = kit.run(&json!({ "id": unique("quota"), "tasks": tasks }), 1);
    let message = end["message"].as_str().unwrap();
    assert!(message.contains("exceeded quota"), "{end:#}");
    assert_eq!(end["runs"][0]["reason"], "unschedulable", "{end:#}");
}

/// The second pod can't be made while the first one is there. Needs a patient orchestrator: Kubernetes takes its
/// time to try again.
pub(crate) fn room_for_one_of_two(kit: &Kit) {
    let class = "podometer-test-quota-1";
    quota(kit, class, 1);
    let tasks =
        ["one", "two"].map(|name| within(class, shell(name, &format!("sleep 2; echo {name}"))));
    let order = json!({ "id": unique("quota"), "tasks": tasks, "prewarm": true });
    let end = kit.run(&order, 0);
    let outputs: Vec<_> = end["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["output"])
        .collect();
    assert_eq!(outputs, ["one", "two"], "{end:#}");
}
