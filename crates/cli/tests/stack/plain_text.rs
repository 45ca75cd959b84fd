//! Tasks with a Kafka client of their own, which report in plain text.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    harness::Place,
    servers::{kafka, python},
};

/// Two plain-text tasks and one that shows what they handed on. The names of all end alike, so that each
/// of the two takes itself for the last one and says STOP.
fn order(python: &str, client: &str, id: &str, names: [&str; 2]) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/tasks/plain_text.py");
    let task = |name: &str| {
        json!({
            "name": name, "messages": "task", "timeout": "40s",
            "local": [python, program, client, "0.3"],
        })
    };
    let show = json!({ "name": "bba", "local": ["sh", "-c", "printf %s \"$PODOMETER_PROGRESS\""] });
    let [first, second] = names.map(task);
    json!({ "id": id, "tasks": [first, second, show] }).to_string()
}

/// Two orders at once. Each gets its own outputs and neither ends early.
fn two_at_once(client: &str, more: &[&str], tag: &str) {
    let Some(python) = python() else { return };
    let place = Place::new();
    // Plain-text tasks know topics by the order's id alone, so the ids are this test's own.
    let unique = format!("{tag}{}", std::process::id());
    let ids = ["x", "y"].map(|which| format!("{which}-{unique}"));
    let names = [["a", "ba"], ["ba", "a"]];
    for (id, names) in ids.iter().zip(names) {
        place.write(&format!("{id}.json"), order(&python, client, id, names));
    }
    let files = ids.clone().map(|id| format!("{id}.json"));
    let mut args = vec![
        "run",
        &files[0],
        &files[1],
        "--parallel",
        "2",
        "--no-charts",
    ];
    args.extend(more);
    let orders = place.json(&args, 0);
    for ((order, id), names) in orders.as_array().unwrap().iter().zip(&ids).zip(names) {
        assert_eq!(order["id"], **id);
        assert_eq!(order["status"], "succeeded", "{order:#}");
        let runs = order["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 3, "{order:#}");
        for run in runs {
            assert_eq!(run["reason"], "completed", "{order:#}");
            let is_text = run["task"] != "bba";
            assert!(!is_text || run["duration_seconds"].as_f64() > Some(0.3));
        }
        let shown: Value = serde_json::from_str(runs[2]["output"].as_str().unwrap()).unwrap();
        let outputs: Vec<_> = (0..2).map(|at| shown[at]["output"].as_str()).collect();
        let expected = [
            format!("{} of {id} saw 0", names[0]),
            format!("{} of {id} saw 1", names[1]),
        ];
        assert_eq!(
            outputs,
            expected.each_ref().map(|e| Some(e.as_str())),
            "{order:#}"
        );
    }
}

#[test]
fn librdkafka_on_the_embedded_broker() {
    two_at_once("confluent", &[], "e");
}

#[test]
fn librdkafka_on_kafka() {
    let Some(kafka) = kafka() else { return };
    two_at_once("confluent", &["--bootstrap-servers", &kafka], "c");
}

#[test]
fn kafka_python_on_kafka() {
    let Some(kafka) = kafka() else { return };
    two_at_once("kafka-python", &["--bootstrap-servers", &kafka], "k");
}
