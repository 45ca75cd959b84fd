//! Pods made ready ahead.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    ends::{await_running, order},
    harness::{Place, until},
    kit::{Kit, block_on, kill_pods, kit, shell, unique},
};

fn ahead(id: &str, tasks: &[Value]) -> Value {
    let mut order = order(id, tasks);
    order["prewarm"] = json!(true);
    order
}

fn is_there(kit: &Kit, job: &str) -> bool {
    let jobs = kit.jobs();
    block_on(async { jobs.get_opt(job).await.unwrap().is_some() })
}

#[test]
fn the_next_task_waits_and_gets_the_outputs() {
    let Some(kit) = kit() else { return };
    let place = Place::new();
    let mut own = shell("own", "echo \"$#: $4\"");
    own["messages"] = json!("task");
    own["args"] = json!(["sh"]);
    let tasks = [
        shell("first", "sleep 4; echo one"),
        shell("second", "echo \"$PODOMETER_PROGRESS\""),
        own,
        shell("last", "exit 0"),
    ];
    let id = kit.load(&place, &ahead(&unique("ahead"), &tasks));
    // The second runs while the first does.
    await_running(kit, &format!("{id}-t1-1"));
    assert!(is_there(kit, &format!("{id}-t0-1")));
    let end = kit.follow(&place, &id, 0);
    let runs = end["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 4, "{end:#}");
    let heard: Value = serde_json::from_str(runs[1]["output"].as_str().unwrap()).unwrap();
    assert_eq!(heard[0]["output"], "one", "{end:#}");
    let text = runs[2]["output"].as_str().unwrap();
    assert!(text.starts_with(&format!("4: {id}.2.1:one:")), "{text}");
    for run in runs {
        assert_eq!(run["samples"], run["stored_samples"], "{run:#}");
        assert!(run["samples"].as_u64() >= Some(2), "{run:#}");
    }
    // What it did while it waited is not the task's.
    assert!(
        runs[1]["duration_seconds"].as_f64() < Some(2.0),
        "{:#}",
        runs[1]
    );
}

#[test]
fn outputs_too_long_for_a_word_go_another_way() {
    let Some(kit) = kit() else { return };
    let long =
        "i=0; while [ $i -lt 4000 ]; do printf 0123456789abcdef0123456789abcdef; i=$((i+1)); done";
    let tasks = [
        shell("first", long),
        shell("second", long),
        shell("third", "wc -c < \"$PODOMETER_PROGRESS_FILE\""),
    ];
    let end = kit.run(&ahead(&unique("ahead-long"), &tasks), 0);
    let bytes = end["runs"][2]["output"].as_str().unwrap();
    assert!(
        bytes.trim().parse::<usize>().unwrap() > 128_000,
        "{bytes} of {end:#}"
    );
}

#[test]
fn nothing_waits_after_the_end() {
    let Some(kit) = kit() else { return };
    let place = Place::new();
    let failing = [shell("bad", "sleep 3; exit 3"), shell("never", "true")];
    let failing = kit.load(&place, &ahead(&unique("ahead-bad"), &failing));
    let ended = [shell("long", "sleep 60"), shell("never", "true")];
    let ended = kit.load(&place, &ahead(&unique("ahead-end"), &ended));
    await_running(kit, &format!("{ended}-t1-1"));
    kit.terminate(&place, &ended);
    kit.follow(&place, &ended, 1);
    let end = kit.follow(&place, &failing, 1);
    assert_eq!(end["runs"].as_array().unwrap().len(), 1, "{end:#}");
    for id in [failing, ended] {
        assert!(!is_there(kit, &format!("{id}-t1-1")), "{id}");
    }
}

#[test]
fn a_pod_that_dies_while_it_waits() {
    let Some(kit) = kit() else { return };
    let place = Place::new();
    let tasks = [shell("first", "sleep 8"), shell("second", "true")];
    let id = kit.load(&place, &ahead(&unique("ahead-dies"), &tasks));
    let job = format!("{id}-t1-1");
    await_running(kit, &job);
    kill_pods(kit, &job);
    until("the Job has failed", Duration::from_mins(1), || {
        let jobs = kit.jobs();
        let found = block_on(async { jobs.get(&job).await.unwrap() });
        found.status.is_some_and(|status| status.failed == Some(1))
    });
    let end = kit.follow(&place, &id, 0);
    // It had not begun: this is no try that has failed.
    let runs = end["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2, "{end:#}");
}
