//! What is read.

use hyper::StatusCode;
use serde_json::json;

use crate::given::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_come_in_pages_newest_first() {
    let given = Given::new().await;
    for n in 1..=5 {
        given.ended(n).await;
    }
    given.register(6).await;
    given.ingest(6, vec![started(key(6, 0, 1), "resize")]).await;

    let page = given.json("/api/orders?limit=4").await;
    let ids = |page: &serde_json::Value| -> Vec<String> {
        let orders = page["orders"].as_array().unwrap().iter();
        orders
            .map(|order| order["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&page), ["leaf-6", "leaf-5", "leaf-4", "leaf-3"]);
    let next = page["next"].as_str().unwrap();
    let rest = given
        .json(&format!("/api/orders?limit=4&before={next}"))
        .await;
    assert_eq!(ids(&rest), ["leaf-2", "leaf-1"]);
    assert_eq!(rest["next"], json!(null));

    let running = given.json("/api/orders?status=running").await;
    assert_eq!(ids(&running), ["leaf-6"]);
    let of = |order: &serde_json::Value| {
        [
            "done",
            "task",
            "position",
            "duration_seconds",
            "cpu_seconds",
            "memory_anon_peak_bytes",
        ]
        .map(|field| order[field].clone())
    };
    assert_eq!(
        of(&running["orders"][0]),
        [
            json!(0),
            json!("resize"),
            json!(0),
            json!(null),
            json!(null),
            json!(null)
        ]
    );
    assert_eq!(
        of(&page["orders"][1]),
        [
            json!(2),
            json!(null),
            json!(null),
            json!(9.0),
            json!(5.0),
            json!(5001)
        ]
    );
    assert_eq!(ids(&given.json("/api/orders?name=F-3").await), ["leaf-3"]);
    assert_eq!(
        ids(&given.json("/api/orders?name=%25").await),
        [] as [&str; 0]
    );
    assert_eq!(
        ids(&given
            .json("/api/orders?name=leaf&status=succeeded&limit=1")
            .await),
        ["leaf-5"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_has_its_plan_and_its_runs() {
    let given = Given::new().await;
    given.ended(1).await;
    let order = given.json("/api/orders/leaf-1").await;
    insta::assert_snapshot!(serde_json::to_string_pretty(&order).unwrap());
    let runs = given.json("/api/orders/leaf-1/runs").await;
    assert_eq!(runs["runs"], order["runs"]);
    assert_eq!(
        given.get("/api/orders/none").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        given.get("/api/orders/none/runs").await.detail(),
        "there is no order none; GET /api/orders lists those that there are"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_are_told_over_all_orders() {
    let given = Given::new().await;
    given.ended(1).await;
    given.ended(2).await;
    assert_eq!(
        given.json("/api/tasks").await,
        json!({ "tasks": [
            { "task": "resize", "runs": 2, "orders": 2, "last_started_at": "2023-11-14T22:13:20.000000Z" },
            { "task": "segment", "runs": 2, "orders": 2, "last_started_at": "2023-11-14T22:13:20.000000Z" },
        ]})
    );
    let runs = given.json("/api/tasks/segment/runs?limit=1").await;
    let run = &runs["runs"][0];
    assert_eq!(runs["runs"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&run["order"], &run["order_status"]),
        (&json!("leaf-2"), &json!("succeeded"))
    );
    assert_eq!(
        given.json("/api/tasks/none/runs").await,
        json!({ "runs": [] })
    );
    let resources = given.json("/api/resources").await;
    assert_eq!(
        resources["resources"][0],
        json!({ "name": "cpu", "unit": "cores" })
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drawings_say_what_they_are() {
    let given = Given::new().await;
    given.ended(1).await;
    for (path, kind, text) in [
        (
            "charts/segment.svg",
            "image/svg+xml",
            "leaf-1 Run(Position(1), Attempt(1), Svg)",
        ),
        (
            "charts/segment.png?position=1&attempt=1",
            "image/png",
            "leaf-1 Run(Position(1), Attempt(1), Png)",
        ),
        ("chart.svg", "image/svg+xml", "leaf-1 Order(Svg)"),
        ("chart.png", "image/png", "leaf-1 Order(Png)"),
        ("report.html", "text/html; charset=utf-8", "leaf-1 Report"),
        ("pictures/input", "image/png", "leaf-1 Small(Input)"),
        (
            "pictures/1-1",
            "image/png",
            "leaf-1 Small(Run(Position(1), Attempt(1)))",
        ),
    ] {
        let answer = given.get(&format!("/api/orders/leaf-1/{path}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(
            (answer.header("content-type"), answer.text().as_str()),
            (kind, text)
        );
    }
    let report = given.get("/api/orders/leaf-1/report.html").await;
    assert!(report.header("content-security-policy").contains("sandbox"));
    for path in [
        "charts/none.svg",
        "charts/segment.gif",
        "charts/segment.svg?attempt=2",
        "pictures/x",
        "pictures/1",
    ] {
        let answer = given.get(&format!("/api/orders/leaf-1/{path}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        answer.detail();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_in_a_query_is_said() {
    let given = Given::new().await;
    given.ended(1).await;
    for (path, detail) in [
        ("/api/orders?limit=0", "limit is 1 to 1000"),
        ("/api/orders?limit=x", "invalid digit"),
        ("/api/orders?status=odd", "unknown variant `odd`"),
        ("/api/orders?colour=red", "unknown field `colour`"),
        ("/api/orders?before=-1", "before is the `next`"),
        ("/api/orders/leaf-1/samples?resource=heat", "is no resource"),
        (
            "/api/orders/leaf-1/samples?from=today",
            "from is no instant",
        ),
        ("/api/orders/leaf-1/samples?max_points=1", "max_points is 2"),
        (
            "/api/orders/leaf-1/samples?task=a&task=b",
            "duplicate field `task`",
        ),
        ("/api/events?order=A", "order id"),
    ] {
        let answer = given.get(path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(
            answer.detail().contains(detail),
            "{path}: {}",
            answer.detail()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_its_health_and_its_numbers_are_there() {
    let given = Given::new().await;
    let page = given.get("/").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let tag = page.header("etag").to_owned();
    let again = given.send("GET", "/", &[("if-none-match", &tag)], "").await;
    assert_eq!(
        (again.status, again.body.len()),
        (StatusCode::NOT_MODIFIED, 0)
    );
    assert_eq!(given.get("/healthz").await.text(), "ok\n");
    assert_eq!(given.get("/readyz").await.text(), "ready\n");
    assert_eq!(given.get("/nothing").await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        given.send("PUT", "/api/orders", &[], "").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    let metrics = given.get("/metrics").await.text();
    let line = "podometer_server_requests_total{method=\"GET\",path=\"/healthz\",status=\"200\"} 1";
    assert!(metrics.contains(line), "{metrics}");
}

#[test]
fn the_document_is_as_it_was() {
    insta::assert_snapshot!(serde_json::to_string_pretty(server::openapi()).unwrap());
}
