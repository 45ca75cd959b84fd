//! `podometer serve`, the program, over orders that `podometer run` ran.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::json;

use crate::{harness::Place, serving::Serving};

#[test]
fn what_was_run_is_served() {
    let place = Place::new();
    let picture = place.path("leaf.png");
    image::RgbImage::new(8, 6).save(&picture).unwrap();
    let order = json!({ "id": "leaf", "input": "leaf.png", "tasks": ["resize", { "name": "sh", "local": ["true"] }] });
    place.write("leaf.json", order.to_string());
    place.ok(&["run", "leaf.json", "--no-charts"]);
    let serving = Serving::start(place.command(&["serve", "--listen", "127.0.0.1:0"]));

    let order = serving.json("/api/orders/leaf");
    assert_eq!(
        (&order["status"], &order["done"]),
        (&json!("succeeded"), &json!(2))
    );
    assert_eq!(order["plan"][0]["task"], "resize");
    assert_eq!(order["input_picture"], "/api/orders/leaf/pictures/input");
    assert_eq!(order["runs"][0]["picture"], "/api/orders/leaf/pictures/0-1");
    for (path, start) in [
        ("pictures/input", &b"\x89PNG"[..]),
        ("pictures/0-1", b"\x89PNG"),
        ("charts/resize.png", b"\x89PNG"),
        ("charts/resize.svg", b"<svg"),
        ("chart.svg", b"<svg"),
        ("report.html", b"<!DOCTYPE html>"),
    ] {
        let (status, head, body) = serving.get(&format!("/api/orders/leaf/{path}"));
        assert_eq!(status, 200, "{path}");
        assert!(body.starts_with(start), "{path}: {head}");
    }
    assert_eq!(serving.get("/api/orders/leaf/pictures/1-1").0, 404);
    let samples = serving.json("/api/orders/leaf/samples?task=resize&resource=cpu");
    assert!(samples["series"][0]["rows"].as_array().unwrap().len() > 1);
    let (status, _, page) = serving.get("/");
    assert!(status == 200 && page.starts_with(b"<!"), "{status}");
}

#[test]
fn beyond_loopback_a_token_is_needed() {
    let place = Place::new();
    let said = place.run(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(
        said.err.contains("a token is needed") && said.err.contains("--token-file"),
        "{said:?}"
    );
    assert!(!place.path("data").exists(), "nothing is made before");
    place.write("short.txt", "secret\n");
    let said = place.run(&["serve", "--token-file", "short.txt"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(
        said.err.contains("at least 16 characters") && !said.err.contains("secret\n"),
        "{said:?}"
    );

    let secret = "0123456789abcdef0123456789abcdef";
    place.write("token.txt", secret);
    let serving = Serving::start(place.command(&[
        "serve",
        "--listen",
        "0.0.0.0:0",
        "--token-file",
        "token.txt",
    ]));
    let port = serving.address.rsplit_once(':').unwrap().1.to_owned();
    let local = format!("127.0.0.1:{port}");
    let mut stream = TcpStream::connect(&local).unwrap();
    write!(
        stream,
        "GET /api/orders HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}
