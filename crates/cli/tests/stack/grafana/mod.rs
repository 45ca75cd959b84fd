//! The dashboards in `kubernetes/grafana`: each query runs on a real server and returns something. Grafana itself
//! can't be had here.

mod fill;
mod promql;
mod sql;

use std::collections::BTreeSet;

use serde_json::Value;

const ORDERS: &str = include_str!("../../../../../kubernetes/grafana/dashboards/orders.json");
const PIPELINE: &str = include_str!("../../../../../kubernetes/grafana/dashboards/pipeline.json");

/// A dashboard.
struct Dashboard(Value);

impl Dashboard {
    fn read(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap())
    }

    fn variables(&self) -> &[Value] {
        self.0["templating"]["list"].as_array().unwrap()
    }

    fn all_panels(&self) -> &[Value] {
        self.0["panels"].as_array().unwrap()
    }

    /// Without the rows that they stand under.
    fn panels(&self) -> impl Iterator<Item = &Value> {
        self.all_panels()
            .iter()
            .filter(|panel| panel["type"] != "row")
    }
}

fn targets(panel: &Value) -> &[Value] {
    panel["targets"].as_array().unwrap()
}

/// Column, row, width, height.
fn place(panel: &Value) -> [u64; 4] {
    ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap())
}

fn overlap(one: &Value, other: &Value) -> bool {
    let ([x, y, w, h], [x2, y2, w2, h2]) = (place(one), place(other));
    x < x2 + w2 && x2 < x + w && y < y2 + h2 && y2 < y + h
}

fn is_whole(dashboard: &Dashboard) {
    let all = &dashboard.0;
    assert!(all["schemaVersion"].as_u64().unwrap() >= 39);
    // Grafana gives out ids; with one of another Grafana's it would overwrite something else.
    assert!(all.get("id").is_none());
    assert!(all["uid"].as_str().unwrap().starts_with("podometer-"));
    let source = &dashboard.variables()[0];
    assert_eq!(source["type"], "datasource");
    let uid = format!("${{{}}}", source["name"].as_str().unwrap());
    let panels = dashboard.all_panels();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len());
    for (at, panel) in panels.iter().enumerate() {
        let title = panel["title"].as_str().unwrap();
        assert!(
            !title.is_empty() && place(panel)[0] + place(panel)[2] <= 24,
            "{title}"
        );
        for other in &panels[at + 1..] {
            assert!(!overlap(panel, other), "{title} and {}", other["title"]);
        }
    }
    for panel in dashboard.panels() {
        let title = panel["title"].as_str().unwrap();
        assert!(panel["description"].as_str().unwrap().len() > 10, "{title}");
        assert!(
            panel["fieldConfig"]["defaults"]["unit"].is_string(),
            "{title}"
        );
        assert!(!targets(panel).is_empty(), "{title}");
        for target in targets(panel) {
            assert_eq!(target["datasource"]["uid"], uid.as_str(), "{title}");
        }
        if panel["type"] == "stat" {
            let thresholds = &panel["fieldConfig"]["defaults"]["thresholds"];
            assert!(thresholds["steps"].is_array(), "{title}");
        }
    }
}

#[test]
fn dashboards_are_whole() {
    is_whole(&Dashboard::read(ORDERS));
    is_whole(&Dashboard::read(PIPELINE));
}
