//! What the API server says, and what people read.

#![allow(clippy::needless_pass_by_value, reason = "json! makes values")]

use serde_json::{Value, from_value, json};

use super::*;

fn workload(kind: &str, status: Value) -> DynamicObject {
    from_value(json!({
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "queue", "generation": 2},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "queue"}}},
        "status": status,
    }))
    .unwrap()
}

fn pod(name: &str, created: &str, status: Value) -> Pod {
    from_value(json!({
        "metadata": {"name": name, "creationTimestamp": created, "labels": {"app": "queue"}},
        "status": status,
    }))
    .unwrap()
}

fn container(state: Value, last: Value, restarts: i32) -> Value {
    json!({"conditions": [{"type": "Ready", "status": "False"}], "containerStatuses": [{
        "name": "main", "image": "podometer/orchestrator:1", "imageID": "", "ready": false,
        "restartCount": restarts, "started": state.get("running").is_some(), "state": state, "lastState": last,
    }]})
}

fn warning(kind: &str, name: &str, reason: &str, message: &str, time: &str) -> Event {
    from_value(json!({
        "metadata": {"name": "e"}, "reason": reason, "message": message, "lastTimestamp": time,
        "involvedObject": {"kind": kind, "name": name},
    }))
    .unwrap()
}

fn why(pods: &[Pod], warnings: &[Event]) -> Why {
    match of(&workload("Deployment", json!({})), pods, warnings) {
        State::Ready => panic!("it is ready"),
        State::Waiting(why) => why,
    }
}

#[test]
fn ready_is_all_of_what_was_asked_for_last() {
    let done = json!({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1});
    let is =
        |kind: &str, status: &Value| of(&workload(kind, status.clone()), &[], &[]) == State::Ready;
    assert!(is("Deployment", &done));
    let stateful =
        json!({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1});
    assert!(is("StatefulSet", &stateful));
    // Available is what a Deployment counts, ready what a StatefulSet does.
    assert!(!is("StatefulSet", &done) && !is("Deployment", &stateful));
    for (field, value) in [
        ("observedGeneration", 1),
        ("replicas", 2),
        ("updatedReplicas", 0),
        ("availableReplicas", 0),
    ] {
        let mut status = done.clone();
        status[field] = value.into();
        assert!(!is("Deployment", &status), "{field}");
    }
    assert!(!is("Deployment", &json!({})));
}

#[test]
fn nothing_wanted_is_ready_when_nothing_is_left() {
    let mut none = workload("StatefulSet", json!({"observedGeneration": 2}));
    none.data["spec"]["replicas"] = 0.into();
    assert_eq!(of(&none, &[], &[]), State::Ready);
}

#[test]
fn reasons_in_words() {
    let early = "2026-01-01T00:00:00Z";
    let running = json!({"running": {}});
    let creating = json!({"waiting": {"reason": "ContainerCreating"}});
    let pull = "failed to resolve reference: no such host";
    let unscheduled = json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient memory."}]});
    let ended = json!({"terminated": {"exitCode": 7, "reason": "Error"}});
    let killed = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
    let waits =
        |reason: &str, message: &str| json!({"waiting": {"reason": reason, "message": message}});
    let cases = [
        ("unschedulable", unscheduled),
        ("creating", container(creating, json!({}), 0)),
        ("running", container(running, json!({}), 0)),
        (
            "pulling",
            container(waits("ErrImagePull", pull), json!({}), 0),
        ),
        (
            "pausing",
            container(
                waits(
                    "ImagePullBackOff",
                    &format!("Back-off pulling image \"x\": ErrImagePull: {pull}"),
                ),
                json!({}),
                0,
            ),
        ),
        (
            "no secret",
            container(
                waits("CreateContainerConfigError", "secret \"s\" not found"),
                json!({}),
                0,
            ),
        ),
        ("ended", container(ended.clone(), json!({}), 0)),
        ("ended again", container(ended.clone(), ended.clone(), 2)),
        (
            "crash loop",
            container(waits("CrashLoopBackOff", "back-off 10s"), ended, 2),
        ),
        (
            "out of memory",
            container(waits("CrashLoopBackOff", "back-off 10s"), killed, 1),
        ),
    ];
    let said = |(name, status): (&str, Value)| {
        let why = why(&[pod("queue-1", early, status)], &[]);
        format!(
            "{name}: {}{}",
            why.text,
            if why.logs.is_some() {
                " (with its last words)"
            } else {
                ""
            }
        )
    };
    insta::assert_snapshot!(cases.map(said).join("\n"));
}

#[test]
fn warnings_tell_what_states_do_not() {
    let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z");
    let creating = || {
        container(
            json!({"waiting": {"reason": "ContainerCreating"}}),
            json!({}),
            0,
        )
    };
    let pods = [pod("queue-1", early, creating())];
    let warnings = [
        warning(
            "Pod",
            "queue-1",
            "FailedMount",
            "path \"/srv\" does not exist",
            early,
        ),
        warning(
            "Pod",
            "queue-1",
            "Unhealthy",
            "Readiness probe failed",
            late,
        ),
        warning("Pod", "other", "FailedMount", "of another pod", late),
        warning(
            "Deployment",
            "queue",
            "FailedCreate",
            "exceeded quota",
            late,
        ),
    ];
    assert_eq!(why(&pods, &warnings).text, "path \"/srv\" does not exist");
    assert_eq!(why(&[], &warnings).text, "exceeded quota");
    assert_eq!(why(&[], &[]).text, "its pod is being made");
}

#[test]
fn a_refused_pod_and_the_newest_pod() {
    let refused = json!({"conditions": [{"type": "ReplicaFailure", "status": "True", "message": "violates PodSecurity"}]});
    let State::Waiting(why_refused) = of(&workload("Deployment", refused), &[], &[]) else {
        panic!()
    };
    assert_eq!(why_refused.text, "violates PodSecurity");
    let old = container(json!({"terminated": {"exitCode": 1}}), json!({}), 0);
    let new = container(json!({"running": {}}), json!({}), 0);
    let pods = [
        pod("queue-2", "2026-01-01T00:00:05Z", new),
        pod("queue-1", "2026-01-01T00:00:00Z", old),
    ];
    assert_eq!(why(&pods, &[]).text, "it runs and isn't ready yet");
}
