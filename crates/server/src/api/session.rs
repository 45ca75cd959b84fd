//! Signing in and out.

use std::{net::SocketAddr, time::Instant};

use axum::{
    body::Body,
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use model::attempt::Launcher;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Shared, json_of, load};
use crate::{
    guard::{COOKIE, SESSION},
    params::Query,
    problem::Problem,
};

/// What this server is, and whether it knows the caller.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SessionView {
    /// Whether a token must be shown.
    token_required: bool,
    /// Whether the caller has shown it, or needs none.
    signed_in: bool,
    /// What starts the tasks of orders that are loaded here.
    launcher: Launcher,
    /// Whether orders can be loaded here.
    can_load: bool,
    /// Podometer's.
    version: &'static str,
}

/// A token.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// The server's token.
    token: String,
}

/// Nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoQuery {}

/// No token is longer, bytes.
const MAX_BYTES: usize = 4096;

pub(crate) async fn get(State(app): Shared, headers: HeaderMap) -> Result<Response, Problem> {
    json_of(&SessionView {
        token_required: app.guard.token_required(),
        signed_in: app.guard.is_known(&headers, Instant::now()),
        launcher: app.operate.launcher(),
        can_load: app.operate.can_load(),
        version: env!("CARGO_PKG_VERSION"),
    })
}

pub(crate) async fn sign_in(
    State(app): Shared,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Query(NoQuery {}): Query<NoQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let now = Instant::now();
    app.rates.sign_ins.take(from.ip(), now).map_err(|after| {
        Problem::too_many(
            "too many tokens were tried from this address; wait a little",
            after,
        )
    })?;
    load::expect_json(&headers)?;
    let body = load::read(&app, body, MAX_BYTES, "the token").await?;
    let shown: SignIn = serde_json::from_slice(&body)
        .map_err(|error| Problem::bad(format!("send {{\"token\": \"...\"}}: {error}")))?;
    let session = app
        .guard
        .sign_in(&shown.token, now)
        .ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "that is not this server's token"))?;
    let over_tls = headers
        .get("x-forwarded-proto")
        .is_some_and(|proto| proto == "https");
    let seconds = SESSION.as_secs();
    Ok(with_cookie(&session, seconds, over_tls))
}

pub(crate) async fn sign_out(State(app): Shared, headers: HeaderMap) -> Response {
    app.guard.sign_out(&headers);
    with_cookie("", 0, false)
}

fn with_cookie(session: &str, seconds: u64, over_tls: bool) -> Response {
    let secure = if over_tls { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE}={session}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Strict{secure}");
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
