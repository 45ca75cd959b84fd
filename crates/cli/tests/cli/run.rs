//! `podometer run` from order files to what it leaves.

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};

use crate::harness::Place;

/// A small order.
fn small(id: &str) -> String {
    let camera = json!({ "name": "camera", "args": ["--width", "200", "--height", "150"] });
    json!({ "id": id, "tasks": [camera, "resize", "diagnose"] }).to_string()
}

fn shell(id: &str, scripts: &[&str]) -> String {
    let task = |script: &&str| json!({ "name": "sh", "local": ["sh", "-c", script] });
    json!({ "id": id, "tasks": scripts.iter().map(task).collect::<Vec<_>>() }).to_string()
}

fn reasons(order: &Value) -> Vec<&str> {
    order["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["reason"].as_str().unwrap())
        .collect()
}

#[test]
fn an_order_leaves_rows_pictures_and_a_report() {
    let place = Place::new();
    place.write("small.json", small("small"));
    let said = place.ok(&["run", "small.json"]);
    assert!(said.out.starts_with("order small succeeded\n"), "{said:?}");
    assert!(
        said.out.contains("report: data/small/report.html"),
        "{said:?}"
    );
    for task in ["camera", "resize", "diagnose"] {
        assert!(
            said.out.contains(task) && said.err.contains(&format!("{task} started")),
            "{said:?}"
        );
    }
    for file in [
        "report.html",
        "charts/0-camera-1.svg",
        "charts/2-diagnose-1.png",
        "charts/order.svg",
    ] {
        assert!(place.data("small").join(file).is_file(), "{file}");
    }
    assert_eq!(fs::read_to_string(place.data(".gitignore")).unwrap(), "*\n");
    assert_eq!(fs::read_dir(place.data(".locks")).unwrap().count(), 0);
}

/// A run's promised names; what differs from time to time or among machines is replaced.
fn names_of_run(run: &Value) -> Value {
    const NAMES: &str = "position task attempt exit_code signal reason censored started_at ended_at \
        duration_seconds cpu_seconds cpu_user_seconds cpu_system_seconds memory_peak_bytes \
        memory_anon_peak_bytes disk_read_bytes disk_write_bytes samples missed_samples \
        monitor_cpu_seconds output charts";
    let mut names = serde_json::Map::new();
    for name in NAMES.split_whitespace() {
        let value = run.get(name).unwrap_or_else(|| panic!("{name} is missing"));
        let shown = match name {
            "output" => json!("[text]"),
            name if name.ends_with("_at") => json!("[time]"),
            name if name.ends_with("seconds") || name.ends_with("bytes") => {
                assert!(value.is_number() || value.is_null(), "{name}");
                json!("[number]")
            }
            "samples" | "missed_samples" => json!("[number]"),
            _ => value.clone(),
        };
        names.insert(name.to_owned(), shown);
    }
    Value::Object(names)
}

#[test]
fn json_has_the_names_that_are_promised() {
    let place = Place::new();
    place.write("small.json", small("small"));
    let mut orders = place.json(&["run", "small.json"], 0);
    let order = &mut orders[0];
    let names: BTreeSet<_> = order.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        names.into_iter().collect::<Vec<_>>(),
        ["id", "message", "report", "runs", "status"]
    );
    let mut redacted = Vec::new();
    for run in order["runs"].as_array().unwrap() {
        assert!(run["samples"].as_u64().unwrap() >= 2);
        assert!(run["duration_seconds"].as_f64().unwrap() > 0.0);
        for chart in run["charts"].as_array().unwrap() {
            assert!(place.path(chart.as_str().unwrap()).is_file());
        }
        redacted.push(names_of_run(run));
    }
    order["runs"] = json!(redacted);
    insta::assert_snapshot!(serde_json::to_string_pretty(&orders).unwrap());
}

#[test]
fn the_same_task_twice_and_the_plain_names() {
    let place = Place::new();
    let camera = json!({ "name": "camera", "args": ["--width", "200", "--height", "150"] });
    let order = json!({
        "orderID": "plain", "required_tasks": [camera, "resize", "resize"],
        "completed_tasks": ["x"], "done": false,
    });
    place.write("plain.json", order.to_string());
    let orders = place.json(&["run", "plain.json", "--no-charts"], 0);
    assert_eq!(reasons(&orders[0]), ["completed"; 3]);
    assert_eq!(orders[0]["report"], Value::Null);
    assert_eq!(orders[0]["runs"][1]["task"], orders[0]["runs"][2]["task"]);
}

#[test]
fn an_id_that_is_taken_is_numbered() {
    let place = Place::new();
    place.write("a.json", shell("a", &["true"]));
    place.ok(&["run", "a.json", "--no-charts"]);
    let said = place.ok(&["run", "a.json", "a.json", "--no-charts"]);
    assert!(
        said.out.contains("order a-2 ") && said.out.contains("order a-3 "),
        "{said:?}"
    );
    assert!(
        said.err.contains("order a exists already; this one is a-2"),
        "{said:?}"
    );
}

#[test]
fn a_folder_without_an_order_is_moved_aside() {
    let place = Place::new();
    place.write("a.json", shell("a", &["ls -A"]));
    place.write("data/a/workspace/old", "old");
    let said = place.ok(&["run", "a.json", "--no-charts"]);
    assert!(said.err.contains("data/a.old-1"), "{said:?}");
    assert!(place.data("a.old-1/workspace/old").is_file());
    assert!(!place.data("a/workspace/old").exists());
}

