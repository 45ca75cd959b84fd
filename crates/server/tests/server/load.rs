//! Loading and ending orders.

use std::fmt::Write as _;

use hyper::StatusCode;
use serde_json::json;

use crate::given::*;

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=X");

fn form(parts: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (head, body) in parts {
        write!(
            text,
            "--X\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n"
        )
        .unwrap();
    }
    text + "--X--\r\n"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_handed_on_as_it_came() {
    let given = Given::new().await;
    let order = r#"{"id": "leaf-1", "tasks": ["resize"]}"#;
    let answer = given
        .send(
            "POST",
            "/api/orders?period=500ms&prewarm=true",
            &[JSON],
            order,
        )
        .await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(
        answer.json(),
        json!({ "id": "leaf-1", "order_uid": uid(1) })
    );
    assert_eq!(answer.header("location"), "/api/orders/leaf-1");
    {
        let posted = given.posted.lock().unwrap();
        let posted = &posted[0];
        assert_eq!(
            (posted.order.as_str(), posted.again, posted.prewarm),
            (order, false, Some(true))
        );
        assert_eq!(posted.period.map(|p| p.get().as_millis()), Some(500));
    }
    let answer = given.send("POST", "/api/orders", &[JSON], order).await;
    assert_eq!(
        (answer.status, answer.detail().as_str()),
        (StatusCode::CONFLICT, "the id was used before")
    );
    let answer = given
        .send("POST", "/api/orders?again=true", &[JSON], order)
        .await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let answer = given.send("POST", "/api/orders", &[JSON], "{").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_input_comes_along_as_a_part() {
    let given = Given::new().await;
    let body = form(&[
        ("name=\"order\"", r#"{"id": "a", "tasks": ["resize"]}"#),
        ("name=\"input\"; filename=\"../leaf.jpg\"", "bytes"),
    ]);
    let answer = given.send("POST", "/api/orders", &[FORM], body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let posted = given.posted.lock().unwrap();
    let input = posted[0].input.as_ref().unwrap();
    assert_eq!(
        (input.name.as_str(), &input.bytes[..]),
        ("leaf.jpg", &b"bytes"[..])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_order_is_refused() {
    let mut limits = limits();
    (limits.order_bytes, limits.input_bytes) = (1000, 2000);
    let given = Given::with(limits, None).await;
    let long = "x".repeat(2500);
    let good = ("name=\"order\"", "{}");
    for (head, body, status, detail) in [
        (
            JSON,
            r#"{"input": "/etc/passwd"}"#.to_owned(),
            400,
            "order:1:11: input: a posted order can't name a file",
        ),
        (
            JSON,
            long.clone(),
            413,
            "the order is longer than 1000 bytes",
        ),
        (
            ("content-type", "text/plain"),
            "{}".to_owned(),
            415,
            "send the order as application/json",
        ),
        (("accept", "*/*"), "{}".to_owned(), 415, "send the order as"),
        (FORM, form(&[]), 400, "the part order is missing"),
        (FORM, form(&[good, good]), 400, "the part order comes twice"),
        (
            FORM,
            form(&[good, ("name=\"x\"", "")]),
            400,
            "there is no part \"x\"",
        ),
        (
            FORM,
            form(&[good, ("name=\"input\"", &long)]),
            413,
            "the part input is longer than 2000",
        ),
        (
            FORM,
            form(&[("name=\"order\"", r#"{"input": "a"}"#)]),
            400,
            "can't name a file",
        ),
        (FORM, "nothing".to_owned(), 400, "in the form"),
        (
            ("content-type", "multipart/form-data"),
            form(&[good]),
            400,
            "in the form",
        ),
    ] {
        let answer = given.send("POST", "/api/orders", &[head], body).await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{detail}: {}",
            answer.text()
        );
        assert!(
            answer.detail().contains(detail),
            "{detail}: {}",
            answer.detail()
        );
    }
    assert!(given.posted.lock().unwrap().is_empty());
    let answer = given
        .send("POST", "/api/orders?period=90s", &[JSON], "{}")
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_ended_once() {
    let given = Given::new().await;
    given.register(1).await;
    given.ended(2).await;
    let answer = given.send("DELETE", "/api/orders/leaf-1", &[], "").await;
    assert_eq!(
        (answer.status, answer.json()),
        (StatusCode::ACCEPTED, json!({ "id": "leaf-1" }))
    );
    let answer = given.send("DELETE", "/api/orders/leaf-2", &[], "").await;
    assert_eq!(
        (answer.status, answer.detail().as_str()),
        (StatusCode::CONFLICT, "order leaf-2 has ended already")
    );
    let answer = given.send("DELETE", "/api/orders/leaf-3", &[], "").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_posts_too_often_has_to_wait() {
    let mut limits = limits();
    (limits.posts_at_once, limits.posts_per_second) = (2.0, 0.1);
    let given = Given::with(limits, None).await;
    for _ in 0..2 {
        given.send("POST", "/api/orders", &[JSON], "{").await;
    }
    let answer = given.send("POST", "/api/orders", &[JSON], "{").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.header("retry-after").parse::<u32>().unwrap() <= 10);
}
