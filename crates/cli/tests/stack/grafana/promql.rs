//! Every query of the pipeline, on a Prometheus that scrapes a run on a Kafka and a TimescaleDB.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Dashboard, PIPELINE, targets};
use crate::{
    harness::{Place, until},
    prometheus::{Prometheus, Served, programs},
    servers::{Database, kafka, unique},
    services::orchestrator,
};

const LIMIT: Duration = Duration::from_mins(1);

/// Tasks that wait until they are scraped, some that follow one another, and one that goes on.
fn order(id: &str) -> String {
    let wait = "while [ ! -e go ]; do sleep 0.1; done";
    let quick = |n: usize| json!({ "name": format!("quick-{n}"), "local": ["sleep", "0.7"] });
    let mut tasks = vec![json!({ "name": "wait", "local": ["sh", "-c", wait] })];
    tasks.extend((0..6).map(quick));
    tasks.push(json!({ "name": "long", "local": ["sleep", "100"] }));
    for task in &mut tasks {
        task["workingDir"] = "WHERE".into();
    }
    json!({ "id": id, "tasks": tasks }).to_string()
}

fn filled(expression: &str) -> String {
    let filled = expression
        .replace("$namespace", ".*")
        .replace("$__rate_interval", "10s");
    assert!(!filled.contains('$'), "something isn't filled in: {filled}");
    filled
}

/// Whether there is a number, which NaN is not.
fn has_a_number(series: &[Value]) -> bool {
    let points = series
        .iter()
        .flat_map(|one| one["values"].as_array().unwrap());
    points
        .filter_map(|point| point[1].as_str()?.parse::<f64>().ok())
        .any(f64::is_finite)
}

#[test]
fn every_promql_returns_data() {
    let (Some(programs), Some(kafka), Some(database)) = (programs(), kafka(), Database::make())
    else {
        return;
    };
    let place = Place::new();
    let folder = place.path("").display().to_string();
    place.write(
        "order.json",
        order(&unique("scraped")).replace("WHERE", &folder),
    );
    let args = ["run", "order.json", "--no-charts", "--period", "100ms"];
    let servers = [
        "--bootstrap-servers",
        &kafka,
        "--database-url",
        &database.url,
    ];
    let served = Served::start(&place, &[&args[..], &servers[..]].concat());
    // It has no cluster to look at, but says so.
    let (_queue, queue) = orchestrator(&place, "queue", &kafka);

    let prometheus = Prometheus::start(&programs, &[served.address, queue]);
    until("both are scraped", LIMIT, || {
        prometheus.targets() == ["up", "up"]
    });
    place.write("go", "");
    let dashboard = Dashboard::read(PIPELINE);
    let mut queries = 0;
    for panel in dashboard.panels() {
        for target in targets(panel) {
            let query = filled(target["expr"].as_str().unwrap());
            let what = format!("{}: {query}", panel["title"]);
            until(&what, LIMIT, || {
                has_a_number(&prometheus.series(&query, 60.0))
            });
            queries += 1;
        }
    }
    assert!(queries > 30, "{queries}");
    // What it has is what was counted: the samples that are stored.
    let stored = "sum(podometer_consumer_samples_stored_total)";
    let last = |series: &[Value]| {
        series[0]["values"].as_array()?.last()?[1]
            .as_str()?
            .parse()
            .ok()
    };
    let scraped: f64 = last(&prometheus.series(stored, 5.0)).unwrap();
    let rows: f64 = database.rows("select count(*) from podometer.sample_wide")[0]
        .parse()
        .unwrap();
    assert!(scraped > 0.0 && scraped <= rows, "{scraped} {rows}");
    assert_eq!(served.end(), Some(130));
}
