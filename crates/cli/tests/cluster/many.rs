//! Orders of many small tasks, and with much to carry.

use std::fs;

use serde_json::{Value, json};

use crate::{
    harness::Place,
    kit::{kit, shell, unique},
};

/// What the plan wants of short tasks: each has its first and its last sample, and totals.
#[test]
fn fifty_tasks_of_10_ms() {
    let Some(kit) = kit() else { return };
    let tasks: Vec<Value> = (0..50)
        .map(|n| shell(&format!("t{n}"), "sleep 0.01"))
        .collect();
    let end = kit.run(&json!({ "id": unique("fifty"), "tasks": tasks }), 0);
    let runs = end["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 50);
    for run in runs {
        assert_eq!(run["reason"], "completed", "{run:#}");
        assert!(run["samples"].as_u64() >= Some(2), "{run:#}");
        assert_eq!(run["samples"], run["stored_samples"], "{run:#}");
        assert!(run["cpu_seconds"].as_f64() > Some(0.0), "{run:#}");
        assert_eq!(run["source"], "cgroup_v1", "{run:#}");
    }
}

/// A picture as a TIFF without compression, of so many bytes at least.
fn tiff(place: &Place, bytes: u64) {
    let camera = [
        "image-task",
        "camera",
        "--width",
        "3000",
        "--height",
        "2400",
        "--seed",
        "1",
        "--diseased",
        "0.25",
    ];
    let mut command = place.command(&camera);
    command
        .env("PODOMETER_WORKSPACE", place.path(""))
        .env("PODOMETER_POSITION", "0");
    command.env("PODOMETER_OUTPUT", place.path("output"));
    assert!(command.status().unwrap().success());
    let drawn = fs::read_dir(place.path(""))
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let png = drawn
        .into_iter()
        .find(|path| path.extension().is_some_and(|end| end == "png"))
        .unwrap();
    image::open(png)
        .unwrap()
        .to_rgb8()
        .save(place.path("leaf.tiff"))
        .unwrap();
    let length = fs::metadata(place.path("leaf.tiff")).unwrap().len();
    assert!(length >= bytes, "{length}");
}

#[test]
fn a_picture_of_20_mib() {
    let Some(kit) = kit() else { return };
    let place = Place::new();
    tiff(&place, 20 << 20);
    let tasks = ["resize", "denoise", "segment", "diagnose", "annotate"];
    let order = json!({ "id": unique("photo"), "input": "leaf.tiff", "tasks": tasks });
    let id = kit.load(&place, &order);
    let end = kit.follow(&place, &id, 0);
    let diagnosed: Value =
        serde_json::from_str(end["runs"][3]["output"].as_str().unwrap()).unwrap();
    let share = diagnosed["diseased_share"].as_f64().unwrap();
    assert!((0.23..0.27).contains(&share), "{end:#}");
    assert_eq!(end["runs"][0]["input_width"], 3000, "{end:#}");
}

#[test]
fn logs_of_100_mb_and_long_arguments() {
    let Some(kit) = kit() else { return };
    let loud = shell(
        "loud",
        "yes 0123456789012345678901234567890123456789 | head -c 100000000; echo; echo done",
    );
    let mut long = shell("long", "printf %s \"$0\" | wc -c");
    long["args"] = json!(["x".repeat(10_000)]);
    let end = kit.run(&json!({ "id": unique("loud"), "tasks": [loud, long] }), 0);
    assert_eq!(end["runs"][0]["output"], "done", "{end:#}");
    assert_eq!(end["runs"][1]["output"], "10000", "{end:#}");
}
