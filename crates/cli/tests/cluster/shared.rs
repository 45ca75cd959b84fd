//! Services that all orders share: `podometer up --shared`, and back.

use std::{collections::BTreeSet, thread, time::Duration};

use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{
    ends::await_running,
    harness::{Place, until},
    kills::{is_whole, tasks},
    kit::{Kit, block_on, shell, unique},
    metrics::all_are_scraped,
    quota::room_for_one_of_two,
    server::{shown, sign_in},
};

const SHARED: &str = "podometer.dev/services=shared";
/// Orders at once, and tasks of each.
const ORDERS: usize = 6;
const TASKS: usize = 3;
const LONG: Duration = Duration::from_mins(2);

#[test]
fn services_that_orders_share() {
    let up = ["--shared", "--set", "PODOMETER_MAX_ORDERS=8"];
    let Some(kit) = Kit::new("shared", &up) else {
        return;
    };
    let ended = many_orders_and_killed_services(&kit);
    a_terminated_order(&kit);
    room_for_one_of_two(&kit);
    nothing_is_left_after_a_day(&kit, &ended);
    the_old_form_when_nobody_needs_them(&kit);
    assert_eq!(kit.0.run(&["down", "--delete-data"]).code, Some(0));
}

/// Several orders, while each of the services is killed once; one of the orders.
fn many_orders_and_killed_services(kit: &Kit) -> String {
    let place = Place::new();
    let order =
        |ahead: bool| json!({ "id": unique("shared"), "tasks": tasks(TASKS), "prewarm": ahead });
    let ids: Vec<_> = (0..ORDERS)
        .map(|n| kit.load(&place, &order(n % 2 == 0)))
        .collect();
    await_running(kit, &format!("{}-t0-1", ids[ORDERS - 1]));
    for service in ["orchestrator", "monitor-producer", "monitor-consumer"] {
        kill(kit, service);
        thread::sleep(Duration::from_secs(1));
    }
    for id in &ids {
        let end = kit.follow(&place, id, 0);
        let runs = end["runs"].as_array().unwrap();
        assert_eq!(runs.len(), TASKS, "{end:#}");
        is_whole(runs);
        assert_eq!(end["storing_complete"], true, "{end:#}");
    }
    assert_eq!(components(kit), BTreeSet::from(["task".to_owned()]));
    ids[0].clone()
}

fn kill(kit: &Kit, service: &str) {
    let pods = kit.pods();
    let of = format!("{SHARED},app.kubernetes.io/component={service}");
    let at_once = DeleteParams::default().grace_period(0);
    block_on(async {
        for pod in pods.list(&ListParams::default().labels(&of)).await.unwrap() {
            let _ = pods.delete(&pod.name_any(), &at_once).await;
        }
    });
}

/// What the Jobs of orders are for.
fn components(kit: &Kit) -> BTreeSet<String> {
    let jobs = kit.jobs();
    let of = ListParams::default().labels("podometer.dev/order");
    let jobs = block_on(async { jobs.list(&of).await.unwrap() });
    let component = |job: &k8s_openapi::api::batch::v1::Job| {
        job.labels()["app.kubernetes.io/component"].clone()
    };
    jobs.iter().map(component).collect()
}

fn long(name: &str) -> Value {
    json!({ "id": unique(name), "tasks": [shell("long", "sleep 120"), shell("never", "true")] })
}

fn a_terminated_order(kit: &Kit) {
    let place = Place::new();
    let id = kit.load(&place, &long("stop"));
    await_running(kit, &format!("{id}-t0-1"));
    // A service that has just begun anew heeds it, too.
    kill(kit, "orchestrator");
    kit.terminate(&place, &id);
    let end = kit.follow(&place, &id, 1);
    assert_eq!(end["status"], "terminated", "{end:#}");
    assert_eq!(end["runs"].as_array().unwrap().len(), 1, "{end:#}");
}

