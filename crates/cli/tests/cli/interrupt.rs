//! The end of an order before its time: Ctrl-C, once and twice, and `podometer terminate`.

use std::{fs, thread, time::Duration};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::harness::{Place, Running, processes_with, until};

/// An order whose second task doesn't end; says in a file when it runs.
fn start(place: &Place, script: &str) -> Running {
    let sh = |script: &str| json!({ "name": "sh", "local": ["sh", "-c", script] });
    let order = json!({ "id": "a", "tasks": [sh("true"), sh(script), sh("touch third")] });
    place.write("a.json", order.to_string());
    let args = ["run", "a.json", "a.json", "--no-charts", "--grace", "20s"];
    let mut command = place.command(&args);
    command.env("MARK_OF_THIS_TEST", place.path(""));
    let running = Running::start(command);
    until("the second task runs", Duration::from_secs(20), || {
        place.data("a/workspace/running").exists()
    });
    running
}

fn nothing_is_left(place: &Place) {
    until("no process is left", Duration::from_secs(20), || {
        processes_with(place.path("").to_str().unwrap()).is_empty()
    });
    assert_eq!(fs::read_dir(place.data(".locks")).unwrap().count(), 0);
}

#[test]
fn once_ends_the_order_in_good_form() {
    let place = Place::new();
    let script = "trap 'echo last words; exit 0' TERM; touch running; while :; do sleep 0.02; done";
    let running = start(&place, script);
    running.signal(Signal::SIGINT);
    let said = running.wait();
    assert_eq!(said.code, Some(130), "{said:?}");
    assert!(said.err.contains("in good form"), "{said:?}");
    assert!(said.err.contains("not started: 1"), "{said:?}");
    assert!(said.out.contains("order a terminated"), "{said:?}");
    let order = place.json(&["status", "a"], 0);
    assert_eq!(order["status"], "terminated");
    assert_eq!(order["storing_complete"], true);
    assert_eq!(order["runs"][0]["reason"], "completed");
    assert_eq!(order["runs"][1]["reason"], "terminated");
    assert_eq!(order["runs"][1]["censored"], false);
    assert_eq!(order["runs"].as_array().unwrap().len(), 2);
    assert!(
        fs::read_to_string(place.data("a/runs/1-sh-1.out"))
            .unwrap()
            .contains("last words")
    );
    assert!(!place.data("a-2").exists());
    nothing_is_left(&place);
}

#[test]
fn twice_ends_it_at_once() {
    let place = Place::new();
    let running = start(
        &place,
        "trap '' TERM; touch running; while :; do sleep 0.02; done",
    );
    running.signal(Signal::SIGINT);
    // Signals that come together are one.
    running.signal(Signal::SIGTERM);
    thread::sleep(Duration::from_millis(300));
    assert!(!processes_with(place.path("").to_str().unwrap()).is_empty());
    running.signal(Signal::SIGINT);
    let said = running.wait();
    assert_eq!(said.code, Some(130), "{said:?}");
    assert!(said.err.contains("at once"), "{said:?}");
    let order = place.json(&["status", "a"], 0);
    assert_eq!(order["status"], "terminated");
    assert_eq!(order["runs"][1]["reason"], "terminated");
    nothing_is_left(&place);
}

#[test]
fn another_process_ends_one_order_and_the_next_one_begins() {
    let place = Place::new();
    let running = start(&place, "touch running; while :; do sleep 0.02; done");
    let said = place.ok(&["terminate", "a"]);
    assert!(said.out.contains("is told to end"), "{said:?}");
    assert_eq!(
        place.json(&["status", "a", "--follow"], 1)["status"],
        "terminated"
    );
    let over = place.ok(&["terminate", "a"]);
    assert!(over.out.contains("order a is over: terminated"), "{over:?}");
    until(
        "the second task of the next order runs",
        Duration::from_secs(20),
        || place.data("a-2/workspace/running").exists(),
    );
    place.ok(&["terminate", "a-2"]);
    let said = running.wait();
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("order a-2 terminated"), "{said:?}");
    nothing_is_left(&place);
}
