//! How orders end on a cluster, and what stands of them then.

use std::time::Duration;

use kube::api::{DeleteParams, EvictParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::{
    harness::{Place, until},
    kit::{Kit, block_on, kill_pods, kit, shell, unique},
};

/// How an attempt ends whose pod is deleted: its runner, which is signalled, may be the first to say so.
const GONE: [&str; 3] = ["lost", "signal", "terminated"];
const LONG: Duration = Duration::from_mins(1);

pub(crate) fn order(id: &str, tasks: &[Value]) -> Value {
    json!({ "id": id, "tasks": tasks })
}

/// The only run of an order that failed.
fn the_run(order: &Value) -> &Value {
    assert_eq!(order["status"], "failed", "{order:#}");
    let runs = order["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1, "{order:#}");
    &runs[0]
}

#[test]
fn an_exit_code_that_is_not_0() {
    let Some(kit) = kit() else { return };
    let end = kit.run(
        &order(&unique("code"), &[shell("bad", "echo no >&2; exit 3")]),
        1,
    );
    let run = the_run(&end);
    assert_eq!(
        (&run["reason"], &run["exit_code"]),
        (&json!("error"), &json!(3)),
        "{run:#}"
    );
    assert_eq!(run["samples"], run["stored_samples"]);
}

#[test]
fn out_of_memory() {
    let Some(kit) = kit() else { return };
    // A shell that holds ever more.
    let mut hungry = shell("hungry", "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done");
    hungry["resources"] = json!({ "limits": { "memory": "48Mi" } });
    let end = kit.run(&order(&unique("oom"), &[hungry]), 1);
    let run = the_run(&end);
    assert_eq!(run["reason"], "oom_killed", "{run:#}");
    assert!(run["stored_samples"].as_u64() >= Some(1), "{run:#}");
}

#[test]
fn an_image_that_is_not_there() {
    let Some(kit) = kit() else { return };
    let task = json!({ "name": "none", "image": "registry.invalid/none:1", "command": ["/none"] });
    let end = kit.run(&order(&unique("image"), &[task]), 1);
    let message = end["message"].as_str().unwrap();
    assert!(message.contains("registry.invalid/none:1"), "{end:#}");
    assert_eq!(the_run(&end)["reason"], "image", "{end:#}");
}

#[test]
fn no_node_has_so_much() {
    let Some(kit) = kit() else { return };
    let mut large = shell("large", "true");
    large["resources"] = json!({ "requests": { "memory": "900Gi" } });
    let end = kit.run(&order(&unique("large"), &[large]), 1);
    assert!(
        end["message"]
            .as_str()
            .unwrap()
            .contains("nsufficient memory"),
        "{end:#}"
    );
    assert_eq!(the_run(&end)["reason"], "unschedulable", "{end:#}");
}

#[test]
fn past_its_time() {
    let Some(kit) = kit() else { return };
    let mut slow = shell("slow", "sleep 60");
    slow["timeout"] = json!("2s");
    let end = kit.run(&order(&unique("slow"), &[slow]), 1);
    assert_eq!(the_run(&end)["reason"], "timed_out", "{end:#}");
}

/// The wider net, for a runner that doesn't end its command in time.
#[test]
fn past_the_time_of_its_job() {
    let Some(kit) = kit() else { return };
    let place = Place::new();
    let tasks = [shell("slow", "sleep 600")];
    let id = kit.load(&place, &order(&unique("net"), &tasks));
    let job = format!("{id}-t0-1");
    await_running(kit, &job);
    let shorter = Patch::Merge(json!({ "spec": { "activeDeadlineSeconds": 1 } }));
    let jobs = kit.jobs();
    block_on(async {
        jobs.patch(&job, &PatchParams::default(), &shorter)
            .await
            .unwrap();
    });
    let end = kit.follow(&place, &id, 1);
    let run = the_run(&end);
    assert_eq!(run["reason"], "timed_out", "{end:#}");
    assert!(run["stored_samples"].as_u64() >= Some(2), "{run:#}");
}

#[test]
fn a_retry_after_a_killed_pod() {
    let Some(kit) = kit() else { return };
    let place = Place::new();
    let script = "[ $PODOMETER_ATTEMPT_NUMBER = 2 ] && echo again || sleep 60";
    let mut task = shell("killed", script);
    task["retries"] = json!(1);
    let id = kit.load(&place, &order(&unique("retry"), &[task]));
    await_running(kit, &format!("{id}-t0-1"));
    kill_pods(kit, &format!("{id}-t0-1"));
    let end = kit.follow(&place, &id, 0);
    let runs = end["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2, "{end:#}");
    assert!(
        GONE.contains(&runs[0]["reason"].as_str().unwrap()),
        "{end:#}"
    );
    assert!(runs[0]["stored_samples"].as_u64() >= Some(2), "{end:#}");
    assert_eq!(runs[1]["output"], "again", "{end:#}");
}

#[test]
fn an_eviction_uses_up_no_retry() {
    let Some(kit) = kit() else { return };
    let place = Place::new();
    let script = "[ $PODOMETER_ATTEMPT_NUMBER = 2 ] && echo again || sleep 60";
    let id = kit.load(&place, &order(&unique("evict"), &[shell("moved", script)]));
    let job = format!("{id}-t0-1");
    await_running(kit, &job);
    let pods = kit.pods();
    let of = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={job}"));
    block_on(async {
        let pod = pods.list(&of).await.unwrap().items.remove(0);
        let name = pod.metadata.name.unwrap();
        pods.evict(&name, &EvictParams::default()).await.unwrap();
    });
    let end = kit.follow(&place, &id, 0);
    let runs = end["runs"].as_array().unwrap();
    let reasons: Vec<_> = runs.iter().map(|run| &run["reason"]).collect();
    assert_eq!(reasons, ["evicted", "completed"], "{end:#}");
    assert!(runs[0]["stored_samples"].as_u64() >= Some(2), "{end:#}");
}

#[test]
fn a_deleted_job() {
    let Some(kit) = kit() else { return };
    let place = Place::new();
    let id = kit.load(
        &place,
        &order(&unique("gone"), &[shell("gone", "sleep 60")]),
    );
    let job = format!("{id}-t0-1");
    await_running(kit, &job);
    let jobs = kit.jobs();
    block_on(async {
        jobs.delete(&job, &DeleteParams::background())
            .await
            .unwrap();
    });
    let end = kit.follow(&place, &id, 1);
    assert!(
        GONE.contains(&the_run(&end)["reason"].as_str().unwrap()),
        "{end:#}"
    );
}

#[test]
fn terminated() {
    let Some(kit) = kit() else { return };
    let place = Place::new();
    let id = kit.load(
        &place,
        &order(
            &unique("term"),
            &[shell("long", "sleep 60"), shell("never", "true")],
        ),
    );
    await_running(kit, &format!("{id}-t0-1"));
    kit.terminate(&place, &id);
    let end = kit.follow(&place, &id, 1);
    assert_eq!(end["status"], "terminated", "{end:#}");
    assert_eq!(end["runs"].as_array().unwrap().len(), 1, "{end:#}");
}

#[test]
fn logs_and_an_id_that_was_used() {
    let Some(kit) = kit() else { return };
    let place = Place::new();
    let id = kit.load(
        &place,
        &order(&unique("logs"), &[shell("talk", "echo one; echo two")]),
    );
    kit.follow(&place, &id, 0);
    let mut logs = vec!["logs", id.as_str()];
    logs.extend(kit.which());
    assert_eq!(place.ok(&logs).out, "one\ntwo\n");
    let file = format!("{id}.json");
    let mut load = vec!["load", file.as_str()];
    load.extend(kit.which());
    assert_eq!(place.run(&load).code, Some(2));
    load.push("--again");
    assert_eq!(place.ok(&load).out, format!("{id}-2\n"));
    kit.follow(&place, &format!("{id}-2"), 0);
}

#[test]
fn without_a_workspace() {
    let Some(kit) = kit() else { return };
    let place = Place::new();
    let id = unique("none");
    let file = format!("{id}.json");
    let tasks = [
        shell("one", "echo 1"),
        shell("two", "echo \"$PODOMETER_PROGRESS\""),
    ];
    place.write(&file, order(&id, &tasks).to_string());
    let mut load = vec!["load", file.as_str(), "--no-workspace"];
    load.extend(kit.which());
    place.ok(&load);
    let end = kit.follow(&place, &id, 0);
    assert!(
        end["runs"][1]["output"]
            .as_str()
            .unwrap()
            .contains("\"output\":\"1\""),
        "{end:#}"
    );
}

#[test]
fn what_cannot_run_there_is_said_before_anything_is_handed_over() {
    let Some(kit) = kit() else { return };
    let place = Place::new();
    place.write(
        "bad.json",
        order("bad", &[json!({ "name": "x", "command": ["/x"] })]).to_string(),
    );
    let mut load = vec!["load", "bad.json"];
    load.extend(kit.which());
    let said = place.run(&load);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(
        said.err.contains("bad.json") && said.err.contains("has no image"),
        "{said:?}"
    );
}

pub(crate) fn await_running(kit: &Kit, job: &str) {
    let pods = kit.pods();
    let of = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={job}"));
    until(&format!("{job} runs"), LONG, || {
        block_on(async {
            let all = pods.list(&of).await.unwrap().items;
            all.iter().any(|pod| {
                let status = pod.status.as_ref();
                let phase = status.and_then(|status| status.phase.as_deref());
                // A short one may be over before it is looked at again.
                matches!(phase, Some("Running" | "Succeeded"))
            })
        })
    });
    // Its command has begun, too.
    std::thread::sleep(Duration::from_millis(500));
}
