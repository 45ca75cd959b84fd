//! Orchestrators and monitors are killed again and again; orders go on, and nothing of them is lost.

use std::{env, thread, time::Duration};

use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};

use crate::{
    harness::Place,
    kit::{Kit, block_on, kit, shell, unique},
};

/// How long it is quiet between two kills.
const PAUSE: Duration = Duration::from_millis(1700);

/// How much is done: in short, or what `PODOMETER_TEST_KILLS` says (`20x5x120`).
struct Size {
    /// Orders at once.
    orders: usize,
    /// Tasks of each.
    tasks: usize,
    /// Pods that are killed.
    kills: usize,
}

impl Size {
    fn get() -> Self {
        let said = env::var("PODOMETER_TEST_KILLS").unwrap_or_else(|_| "3x4x8".to_owned());
        let numbers: Vec<usize> = said.split('x').map(|part| part.parse().unwrap()).collect();
        let [orders, tasks, kills] = numbers[..] else {
            panic!("PODOMETER_TEST_KILLS is ORDERSxTASKSxKILLS, not {said}");
        };
        Self {
            orders,
            tasks,
            kills,
        }
    }
}

/// Kills one pod of the orders' own services; which one follows from the number.
fn kill_one(kit: &Kit, number: usize) {
    let pods = kit.pods();
    let services = "app.kubernetes.io/component in (orchestrator,monitor-producer,monitor-consumer),podometer.dev/order";
    block_on(async {
        let all = pods
            .list(&ListParams::default().labels(services))
            .await
            .unwrap()
            .items;
        let running: Vec<_> = all
            .into_iter()
            .filter(|pod| {
                pod.status
                    .as_ref()
                    .and_then(|status| status.phase.as_deref())
                    == Some("Running")
            })
            .filter_map(|pod| pod.metadata.name)
            .filter(|name| name.starts_with("kills"))
            .collect();
        if let Some(name) = running.get(number * 7 % running.len().max(1)) {
            let at_once = DeleteParams::default().grace_period(0);
            let _ = pods.delete(name, &at_once).await;
        }
    });
}

/// Tasks that last a second and say their place.
pub(crate) fn tasks(number: usize) -> Vec<Value> {
    (0..number)
        .map(|n| shell(&format!("t{n}"), "sleep 1; echo \"$PODOMETER_POSITION\""))
        .collect()
}

#[test]
fn orders_survive_kills_of_their_services() {
    let Some(kit) = kit() else { return };
    let (place, size) = (Place::new(), Size::get());
    let tasks = tasks(size.tasks);
    let ids: Vec<_> = (0..size.orders)
        .map(|n| {
            let (id, ahead) = (unique("kills"), n == 0);
            kit.load(
                &place,
                &json!({ "id": id, "tasks": tasks, "prewarm": ahead }),
            )
        })
        .collect();
    for number in 0..size.kills {
        thread::sleep(PAUSE);
        kill_one(kit, number);
    }
    for id in ids {
        let end = kit.follow(&place, &id, 0);
        let runs = end["runs"].as_array().unwrap();
        assert_eq!(runs.len(), size.tasks, "{end:#}");
        is_whole(runs);
    }
}

/// Each run of an order of such tasks was the only one, and all of its samples are stored, none twice.
pub(crate) fn is_whole(runs: &[Value]) {
    for (position, run) in runs.iter().enumerate() {
        assert_eq!(
            (&run["reason"], &run["attempt"]),
            (&json!("completed"), &json!(1)),
            "{run:#}"
        );
        assert_eq!(run["output"], position.to_string(), "{run:#}");
        assert_eq!(run["samples"], run["stored_samples"], "{run:#}");
        assert_eq!(
            (&run["missed_samples"], &run["censored"]),
            (&json!(0), &json!(false)),
            "{run:#}"
        );
    }
}