#[test]
fn a_task_that_fails_ends_the_order() {
    let place = Place::new();
    place.write(
        "a.json",
        shell("a", &["true", "echo bad >&2; exit 7", "true"]),
    );
    let orders = place.json(&["run", "a.json", "--no-charts"], 1);
    assert_eq!(orders[0]["status"], "failed");
    assert_eq!(reasons(&orders[0]), ["completed", "error"]);
    assert_eq!(orders[0]["runs"][1]["exit_code"], 7);
    assert!(
        orders[0]["message"]
            .as_str()
            .unwrap()
            .contains("exit code 7"),
        "{orders}"
    );
    assert!(
        fs::read_to_string(place.data("a/runs/1-sh-1.err"))
            .unwrap()
            .contains("bad")
    );
}

#[test]
fn retries_timeouts_signals_and_missing_programs() {
    let place = Place::new();
    let twice = "test -e tried || { touch tried; exit 1; }";
    let order = |id: &str, task: Value| json!({ "id": id, "tasks": [task] }).to_string();
    let sh = |script: &str| json!(["sh", "-c", script]);
    place.write(
        "r.json",
        order(
            "r",
            json!({ "name": "t", "local": sh(twice), "retries": 2 }),
        ),
    );
    place.write(
        "t.json",
        order(
            "t",
            json!({ "name": "t", "local": ["sleep", "60"], "timeout": "200ms" }),
        ),
    );
    place.write(
        "s.json",
        order("s", json!({ "name": "t", "local": sh("kill -9 $$") })),
    );
    place.write(
        "m.json",
        order("m", json!({ "name": "t", "local": ["/no/such/program"] })),
    );
    let files = ["r.json", "t.json", "s.json", "m.json"];
    let orders = place.json(&[&["run", "--no-charts"][..], &files].concat(), 1);
    let of = |index: usize| {
        (
            orders[index]["status"].as_str().unwrap(),
            reasons(&orders[index]),
        )
    };
    assert_eq!(of(0), ("succeeded", vec!["error", "completed"]));
    assert_eq!(of(1), ("failed", vec!["timed_out"]));
    assert_eq!(of(2), ("failed", vec!["signal"]));
    assert_eq!(orders[2]["runs"][0]["signal"], 9);
    assert_eq!(orders[2]["runs"][0]["exit_code"], Value::Null);
    assert_eq!(of(3), ("failed", vec!["error"]));
    assert_eq!(orders[3]["runs"][0]["exit_code"], 127);
}

#[test]
fn an_order_for_each_picture() {
    let place = Place::new();
    place.write("camera.json", small("camera"));
    place.ok(&["run", "camera.json", "--no-charts"]);
    for name in ["one.png", "two.png"] {
        fs::copy(
            place.data("camera/workspace/0-camera.png"),
            place.path(name),
        )
        .unwrap();
    }
    place.write(
        "photo.json",
        json!({ "id": "photo", "tasks": ["resize"] }).to_string(),
    );
    let orders = place.json(
        &[
            "run",
            "photo.json",
            "--no-charts",
            "--input",
            "one.png",
            "two.png",
        ],
        0,
    );
    assert_eq!(orders[0]["id"], "photo");
    assert_eq!(orders[1]["id"], "photo-2");
    assert_eq!(orders[1]["runs"][0]["input_width"], 200);
    let stored = place.json(&["status", "photo-2"], 0);
    assert!(
        stored["input"].as_str().unwrap().ends_with("/two.png"),
        "{stored}"
    );
}

#[test]
fn orders_at_a_time() {
    let place = Place::new();
    // Each waits for the other one, so that both must run at once.
    for (own, other) in [("a", "b"), ("b", "a")] {
        let script =
            format!("touch ../../../{own}; until test -e ../../../{other}; do sleep 0.02; done");
        place.write(&format!("{own}.json"), shell(own, &[&script]));
    }
    let orders = place.json(
        &["run", "a.json", "b.json", "--parallel", "2", "--no-charts"],
        0,
    );
    assert_eq!(orders[0]["id"], "a");
    assert_eq!(orders[1]["id"], "b");
}

#[test]
fn more_orders_than_one_embedded_broker_carries() {
    let place = Place::new();
    place.write("a.json", shell("a", &["true"]));
    let files = vec!["a.json"; 20];
    let args = [&["run", "--no-charts", "--parallel", "3"][..], &files].concat();
    let orders = place.json(&args, 0);
    assert_eq!(orders.as_array().unwrap().len(), 20);
    assert!(
        orders
            .as_array()
            .unwrap()
            .iter()
            .all(|order| reasons(order) == ["completed"])
    );
}

#[test]
fn a_catalogue_of_ones_own() {
    let place = Place::new();
    place.write("tasks.json", r#"{"greet": {"local": ["echo", "hello"]}}"#);
    place.write(
        "a.json",
        r#"{"id": "a", "tasks": ["greet", {"name": "greet", "args": ["you"]}]}"#,
    );
    let orders = place.json(
        &["run", "a.json", "--catalog", "tasks.json", "--no-charts"],
        0,
    );
    assert_eq!(orders[0]["runs"][0]["output"], "hello");
    assert_eq!(orders[0]["runs"][1]["output"], "hello you");
}

#[test]
fn both_sources() {
    let place = Place::new();
    place.write("a.json", shell("a", &["true"]));
    let orders = place.json(
        &["run", "a.json", "--no-charts", "--source", "process-tree"],
        0,
    );
    assert_eq!(orders[0]["runs"][0]["source"], "process_tree");
}
