//! Orders on a Kafka and a TimescaleDB, as on the embedded default.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    harness::Place,
    servers::{Database, kafka, unique},
};

/// The tasks of `orders/leaf.json` on a small picture.
pub(crate) fn leaf(id: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../orders/leaf.json");
    let mut order: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    order["id"] = id.into();
    for task in order["tasks"].as_array_mut().unwrap() {
        if task["name"] == "camera" || task == "camera" {
            *task = json!({ "name": "camera", "args": ["--width", "400", "--height", "300"] });
        }
    }
    order.to_string()
}

/// What of a run doesn't depend on the moment.
fn facts(order: &Value) -> Vec<Value> {
    const SAME: [&str; 9] = [
        "position",
        "task",
        "attempt",
        "exit_code",
        "signal",
        "reason",
        "censored",
        "missed_samples",
        "output",
    ];
    let runs = order["runs"].as_array().unwrap().iter();
    let fact = |run: &Value| {
        let known = run
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, value)| !value.is_null());
        let mut known: Vec<_> = known.map(|(name, _)| name.clone()).collect();
        known.sort();
        let same: Vec<_> = SAME.iter().map(|name| run[name].clone()).collect();
        json!({ "same": same, "known": known })
    };
    runs.map(fact).collect()
}

#[test]
fn the_same_table_as_on_the_embedded_default() {
    let (Some(kafka), Some(database)) = (kafka(), Database::make()) else {
        return;
    };
    let (here, there) = (Place::new(), Place::new());
    let id = unique("leaf");
    for place in [&here, &there] {
        place.write("leaf.json", leaf(&id));
    }
    let embedded = here.json(&["run", "leaf.json"], 0);
    let servers = [
        "--bootstrap-servers",
        &kafka,
        "--database-url",
        &database.url,
        "--topic-grace",
        "1h",
    ];
    let real = there.json(&[&["run", "leaf.json"], &servers[..]].concat(), 0);
    assert_eq!(facts(&real[0]), facts(&embedded[0]));
    assert!(there.data(&format!("{id}/report.html")).is_file());
    assert!(!there.data("podometer.db").exists());
    // Commands that read find it there, too.
    let url = ["--database-url", &database.url];
    let status = there.json(&[&["status", &id], &url[..]].concat(), 0);
    assert_eq!(
        (&status["status"], &status["storing_complete"]),
        (&"succeeded".into(), &true.into())
    );
    there.ok(&[&["chart", &id, "--task", "resize"], &url[..]].concat());
    let runs = database
        .rows("select task, samples, stored_samples from podometer.run_named order by position");
    assert_eq!(runs.len(), real[0]["runs"].as_array().unwrap().len());
    for run in &runs {
        let cells: Vec<_> = run.split('|').collect();
        assert_eq!(cells[1], cells[2], "{run}");
    }
    messages_are_as_documented(&kafka, &id);
    there.ok(&[&["delete", &id], &url[..]].concat());
    assert_eq!(
        database.rows("select count(*) from podometer.sample_wide"),
        ["0"]
    );
}

/// `kcat` sees them, with their keys.
fn messages_are_as_documented(kafka: &str, id: &str) {
    let keys = |topic: &str| {
        let args = ["-b", kafka, "-t", topic, "-C", "-e", "-q", "-f", "%k %h\\n"];
        let output = Command::new("kcat").args(args).output();
        let output = output.expect("kcat, which test.sh installs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = text
            .lines()
            .filter(|line| line.contains(&format!("order={id}")));
        let mut keys: Vec<_> = lines
            .filter_map(|line| Some(line.split_once(' ')?.0.to_owned()))
            .collect();
        keys.sort();
        keys.dedup();
        keys
    };
    assert_eq!(
        keys(&format!("task{id}")),
        ["BACKLOG", "HALT", "ORDER", "STOP", "TERMINATE"]
    );
    assert_eq!(keys(&format!("resource{id}")), ["RUN", "SAMPLE", "STOP"]);
    assert_eq!(keys("orchestrator"), ["PROGRESS"]);
}

fn quick(id: &str) -> String {
    let task = json!({ "name": "nap", "local": ["sh", "-c", "sleep 0.2; echo done"] });
    json!({ "id": id, "tasks": [task, task] }).to_string()
}

/// Per execution its id and, per run, whether all samples are there from 0 on.
fn executions(database: &Database) -> Vec<String> {
    database.rows(
        "select o.name, o.storing_complete, r.position, count(s.seq) = max(s.seq) + 1, \
         count(s.seq) = r.stored_samples, r.missed_samples, r.reason \
         from podometer.orders o join podometer.run r on r.order_id = o.id \
         join podometer.sample_wide s on s.order_id = o.id and s.position = r.position \
         group by o.id, o.name, o.storing_complete, r.position, r.stored_samples, r.missed_samples, r.reason \
         order by o.id, r.position",
    )
}

fn whole(id: &str) -> [String; 2] {
    [0, 1].map(|position| format!("{id}|t|{position}|t|t|0|completed"))
}

/// The same id again, on topics that hold what the first execution said, on topics that were deleted and
/// made anew, and with a database from before.
#[test]
fn the_same_id_again() {
    let (Some(kafka), Some(database)) = (kafka(), Database::make()) else {
        return;
    };
    let place = Place::new();
    let id = unique("again");
    place.write("order.json", quick(&id));
    let run = |database: &Database, grace: &str| {
        let servers = [
            "--bootstrap-servers",
            &kafka,
            "--database-url",
            &database.url,
        ];
        let args = ["run", "order.json", "--no-charts", "--topic-grace", grace];
        place.ok(&[&args[..], &servers[..]].concat());
    };
    let servers = ["migrate", "--database-url", &database.url];
    place.ok(&servers);
    let before = database.copy();
    run(&database, "1h");
    // A database from before the first execution: the topics hold that one's messages still.
    run(&before, "1h");
    assert_eq!(executions(&before), whole(&id));
    let first = database.rows("select * from podometer.sample_wide order by seq, position");
    // Known to the first database: the next number. All topics go at its end.
    run(&database, "0s");
    let second = format!("{id}-2");
    assert_eq!(executions(&database), [whole(&id), whole(&second)].concat());
    let now = database.rows(&format!(
        "select s.* from podometer.sample_wide s join podometer.orders o on o.id = s.order_id \
         where o.name = '{id}' order by s.seq, s.position",
    ));
    assert_eq!(now, first, "the first execution is as it was");
    assert_eq!(topics(&kafka, &id), [""; 0], "deleted, both executions'");
    // Topics of the same names, made anew.
    let again = before.copy();
    run(&again, "1h");
    assert_eq!(executions(&again), [whole(&id), whole(&second)].concat());
    place.write("other.json", quick(&id));
    let empty = Database::make().unwrap();
    run(&empty, "1h");
    assert_eq!(executions(&empty), whole(&id));
}

/// The topics of an id, as `kcat` lists them.
fn topics(kafka: &str, id: &str) -> Vec<String> {
    let output = Command::new("kcat")
        .args(["-b", kafka, "-L", "-J"])
        .output()
        .unwrap();
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names = list["topics"].as_array().unwrap().iter();
    let names = names.filter_map(|topic| topic["topic"].as_str().map(str::to_owned));
    names.filter(|name| name.contains(id)).collect()
}
