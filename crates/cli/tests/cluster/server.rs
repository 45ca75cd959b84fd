//! The page and the API of a cluster: from this machine, and as the Deployment in it.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    time::Duration,
};

use http::{Method, Request, StatusCode, header};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, client::Body};
use serde_json::{Value, json};

use crate::{
    harness::{Place, until},
    kit::{Kit, block_on, kit, shell, unique},
};

/// A `podometer serve --cluster` that ends with the test.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn from_this_machine() {
    let Some(kit) = kit() else { return };
    let place = Place::new();
    let mut args = vec!["serve", "--listen", "127.0.0.1:0"];
    args.extend(kit.which());
    let mut command = place.command(&args);
    let mut serving = Serving(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    let stdout = serving.0.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    let url = line.trim().trim_end_matches('/');
    let id = unique("page");
    let order = json!({ "id": id, "tasks": [shell("say", "echo said")] });
    place.write("page.json", order.to_string());
    place.ok(&["load", "page.json", "--server", url]);
    let end = place.json(&["status", &id, "--follow", "--server", url], 0);
    assert_eq!(end["runs"][0]["output"], "said", "{end:#}");
}

#[test]
fn in_the_cluster() {
    let Some(kit) = kit() else { return };
    let place = Place::new();
    let id = unique("inside");
    let order = json!({ "id": id, "tasks": [shell("say", "echo said")] });
    until("the server is ready", Duration::from_mins(2), || {
        let answer = ask(kit, Method::GET, "readyz", None, &json!(null));
        answer.is_some_and(|(status, _, _)| status == StatusCode::OK)
    });
    let refused = ask(kit, Method::POST, "api/orders", None, &order);
    assert_eq!(refused.unwrap().0, StatusCode::UNAUTHORIZED);
    let cookie = sign_in(kit);
    let (status, _, said) = ask(kit, Method::POST, "api/orders", Some(&cookie), &order).unwrap();
    assert_eq!(status, StatusCode::CREATED, "{said}");
    let end = kit.follow(&place, &id, 0);
    assert_eq!(end["runs"][0]["output"], "said", "{end:#}");
    let (status, _, said) = ask(kit, Method::POST, "api/orders", Some(&cookie), &order).unwrap();
    assert_eq!(status, StatusCode::CONFLICT, "{said}");
    let path = format!("api/orders/{id}");
    let (status, _, said) = ask(kit, Method::DELETE, &path, Some(&cookie), &json!(null)).unwrap();
    assert_eq!(status, StatusCode::CONFLICT, "{said}");
}

/// The cookie of who has shown the token.
pub(crate) fn sign_in(kit: &Kit) -> String {
    let token = json!({ "token": token(kit) });
    let (status, cookie, said) = ask(kit, Method::POST, "api/session", None, &token).unwrap();
    assert_eq!(status, StatusCode::NO_CONTENT, "{said}");
    cookie.unwrap()
}

/// How an order stands as the page shows it; `None` if it doesn't.
pub(crate) fn shown(kit: &Kit, cookie: &str, id: &str) -> Option<String> {
    let path = format!("api/orders/{id}");
    let (status, _, said) = ask(kit, Method::GET, &path, Some(cookie), &json!(null))?;
    let order: Value = serde_json::from_str(&said).ok()?;
    (status == StatusCode::OK).then(|| order["status"].as_str().unwrap().to_owned())
}

fn token(kit: &Kit) -> String {
    let secrets: Api<Secret> = Api::default_namespaced(kit.client());
    let secret = block_on(secrets.get("podometer-secrets")).unwrap();
    let token = &secret.data.unwrap()["server-token"];
    String::from_utf8(token.0.clone()).unwrap()
}

/// Asks the Deployment's Service through the API server: the status, the cookie that it sets, its text.
fn ask(
    kit: &Kit,
    method: Method,
    path: &str,
    cookie: Option<&str>,
    body: &Value,
) -> Option<(StatusCode, Option<String>, String)> {
    let namespace = &kit.0.name;
    let path =
        format!("/api/v1/namespaces/{namespace}/services/podometer-server:http/proxy/{path}");
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(cookie) = cookie {
        request = request.header(header::COOKIE, cookie);
    }
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let request = request.body(Body::from(body.into_bytes())).unwrap();
    let client = kit.client();
    block_on(async {
        let response = client.send(request).await.ok()?;
        let set = response.headers().get(header::SET_COOKIE);
        let cookie = set
            .and_then(|set| set.to_str().ok()?.split(';').next())
            .map(str::to_owned);
        let status = response.status();
        let bytes = response.into_body().collect_bytes().await.ok()?;
        Some((status, cookie, String::from_utf8_lossy(&bytes).into_owned()))
    })
}
