//! The database is killed in the middle of an order and comes back.

use std::{thread, time::Duration};

use serde_json::json;

use crate::{
    harness::{Place, Running, until},
    servers::{Postgres, kafka, rows, unique},
};

/// How long it is away; 60 s and more by hand.
fn away() -> Duration {
    let seconds = std::env::var("PODOMETER_TEST_AWAY_SECONDS");
    Duration::from_secs(seconds.ok().and_then(|text| text.parse().ok()).unwrap_or(8))
}

#[test]
fn a_database_that_is_away_for_a_while_loses_nothing() {
    let Some(kafka) = kafka() else { return };
    let mut postgres = Postgres::start();
    let place = Place::new();
    let id = unique("away");
    let seconds = away().as_secs() + 6;
    let task =
        json!({ "name": "nap", "local": ["sh", "-c", format!("touch running; sleep {seconds}")] });
    let quick = json!({ "name": "quick", "local": ["true"] });
    place.write(
        "a.json",
        json!({ "id": id, "tasks": [quick, task, quick] }).to_string(),
    );
    let args = [
        "run",
        "a.json",
        "--no-charts",
        "--json",
        "--period",
        "100ms",
        "--bootstrap-servers",
        &kafka,
        "--database-url",
        &postgres.url(),
    ];
    let running = Running::start(place.command(&args));
    until("the long task runs", Duration::from_mins(1), || {
        place.data(&format!("{id}/workspace/running")).exists()
    });
    thread::sleep(Duration::from_millis(700));
    postgres.kill();
    thread::sleep(away());
    postgres.again();
    let said = running.wait_for(Duration::from_mins(4));
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.err.matches("storing waits").count(), 1, "{said:?}");
    assert_eq!(said.err.matches("storing goes on").count(), 1, "{said:?}");
    let runs = rows(
        &postgres.url(),
        "select r.position, count(s.seq) = max(s.seq) + 1, r.missed_samples, r.reason, o.storing_complete \
         from podometer.run r join podometer.orders o on o.id = r.order_id \
         join podometer.sample_wide s on s.order_id = o.id and s.position = r.position \
         group by r.position, r.missed_samples, r.reason, o.storing_complete order by 1",
    );
    let expected = [0, 1, 2].map(|position| format!("{position}|t|0|completed|t"));
    assert_eq!(runs, expected, "{said:?}");
}
