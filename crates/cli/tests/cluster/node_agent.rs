//! The node's agent is away for a while: its containers go on, and nobody hears of them.

use std::{env, process::Command, thread, time::Duration};

use serde_json::json;

use crate::{
    ends::await_running,
    harness::Place,
    kills::{is_whole, tasks},
    kit::{Kit, unique},
};

/// Shorter than Kubernetes takes to give up the node.
const AWAY: Duration = Duration::from_secs(30);
const TASKS: usize = 4;

/// Tells the agent something; it goes on at the latest when this is dropped.
struct Stopped(String);

impl Stopped {
    fn stop(command: String) -> Self {
        tell(&command, "stop");
        Self(command)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        tell(&self.0, "continue");
    }
}

fn tell(command: &str, what: &str) {
    let status = Command::new("sh")
        .args(["-c", &format!("{command} {what}")])
        .status();
    assert!(status.unwrap().success(), "{command} {what}");
}

#[test]
#[ignore = "no pod starts or ends meanwhile: test.sh runs it by itself"]
fn orders_go_on_after_it() {
    let Some(kit) = Kit::new("agent", &[]) else {
        return;
    };
    let command = env::var("PODOMETER_TEST_NODE_AGENT")
        .expect("PODOMETER_TEST_NODE_AGENT is the command that takes `stop` and `continue`");
    let place = Place::new();
    let load = |ahead: bool| {
        let (id, tasks) = (unique("agent"), tasks(TASKS));
        kit.load(
            &place,
            &json!({ "id": id, "tasks": tasks, "prewarm": ahead }),
        )
    };
    let ids = [load(false), load(true)];
    for id in &ids {
        await_running(&kit, &format!("{id}-t0-1"));
    }
    let stopped = Stopped::stop(command);
    thread::sleep(AWAY);
    drop(stopped);
    for id in ids {
        let end = kit.follow(&place, &id, 0);
        let runs = end["runs"].as_array().unwrap();
        assert_eq!(runs.len(), TASKS, "{end:#}");
        is_whole(runs);
    }
}
