//! Who may ask.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::given::*;

const SECRET: &str = "0123456789abcdef-secret";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_token_only_little_is_told() {
    let given = Given::with(limits(), Some(SECRET)).await;
    for (method, path) in [
        ("GET", "/api/orders"),
        ("POST", "/api/orders"),
        ("DELETE", "/api/orders/leaf-1"),
        ("GET", "/api/events"),
        ("GET", "/api/openapi.json"),
    ] {
        let answer = given.send(method, path, &[], "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
        assert!(!answer.text().contains(SECRET));
    }
    for path in ["/", "/healthz", "/readyz", "/metrics"] {
        assert_eq!(given.get(path).await.status, StatusCode::OK, "{path}");
    }
    let bearer = format!("Bearer {SECRET}");
    let answer = given
        .send(
            "GET",
            "/api/orders",
            &[("authorization", &bearer), ("host", "a.example")],
            "",
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    let session = given.json("/api/session").await;
    assert_eq!(
        (&session["token_required"], &session["signed_in"]),
        (&json!(true), &json!(false))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_signs_in_and_out() {
    let given = Given::with(limits(), Some(SECRET)).await;
    let json = ("content-type", "application/json");
    let wrong = given
        .send(
            "POST",
            "/api/session",
            &[json],
            r#"{"token":"wrong-wrong-wrong-wrong"}"#,
        )
        .await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(wrong.headers.get("set-cookie").is_none());

    let body = json!({ "token": SECRET }).to_string();
    let answer = given
        .send(
            "POST",
            "/api/session",
            &[json, ("x-forwarded-proto", "https")],
            body,
        )
        .await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let cookie = answer.header("set-cookie").to_owned();
    assert!(!cookie.contains(SECRET));
    for part in [
        "podometer_session=",
        "HttpOnly",
        "SameSite=Strict",
        "Path=/",
        "Secure",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let pair = cookie.split(';').next().unwrap();
    let ask = async |method: &'static str, more: &[(&str, &str)]| {
        let headers = [&[("cookie", pair)], more].concat();
        given.send(method, "/api/session", &headers, "").await
    };
    assert_eq!(ask("GET", &[]).await.json()["signed_in"], json!(true));
    assert_eq!(
        given
            .send("GET", "/api/orders", &[("cookie", pair)], "")
            .await
            .status,
        StatusCode::OK
    );
    let foreign = ask("DELETE", &[("origin", "http://evil.example")]).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert_eq!(ask("DELETE", &[]).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ask("GET", &[]).await.json()["signed_in"], json!(false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_can_not_be_tried_without_end() {
    let mut limits = limits();
    (limits.sign_ins_at_once, limits.sign_ins_per_second) = (3.0, 0.01);
    let given = Given::with(limits, Some(SECRET)).await;
    let body = json!({ "token": "wrong-wrong-wrong-wrong" }).to_string();
    let mut last = StatusCode::OK;
    for _ in 0..4 {
        let json = ("content-type", "application/json");
        last = given
            .send("POST", "/api/session", &[json], body.clone())
            .await
            .status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_name_and_a_foreign_page_are_refused() {
    let given = Given::new().await;
    let answer = given
        .send("GET", "/api/orders", &[("host", "evil.example")], "")
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let json = ("content-type", "application/json");
    let answer = given
        .send(
            "POST",
            "/api/orders",
            &[json, ("origin", "http://evil.example")],
            "{}",
        )
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(given.posted.lock().unwrap().is_empty());
    let own = format!("http://{}", given.address);
    let answer = given
        .send("POST", "/api/orders", &[json, ("origin", &own)], "{}")
        .await;
    assert_eq!(answer.status, StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_binds_the_browser() {
    let given = Given::new().await;
    for path in [
        "/",
        "/api/orders",
        "/api/orders/none",
        "/nothing",
        "/healthz",
    ] {
        let answer = given.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'self'") && policy.contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_nothing_is_dropped() {
    let mut limits = limits();
    (limits.head, limits.body) = (Duration::from_millis(200), Duration::from_millis(200));
    let given = Given::with(limits, None).await;
    let mut slow = tokio::net::TcpStream::connect(given.address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: loc")
        .await
        .unwrap();
    let mut said = Vec::new();
    slow.read_to_end(&mut said).await.unwrap();
    assert!(!String::from_utf8_lossy(&said).contains("200 OK"));

    let mut slow = tokio::net::TcpStream::connect(given.address).await.unwrap();
    let head = "POST /api/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut said = [0; 64];
    let read = slow.read(&mut said).await.unwrap();
    assert!(String::from_utf8_lossy(&said[..read]).starts_with("HTTP/1.1 408"));
}
