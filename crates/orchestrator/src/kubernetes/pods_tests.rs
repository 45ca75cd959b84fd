use model::{Attempt, OrderUid, Position, Totals};
use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp(7);

fn key() -> AttemptKey {
    AttemptKey {
        order_uid: OrderUid(uuid::Uuid::nil()),
        position: Position(0),
        attempt: Attempt(1),
    }
}

fn log(end: bool) -> String {
    let end = end.then(|| json!({
        "ended_at": 3, "exit_code": 137, "signal": null, "reason": "error", "message": null, "censored": false,
    }));
    let log = json!({
        "v": 1, "key": key(), "started_at": 1, "written_at": 2, "last_seq": 4,
        "totals": Totals::default(), "end": end, "delivered": true, "process_group": null,
    });
    log.to_string()
}

fn pod(status: &Value) -> Pod {
    serde_json::from_value(json!({ "metadata": { "name": "leaf-1-t0-1-x" }, "status": status }))
        .unwrap()
}

fn with_state(state: &Value) -> Pod {
    pod(&json!({ "phase": "Running", "containerStatuses": [{
        "name": "task", "image": "registry.example/hash:1.4", "imageID": "", "ready": false,
        "restartCount": 0, "state": state,
    }] }))
}

fn waiting(reason: &str, message: &str) -> Pod {
    with_state(&json!({ "waiting": { "reason": reason, "message": message } }))
}

fn ended(code: i32, reason: &str, message: &str) -> ExitView {
    let state = json!({ "terminated": {
        "exitCode": code, "reason": reason, "message": message, "finishedAt": "1970-01-01T00:00:05Z",
    } });
    match look(&with_state(&state), key(), NOW) {
        Look::Ended(exit) => *exit,
        other => panic!("{other:?}"),
    }
}

fn trouble_of(pod: &Pod) -> (Reason, bool) {
    match look(pod, key(), NOW) {
        Look::Stuck(trouble) => (trouble.reason, trouble.hopeless),
        other => panic!("{other:?}"),
    }
}

#[test]
fn ends_are_read_with_their_logs() {
    let killed = ended(137, "OOMKilled", &log(false));
    assert_eq!(
        (killed.runner, killed.oom_kills),
        (RunnerEnd::Signal(9), Some(1))
    );
    assert_eq!(killed.log.map(|log| log.last_seq), Some(4));
    // A command that exits with 137 was not killed.
    assert_eq!(ended(137, "Error", &log(true)).runner, RunnerEnd::Code(137));
    let well = ended(0, "Completed", "");
    assert_eq!(
        (well.runner, well.ended_at, well.log),
        (RunnerEnd::Code(0), Timestamp(5_000_000), None)
    );
    let said = ended(128, "StartError", "exec: no such file");
    assert_eq!(
        (said.runner, said.last_words.as_deref()),
        (RunnerEnd::Code(128), Some("exec: no such file"))
    );
}

#[test]
fn a_log_of_another_attempt_is_none() {
    let other = log(true).replace("\"attempt\":1", "\"attempt\":2");
    assert_eq!(ended(1, "Error", &other).log, None);
}

#[test]
fn what_keeps_it_from_starting() {
    let back_off = waiting("ImagePullBackOff", "Back-off pulling image");
    assert_eq!(trouble_of(&back_off), (Reason::Image, true));
    let refused = waiting("ErrImagePull", "rpc error: pull access Denied");
    assert_eq!(trouble_of(&refused), (Reason::Image, true));
    let away = waiting("ErrImagePull", "dial tcp: i/o timeout");
    assert_eq!(trouble_of(&away), (Reason::Image, false));
    let root = waiting(
        "CreateContainerConfigError",
        "container has runAsNonRoot and image will run as root",
    );
    assert_eq!(trouble_of(&root), (Reason::Error, true));
    let unschedulable = pod(&json!({ "phase": "Pending", "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes: Insufficient cpu",
    }] }));
    assert_eq!(trouble_of(&unschedulable), (Reason::Unschedulable, false));
    assert_eq!(
        look(&waiting("ContainerCreating", ""), key(), NOW),
        Look::Starting
    );
    assert_eq!(look(&pod(&json!({})), key(), NOW), Look::Starting);
    assert_eq!(
        look(&with_state(&json!({ "running": {} })), key(), NOW),
        Look::Running
    );
}

#[test]
fn causes_from_outside() {
    let evicted =
        pod(&json!({ "phase": "Failed", "reason": "Evicted", "message": "low on memory" }));
    let Look::Ended(exit) = look(&evicted, key(), NOW) else {
        panic!()
    };
    assert_eq!(
        (exit.cause, exit.last_words.as_deref()),
        (Some(Reason::Evicted), Some("low on memory"))
    );
    let disrupted = |reason: &str| {
        let pod = pod(&json!({ "phase": "Running", "conditions": [{
            "type": "DisruptionTarget", "status": "True", "reason": reason,
        }] }));
        gone(Some(&pod), key(), NOW).cause
    };
    assert_eq!(disrupted("EvictionByEvictionAPI"), Some(Reason::Evicted));
    assert_eq!(disrupted("DeletionByTaintManager"), Some(Reason::Lost));
    assert_eq!(gone(None, key(), NOW).cause, Some(Reason::Lost));
}

#[test]
fn quotas_and_policies() {
    let quota = |requested: &str| {
        let message = format!(
            "Error creating: pods \"a\" is forbidden: exceeded quota: q, requested: {requested}, \
             used: requests.cpu=1, limited: requests.cpu=2"
        );
        not_made(&message).hopeless
    };
    assert!(quota("requests.cpu=2500m"));
    assert!(!quota("requests.cpu=1500m"));
    assert!(not_made("pods \"a\" is forbidden: violates PodSecurity \"restricted\"").hopeless);
    assert!(!not_made("Internal error occurred: failed calling webhook").hopeless);
}
