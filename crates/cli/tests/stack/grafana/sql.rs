//! Every SQL, on a TimescaleDB with orders in it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Dashboard, ORDERS, fill::Fill, targets};
use crate::{
    harness::Place,
    servers::{Database, execute, unique},
    whole::leaf,
};

/// The rows of a query, with their columns' names.
fn rows(database: &Database, sql: &str) -> Vec<Value> {
    let rows = database.rows(&format!("select row_to_json(q) from ({sql}) as q"));
    rows.iter()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect()
}

/// What Grafana would offer for each variable, and what would be chosen: the first, or all.
fn choose(database: &Database, dashboard: &Dashboard, fill: &mut Fill) {
    for variable in dashboard.variables() {
        if variable["type"] != "query" {
            continue;
        }
        let name = variable["name"].as_str().unwrap();
        let offered = database.rows(&fill.sql(variable["query"].as_str().unwrap()));
        assert!(!offered.is_empty(), "nothing to choose for {name}");
        let all = variable["includeAll"] == true;
        let chosen = if all {
            offered
        } else {
            vec![offered[0].clone()]
        };
        fill.variables.insert(name.to_owned(), chosen);
    }
}

/// Orders of the example's tasks, one of them twice; the ids.
fn run_orders(database: &Database) -> String {
    let place = Place::new();
    let id = unique("grafana");
    place.write("leaf.json", leaf(&id));
    let args = ["run", "leaf.json", "--no-charts", "--period", "100ms"];
    for _ in 0..2 {
        place.ok(&[&args[..], &["--database-url", &database.url]].concat());
    }
    // What only a task alone in its pod has, or one that wasn't measured by its process tree.
    execute(
        &database.url,
        "update podometer.sample_wide set net_rx = 1000, net_tx = 500, \
         disk_read = coalesce(disk_read, 0), disk_write = coalesce(disk_write, 0)",
    );
    format!("{id}-2")
}

#[test]
fn every_sql_returns_rows() {
    let Some(database) = Database::make() else {
        return;
    };
    let id = run_orders(&database);
    let dashboard = Dashboard::read(ORDERS);
    let at = |when: &str| database.rows(&format!("select to_json({when})#>>'{{}}'"))[0].clone();
    let mut fill = Fill {
        from: at("now() - interval '1 hour'"),
        to: at("now() + interval '1 minute'"),
        variables: BTreeMap::new(),
    };
    choose(&database, &dashboard, &mut fill);
    assert_eq!(fill.variables["order"], [id]);
    assert!(fill.variables["task"].len() > 3);
    for panel in dashboard.panels() {
        let title = panel["title"].as_str().unwrap();
        for target in targets(panel) {
            let sql = fill.sql(target["rawSql"].as_str().unwrap());
            let rows = rows(&database, &sql);
            check(title, target, &rows);
        }
    }
}

fn check(title: &str, target: &Value, rows: &[Value]) {
    assert!(!rows.is_empty(), "{title}: no rows");
    let is_series = target["format"] == "time_series";
    let mut numbers = 0;
    for row in rows {
        let row = row.as_object().unwrap();
        assert!(!is_series || row["time"].is_string(), "{title}: {row:?}");
        numbers += row.values().filter(|value| value.is_number()).count();
    }
    let says_state = title == "State";
    assert!(numbers > 0 || says_state, "{title}: no value in {rows:?}");
    if let Some(curves) = is_series
        .then(|| &rows[0])
        .filter(|row| row.get("metric").is_some())
    {
        assert!(
            curves["metric"].is_string() && curves["value"].is_number(),
            "{title}: {curves}"
        );
        // Grafana wants them in the order of time.
        assert!(
            rows.is_sorted_by_key(|row| row["time"].as_str().unwrap()),
            "{title}"
        );
    }
}
