//! The commands that look at what is stored, or forget it.

use std::{fs, time::Duration};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::harness::{Place, Running, until};

fn order(id: &str, script: &str) -> String {
    json!({ "id": id, "tasks": [{ "name": "sh", "local": ["sh", "-c", script] }] }).to_string()
}

#[test]
fn orders_and_status() {
    let place = Place::new();
    place.write("good.json", order("good", "true"));
    place.write("bad.json", order("bad", "exit 9"));
    place.run(&["run", "good.json", "bad.json", "--no-charts"]);
    let table = place.ok(&["orders"]).out;
    assert!(
        table.contains("good") && table.contains("succeeded"),
        "{table}"
    );
    let orders = place.json(&["orders"], 0);
    assert_eq!(orders[0]["id"], "bad", "newest first");
    assert_eq!(orders[0]["status"], "failed");
    let status = place.ok(&["status", "bad"]).out;
    assert!(
        status.contains("order bad failed") && status.contains("exit code 9"),
        "{status}"
    );
    let status = place.json(&["status", "good"], 0);
    assert_eq!(status["runs"][0]["exit_code"], 0);
    assert_eq!(status["storing_complete"], true);
    // Followed, the exit code is the order's end.
    place.json(&["status", "good", "--follow"], 0);
    place.json(&["status", "bad", "--follow"], 1);
}

#[test]
fn follow_waits_for_the_end() {
    let place = Place::new();
    place.write(
        "a.json",
        order(
            "a",
            "touch running; until test -e go; do sleep 0.02; done; exit 5",
        ),
    );
    let running = Running::start(place.command(&["run", "a.json", "--no-charts"]));
    until("the task runs", Duration::from_secs(20), || {
        place.data("a/workspace/running").exists()
    });
    until("it stands as running", Duration::from_secs(5), || {
        place.json(&["status", "a"], 0)["status"] == "running"
    });
    let refused = place.run(&["delete", "a"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let following = Running::start(place.command(&["status", "a", "--follow"]));
    fs::write(place.data("a/workspace/go"), "").unwrap();
    let said = following.wait();
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("order a failed"), "{said:?}");
    assert_eq!(running.wait().code, Some(1));
}

#[test]
fn follow_sees_that_the_owner_was_killed() {
    let place = Place::new();
    place.write("a.json", order("a", "touch running; sleep 60"));
    let running = Running::start(place.command(&["run", "a.json", "--no-charts"]));
    until("the task runs", Duration::from_secs(20), || {
        place.data("a/workspace/running").exists()
    });
    let following = Running::start(place.command(&["status", "a", "--follow", "--json"]));
    running.signal(Signal::SIGKILL);
    let said = following.wait();
    assert_eq!(said.code, Some(1), "{said:?}");
    let order: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(order["status"], "failed");
    assert!(
        order["message"].as_str().unwrap().contains("interrupted"),
        "{order}"
    );
}

#[test]
fn charts_and_reports_are_drawn_later() {
    let place = Place::new();
    place.write("a.json", order("a", "sleep 0.05"));
    place.ok(&["run", "a.json", "--no-charts"]);
    let all = place.ok(&["chart", "a"]).out;
    assert_eq!(all, "data/a/charts/order.svg\ndata/a/charts/0-sh-1.svg\n");
    let one = place
        .ok(&[
            "chart", "a", "--task", "sh", "--format", "png", "--output", "p/q",
        ])
        .out;
    assert_eq!(one, "p/q/0-sh-1.png\n");
    assert!(
        fs::read(place.path("p/q/0-sh-1.png"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );
    assert_eq!(place.ok(&["report", "a"]).out, "data/a/report.html\n");
    assert_eq!(
        place.ok(&["report", "a", "--output", "r/a.html"]).out,
        "r/a.html\n"
    );
    assert!(
        fs::read_to_string(place.path("r/a.html"))
            .unwrap()
            .contains("<html")
    );
}

#[test]
fn delete_forgets_rows_and_files() {
    let place = Place::new();
    place.write("a.json", order("a", "true"));
    place.ok(&["run", "a.json", "a.json", "a.json", "--no-charts"]);
    assert_eq!(place.ok(&["delete", "a-2"]).out, "a-2\n");
    assert!(!place.data("a-2").exists() && place.data("a-3").exists());
    assert_eq!(place.ok(&["delete", "--older-than", "1h"]).out, "");
    assert_eq!(place.ok(&["delete", "--older-than", "1ms"]).out, "a\na-3\n");
    assert_eq!(place.json(&["orders"], 0), json!([]));
    let said = place.ok(&["run", "a.json", "--no-charts"]);
    assert!(said.out.starts_with("order a succeeded"), "{said:?}");
}
