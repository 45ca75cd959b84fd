//! The event stream.

use std::{collections::BTreeSet, time::Duration};

use bytes::BytesMut;
use http_body_util::BodyExt;
use hyper::{StatusCode, body::Incoming};
use model::Status;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::given::*;

/// A watcher that reads what it is sent.
struct Watcher {
    body: Incoming,
    text: BytesMut,
    last: Option<String>,
}

impl Watcher {
    async fn new(given: &Given, path: &str, last: Option<&str>) -> Self {
        let headers: Vec<_> = last.map(|id| ("last-event-id", id)).into_iter().collect();
        let (status, headers, body) = given.open("GET", path, &headers, "".into()).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers["content-type"], "text/event-stream");
        Self {
            body,
            text: BytesMut::new(),
            last: None,
        }
    }

    /// The next event: its kind and its data. Comments are passed over.
    async fn next(&mut self) -> (String, Value) {
        timeout(Duration::from_secs(30), self.read()).await.unwrap()
    }

    async fn read(&mut self) -> (String, Value) {
        loop {
            if let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") {
                let block = self.text.split_to(end + 2);
                let block = String::from_utf8(block.to_vec()).unwrap();
                let field = |name: &str| {
                    block
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(str::to_owned)
                };
                if let (Some(kind), Some(data)) = (field("event: "), field("data: ")) {
                    self.last = field("id: ");
                    return (kind, serde_json::from_str(&data).unwrap());
                }
                continue;
            }
            let frame = self.body.frame().await.unwrap().unwrap();
            self.text.extend_from_slice(&frame.into_data().unwrap());
        }
    }

    /// The sequence numbers that come until the order has ended.
    async fn until_the_end(&mut self) -> Vec<u64> {
        let mut seqs = Vec::new();
        loop {
            let (kind, data) = self.next().await;
            assert_ne!(kind, "reset");
            if kind == "samples" {
                seqs.extend(
                    data["rows"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|row| row[2].as_u64().unwrap()),
                );
            } else if kind == "order" && data["status"] == "succeeded" {
                return seqs;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_new_is_told_in_order() {
    let given = Given::new().await;
    given.ended(1).await;
    let mut watcher = Watcher::new(&given, "/api/events", None).await;
    given.register(2).await;
    let (kind, order) = watcher.next().await;
    assert_eq!(
        (kind.as_str(), &order["id"], &order["status"]),
        ("order", &json!("leaf-2"), &json!("queued"))
    );

    given
        .ingest(
            2,
            vec![
                started(key(2, 0, 1), "resize"),
                sample(key(2, 0, 1), "resize", 0),
            ],
        )
        .await;
    let (kind, order) = watcher.next().await;
    assert_eq!((kind.as_str(), &order["task"]), ("order", &json!("resize")));
    let (kind, run) = watcher.next().await;
    assert_eq!(
        (kind.as_str(), &run["order"], &run["run"]["reason"]),
        ("run", &json!("leaf-2"), &json!(null))
    );
    let (kind, samples) = watcher.next().await;
    assert_eq!(kind, "samples");
    assert_eq!(samples["columns"].as_array().unwrap().len(), 26);
    assert_eq!(samples["columns"][10], "memory");
    assert_eq!(samples["rows"][0][2], 0);
    assert_eq!(
        (&samples["position"], &samples["task"], &samples["attempt"]),
        (&json!(0), &json!("resize"), &json!(1))
    );

    given.ingest(2, vec![ended(key(2, 0, 1), "resize")]).await;
    let mut kinds = BTreeSet::new();
    while kinds.len() < 2 {
        let (kind, data) = watcher.next().await;
        if kind == "run" {
            assert_eq!(data["run"]["reason"], "completed");
        }
        kinds.insert(kind);
    }
    let end = given
        .store
        .set_status(uid(2), Status::Succeeded, None, at(9));
    end.await.unwrap();
    assert_eq!(watcher.next().await.1["status"], "succeeded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_watchers_see_each_sample_once() {
    let given = Given::new().await;
    given.register(1).await;
    let mut watchers = Vec::new();
    for n in 0..200 {
        let path = if n % 2 == 0 {
            "/api/events"
        } else {
            "/api/events?order=leaf-1"
        };
        watchers.push(Watcher::new(&given, path, None).await);
    }
    let mut items = vec![started(key(1, 0, 1), "resize")];
    for round in 0..10 {
        // Pairs come the wrong way round.
        items.extend((0..10).map(|n| sample(key(1, 0, 1), "resize", (round * 10 + n) ^ 1)));
        given.ingest(1, std::mem::take(&mut items)).await;
        sleep(Duration::from_millis(30)).await;
    }
    given.ingest(1, vec![ended(key(1, 0, 1), "resize")]).await;
    let end = given
        .store
        .set_status(uid(1), Status::Succeeded, None, at(9));
    end.await.unwrap();
    for watcher in &mut watchers {
        let mut seqs = watcher.until_the_end().await;
        seqs.sort_unstable();
        assert_eq!(seqs, (0..100).collect::<Vec<_>>());
    }
    let metrics = given.get("/metrics").await.text();
    assert!(
        metrics.contains("podometer_server_watchers 200"),
        "{metrics}"
    );
    assert!(
        metrics.contains("podometer_server_watcher_resets_total 0"),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_goes_on_where_it_was() {
    let given = Given::new().await;
    let mut watcher = Watcher::new(&given, "/api/events", None).await;
    given.register(1).await;
    watcher.next().await;
    let place = watcher.last.clone().unwrap();
    drop(watcher);
    given.register(2).await;
    sleep(Duration::from_millis(60)).await;
    let mut again = Watcher::new(&given, "/api/events", Some(&place)).await;
    let (kind, order) = again.next().await;
    assert_eq!((kind.as_str(), &order["id"]), ("order", &json!("leaf-2")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_is_no_longer_held_is_reset() {
    let mut limits = limits();
    limits.events = 2;
    let given = Given::with(limits, None).await;
    for unknown in ["00000000-7", "nonsense"] {
        let mut watcher = Watcher::new(&given, "/api/events", Some(unknown)).await;
        assert_eq!(watcher.next().await, ("reset".to_owned(), json!({})));
        // From there on all is told.
        let n = if unknown == "nonsense" { 20 } else { 10 };
        given.register(n).await;
        assert_eq!(watcher.next().await.1["id"], format!("leaf-{n}"));
    }
    let mut first = Watcher::new(&given, "/api/events", None).await;
    given.register(30).await;
    first.next().await;
    let place = first.last.clone().unwrap();
    for n in 31..36 {
        given.register(n).await;
    }
    // A watcher that keeps up isn't concerned.
    sleep(Duration::from_millis(100)).await;
    let mut late = Watcher::new(&given, "/api/events", Some(&place)).await;
    assert_eq!(late.next().await.0, "reset");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_after_the_stream_began_has_all_that_came_before() {
    let given = Given::new().await;
    for n in 1..20 {
        // The list is asked for just before, so that an answer of this moment is kept.
        given.json("/api/orders").await;
        given.register(n).await;
        let _watcher = Watcher::new(&given, "/api/events", None).await;
        let orders = given.json("/api/orders").await;
        assert_eq!(orders["orders"][0]["id"], format!("leaf-{n}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_watchers_are_turned_away() {
    let mut limits = limits();
    limits.watchers = 1;
    let given = Given::with(limits, None).await;
    let watcher = Watcher::new(&given, "/api/events", None).await;
    assert_eq!(
        given.get("/api/events").await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    drop(watcher);
    // Its going is seen when the connection is.
    for _ in 0..100 {
        let (status, ..) = given.open("GET", "/api/events", &[], "".into()).await;
        if status == StatusCode::OK {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("the place was never given back");
}