/// The queue looks whenever an order changes, and at least every half minute.
fn nothing_is_left_after_a_day(kit: &Kit, id: &str) {
    let (maps, jobs) = (kit.maps(), kit.jobs());
    let name = format!("{id}-order");
    block_on(async {
        let map = maps.get(&name).await.unwrap();
        let mut state: Value = serde_json::from_str(&map.data.unwrap()["state"]).unwrap();
        state["ended_at"] = json!(1_577_836_800_000_000_i64);
        let old = Patch::Merge(json!({ "data": { "state": state.to_string() } }));
        maps.patch(&name, &PatchParams::default(), &old)
            .await
            .unwrap();
    });
    let of = ListParams::default().labels(&format!("podometer.dev/order={id}"));
    until("the order is forgotten", LONG, || {
        block_on(async {
            let gone = maps.get_opt(&name).await.unwrap().is_none();
            gone && jobs.list(&of).await.unwrap().items.is_empty()
        })
    });
    // The store isn't the cluster's memory.
    let mut status = vec!["status", id];
    status.extend(kit.which());
    let end = Place::new().json(&status, 0);
    assert_eq!(end["status"], "succeeded", "{end:#}");
}

/// `up` without `--shared` says who needs the services, and removes them when nobody does.
fn the_old_form_when_nobody_needs_them(kit: &Kit) {
    let place = Place::new();
    let id = kit.load(&place, &long("needs"));
    await_running(kit, &format!("{id}-t0-1"));
    let said = kit.0.up(&[]);
    assert_eq!(said.code, Some(2), "{said:?}");
    let why = format!("are needed by orders under way: {id}");
    assert!(said.err.contains(&why), "{said:?}");
    kit.terminate(&place, &id);
    kit.follow(&place, &id, 1);
    kit.up(&[]);
    let deployments = kit.deployments();
    let all = block_on(async { deployments.list(&ListParams::default()).await.unwrap() });
    let names: Vec<_> = all.iter().map(ResourceExt::name_any).collect();
    assert_eq!(names, ["podometer-queue", "podometer-server"]);
    let order = json!({ "id": unique("own"), "tasks": tasks(1) });
    is_whole(kit.run(&order, 0)["runs"].as_array().unwrap());
    assert!(components(kit).contains("orchestrator"));
}

/// Where each order has a claim of its own, the orchestrator has none of them: pods do what it would do.
#[test]
fn claims_of_their_own() {
    let (claims, one) = ("PODOMETER_WORKSPACE_CLAIM=", "PODOMETER_MAX_ORDERS=1");
    let up = ["--shared", "--set", claims, "--set", one];
    let Some(kit) = Kit::new("claims", &up) else {
        return;
    };
    let place = Place::new();
    // Several chunks.
    place.write("text.bin", "0123456789".repeat(200_000));
    let tasks = [
        shell("count", "wc -c < text.bin; echo one > note"),
        shell("note", "cat note; id -u"),
    ];
    let order = json!({ "id": unique("claim"), "input": "text.bin", "tasks": tasks });
    let id = kit.load(&place, &order);
    let end = kit.follow(&place, &id, 0);
    assert_eq!(end["runs"][0]["output"], "2000000", "{end:#}");
    for run in end["runs"].as_array().unwrap() {
        assert_eq!(run["samples"], run["stored_samples"], "{run:#}");
    }
    all_are_scraped(&kit);
    the_page_shows_who_waits(&kit);
}

/// Whoever handed it over, and also when it ends before it begins.
fn the_page_shows_who_waits(kit: &Kit) {
    let place = Place::new();
    let busy = kit.load(&place, &long("busy"));
    await_running(kit, &format!("{busy}-t0-1"));
    let waits = kit.load(&place, &long("waits"));
    let cookie = sign_in(kit);
    let stands = |status: &str| shown(kit, &cookie, &waits).is_some_and(|shown| shown == status);
    until("it is shown", LONG, || stands("queued"));
    for id in [&waits, &busy] {
        kit.terminate(&place, id);
    }
    kit.follow(&place, &waits, 1);
    until("its end is shown", LONG, || stands("terminated"));
}
