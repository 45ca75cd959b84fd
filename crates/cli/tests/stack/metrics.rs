//! `podometer run --metrics-listen`: what it says is well formed, and true.

use std::{net::TcpListener, time::Duration};

use serde_json::json;
use sqlx::{Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    harness::{Place, until},
    prometheus::{Served, get, programs, promtool, sum},
};

/// Tasks of which one fails at first, and a last one that goes on until it is ended.
fn order() -> String {
    let retried = "test -e \"$PODOMETER_WORKSPACE/tried\" || { touch \"$PODOMETER_WORKSPACE/tried\"; exit 3; }";
    json!({ "id": "counted", "tasks": [
        { "name": "quick", "local": ["true"] },
        { "name": "retried", "local": ["sh", "-c", retried], "retries": 1 },
        { "name": "nap", "local": ["sleep", "0.3"] },
        { "name": "long", "local": ["sleep", "100"] },
    ] })
    .to_string()
}

/// Of the data folder's store.
fn count(place: &Place, sql: &'static str) -> f64 {
    let options = SqliteConnectOptions::new().filename(place.data("podometer.db"));
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let count: i64 = runtime.enable_all().build().unwrap().block_on(async {
        let mut store = SqliteConnection::connect_with(&options).await.unwrap();
        let row = sqlx::query(sql).fetch_one(&mut store).await.unwrap();
        row.get(0)
    });
    count as f64
}

#[test]
fn numbers_agree_with_the_store() {
    let Some(programs) = programs() else { return };
    let place = Place::new();
    place.write("order.json", order());
    // After its first second nothing new comes of the last task.
    let args = ["run", "order.json", "--period", "60s", "--no-charts"];
    let served = Served::start(&place, &args);
    assert_eq!(get(served.address, "/healthz").as_deref(), Some("ok\n"));
    let mut text = served.text();
    assert_eq!(promtool(&programs, &text), "", "before anything happened");

    until(
        "the last task runs, all is stored, and counted",
        Duration::from_mins(1),
        || {
            text = served.text();
            if sum(&text, "podometer_orchestrator_attempts_started_total") < 5.0 {
                return false;
            }
            let rows = count(&place, "select count(*) from sample_wide");
            // It has been still for a moment.
            std::thread::sleep(Duration::from_millis(1500));
            text = served.text();
            let stored = sum(&text, "podometer_consumer_samples_stored_total");
            stored == rows && rows == count(&place, "select count(*) from sample_wide")
        },
    );
    assert_eq!(promtool(&programs, &text), "");
    let stored = sum(&text, "podometer_consumer_samples_stored_total");
    assert!(stored >= 5.0 * 2.0, "{text}");
    for (name, value) in [
        ("podometer_producer_samples_collected_total", stored),
        ("podometer_producer_samples_published_total", stored),
        ("podometer_producer_samples_missed_total", 0.0),
        ("podometer_producer_orders", 1.0),
        ("podometer_producer_runners_connected", 1.0),
        ("podometer_producer_outbox_messages", 0.0),
        ("podometer_producer_spool_bytes", 0.0),
        ("podometer_consumer_duplicates_total", 0.0),
        ("podometer_consumer_lag_messages", 0.0),
        ("podometer_consumer_lag_seconds", 0.0),
        ("podometer_orchestrator_orders", 1.0),
        ("podometer_orchestrator_attempts_started_total", 5.0),
        ("podometer_orchestrator_attempt_retries_total", 1.0),
        ("podometer_orchestrator_attempts_ended_total", 4.0),
        (
            "podometer_orchestrator_attempts_ended_total{reason=\"error\"}",
            1.0,
        ),
        (
            "podometer_orchestrator_next_attempt_delay_seconds_count",
            4.0,
        ),
    ] {
        assert_eq!(sum(&text, name), value, "{name} of\n{text}");
    }
    // All but the ends of runs: each is said at its start and at its end.
    let items = sum(&text, "podometer_consumer_batch_items_sum");
    assert_eq!(items, sum(&text, "podometer_consumer_items_stored_total"));
    let runs = count(&place, "select count(*) + count(ended_at) from run");
    assert_eq!(items, stored + runs);
    let newest = count(&place, "select max(time) from sample_wide") / 1e6;
    let said = sum(&text, "podometer_consumer_newest_sample_timestamp_seconds");
    assert!((said - newest).abs() < 1e-3, "{said} {newest}");
    let messages = sum(&text, "podometer_producer_publish_duration_seconds_count");
    assert_eq!(messages, items);
    assert!(sum(&text, "process_resident_memory_bytes") > 1e6);
    assert_eq!(served.end(), Some(130));
}

#[test]
fn a_port_that_is_taken_is_said_before_anything_starts() {
    let place = Place::new();
    place.write("order.json", order());
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let said = place.run(&["run", "order.json", "--metrics-listen", &address]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(
        said.err.contains(&address) && said.err.contains("another address"),
        "{said:?}"
    );
    assert!(!place.path("data").exists());
}
