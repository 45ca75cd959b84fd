//! Images that say how they are run, from a registry that wants a login.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, api::PostParams};
use serde_json::{Value, json};

use crate::{
    kit::{Kit, SHELL, block_on, kit, unique},
    registry::{PASSWORD, TestRegistry, registry},
};

const BUSYBOX: &str = "/bin/busybox";

fn order(name: &str, tasks: &[Value]) -> Value {
    json!({ "id": unique(name), "tasks": tasks })
}

fn make<K>(kit: &Kit, object: Value)
where
    K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>
        + serde::Serialize
        + serde::de::DeserializeOwned
        + Clone
        + std::fmt::Debug,
{
    let api: Api<K> = Api::default_namespaced(kit.client());
    let object = serde_json::from_value(object).unwrap();
    block_on(async { api.create(&PostParams::default(), &object).await }).unwrap();
}

fn trust(kit: &Kit, registry: &TestRegistry) {
    let data = json!({ "ca.crt": registry.authority() });
    let metadata = json!({ "name": "podometer-registry-ca" });
    make::<ConfigMap>(kit, json!({ "metadata": metadata, "data": data }));
}

/// As `kubectl create secret docker-registry` does.
fn log_in(kit: &Kit, registry: &TestRegistry) {
    make::<Secret>(
        kit,
        json!({
            "metadata": { "name": "podometer-registry" },
            "type": "kubernetes.io/dockerconfigjson",
            "stringData": { ".dockerconfigjson": registry.config_json(PASSWORD) },
        }),
    );
}

/// The image of each way to be run, and what the task's output must be.
async fn push(registry: &TestRegistry) -> Vec<(Value, &'static str)> {
    let says = json!({ "Entrypoint": [BUSYBOX, "echo"], "Cmd": ["from", "cmd"] });
    let ids = "echo $(busybox id -u):$(busybox id -g)";
    let who = json!({ "Entrypoint": [BUSYBOX, "sh", "-c", ids], "User": "1234:5678", "Env": ["PATH=/bin"] });
    let root = json!({ "Cmd": [BUSYBOX, "id", "-u"], "User": "root" });
    let alone = json!({ "Entrypoint": ["/echo", "alone"] });
    let folder = json!({ "Entrypoint": ["./busybox", "pwd"], "WorkingDir": "/bin" });
    registry.push("run/says:1", says, &[BUSYBOX]).await;
    registry.push("run/who:1", who, &[BUSYBOX]).await;
    registry.push("run/root:1", root, &[BUSYBOX]).await;
    registry.push("run/alone:1", alone, &["/echo"]).await;
    registry.push("run/folder:1", folder, &[BUSYBOX]).await;
    let image = |name: &str| registry.image(&format!("run/{name}:1"));
    vec![
        (
            json!({ "name": "says", "image": image("says") }),
            "from cmd",
        ),
        (
            json!({ "name": "args", "image": image("says"), "args": ["given"] }),
            "given",
        ),
        (json!({ "name": "who", "image": image("who") }), "1234:5678"),
        (
            json!({ "name": "command", "image": image("who"), "command": [BUSYBOX, "id", "-u"] }),
            "1234",
        ),
        (json!({ "name": "root", "image": image("root") }), "65532"),
        (json!({ "name": "alone", "image": image("alone") }), "alone"),
        (
            json!({ "name": "folder", "image": image("folder") }),
            "/bin",
        ),
    ]
}

#[test]
fn images_are_run_as_they_say_once_there_is_a_login() {
    let (Some(kit), Some(registry)) = (kit(), registry()) else {
        return;
    };
    let all = block_on(push(&registry));
    trust(kit, &registry);
    let tasks: Vec<_> = all.iter().map(|(task, _)| task.clone()).collect();
    let end = kit.run(&order("locked", &tasks), 1);
    assert_eq!(end["status"], "failed", "{end:#}");
    assert_eq!(end["runs"], json!([]), "{end:#}");
    let message = end["message"].as_str().unwrap();
    for part in [
        "task says",
        "run/says:1",
        "kubectl create secret docker-registry podometer-registry",
    ] {
        assert!(message.contains(part), "{message}");
    }
    log_in(kit, &registry);
    let end = kit.run(&order("says", &tasks), 0);
    let runs = end["runs"].as_array().unwrap();
    for (run, (task, output)) in runs.iter().zip(&all) {
        assert_eq!(run["output"], *output, "{run:#}");
        let looked_up = task.get("command").is_none();
        assert_eq!(run["image_digest"].is_string(), looked_up, "{run:#}");
    }
}

#[test]
fn root_where_the_namespace_takes_none_is_said_soon() {
    let Some(kit) = kit() else { return };
    let task = json!({
        "name": "root", "image": SHELL, "command": ["/bin/true"],
        "pod": { "securityContext": { "runAsUser": 0 } },
    });
    let began = Instant::now();
    let end = kit.run(&order("root", &[task]), 1);
    let took = began.elapsed();
    let message = end["message"].as_str().unwrap();
    assert!(message.contains("violates PodSecurity"), "{end:#}");
    assert!(message.contains("runAsUser"), "{end:#}");
    eprintln!("refused after {took:?}");
    assert!(took < Duration::from_mins(1), "{took:?}");
}

#[test]
fn what_this_user_may_not_run_is_said_with_what_to_do() {
    let Some(kit) = kit() else { return };
    let task = json!({ "name": "denied", "image": SHELL, "command": ["/etc/hosts"] });
    let end = kit.run(&order("denied", &[task]), 1);
    let message = end["message"].as_str().unwrap();
    for part in ["user 65532", "securityContext"] {
        assert!(message.contains(part), "{message}");
    }
}
