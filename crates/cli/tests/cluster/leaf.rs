//! The example order, on the cluster and here.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    harness::Place,
    kit::{kit, unique},
};

fn outputs(order: &Value) -> Vec<(String, String)> {
    let text = |run: &Value, key: &str| run[key].as_str().unwrap_or_default().to_owned();
    let runs = order["runs"].as_array().unwrap();
    runs.iter()
        .map(|run| (text(run, "task"), text(run, "output")))
        .collect()
}

/// The same order with an id of its own.
pub(crate) fn leaf(id: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../orders/leaf.json");
    let mut order: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    order["id"] = id.into();
    order
}

#[test]
fn leaf_gives_the_same_outputs_as_here() {
    let Some(kit) = kit() else { return };
    let place = Place::new();
    let id = kit.load(&place, &leaf(&unique("leaf")));
    let there = kit.follow(&place, &id, 0);
    assert_eq!(there["status"], "succeeded", "{there:#}");
    place.write("leaf.json", leaf("here").to_string());
    let here = place.json(&["run", "leaf.json", "--no-charts"], 0);
    let here = here.as_array().map_or(&here, |orders| &orders[0]);
    assert_eq!(outputs(&there), outputs(here));
    for run in there["runs"].as_array().unwrap() {
        assert_eq!(run["launcher"], "kubernetes", "{run:#}");
        assert_eq!(run["reason"], "completed");
        assert!(run["samples"].as_u64() >= Some(2), "{run:#}");
        assert_eq!(run["samples"], run["stored_samples"]);
        assert_eq!(run["missed_samples"], 0);
        assert!(run["cpu_seconds"].as_f64() > Some(0.0));
        assert!(run["memory_anon_peak_bytes"].as_u64() > Some(0));
        assert_eq!(run["censored"], false);
    }
    let mut report = vec!["report", id.as_str(), "--output", "leaf.html"];
    report.extend(kit.which());
    place.ok(&report);
    let html = fs::read_to_string(place.path("leaf.html")).unwrap();
    assert!(html.contains("<svg") && html.contains("denoise"));
}
