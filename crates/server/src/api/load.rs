//! Loading and ending orders.

use std::{net::SocketAddr, time::Instant};

use axum::{
    body::Body,
    extract::{ConnectInfo, FromRequest, Multipart, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use model::{
    HumanDuration, OrderId, OrderUid,
    order::{OrderFile, OrderProblem, OrderSource},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

use super::{Shared, json_of};
use crate::{
    App, NotTerminated, Posted, PostedInput, Refused,
    openapi::Describing,
    params::{Named, Query},
    problem::Problem,
};

/// How an order is loaded.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoadQuery {
    /// Whether an id that was used before takes the next free number.
    again: Option<bool>,
    /// The time between samples, 100ms to 60s.
    #[schemars(
        with = "Option<String>",
        regex(pattern = "^([1-9][0-9]{2}ms|[1-9]s|[1-5][0-9]s|60s)$")
    )]
    period: Option<HumanDuration>,
    /// Whether the next task's pod is made ready while a task runs, also where the order doesn't say so.
    prewarm: Option<bool>,
}

/// An order that was loaded.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct LoadedView {
    /// The id that it got.
    id: OrderId,
    /// The execution.
    order_uid: OrderUid,
}

/// An order that is being ended.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TerminatedView {
    /// Its id.
    id: OrderId,
}

const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data";

/// The body of a post, for the document.
pub(super) fn describe_body(mut it: Describing<'_>) -> Describing<'_> {
    let order = it.schema::<OrderFile>().to_value();
    // A string would be a path.
    let order =
        json!({ "allOf": [order, { "properties": { "input": { "not": { "type": "string" } } } }] });
    let form = json!({
        "type": "object",
        "required": ["order"],
        "additionalProperties": false,
        "properties": {
            "order": order,
            "input": { "type": "string", "format": "binary", "description": "The picture that it starts from" },
        },
    });
    it.body(&[(JSON, order), (FORM, form)])
}

pub(crate) async fn load(
    State(app): Shared,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Query(query): Query<LoadQuery>,
    request: Request,
) -> Result<Response, Problem> {
    take_permit(&app, from)?;
    if let Some(period) = query.period {
        let range = Duration::from_millis(100)..=Duration::from_mins(1);
        if !range.contains(&period.get()) {
            return Err(Problem::bad("in the query: period is 100ms to 60s"));
        }
    }
    let (order, input) = match media_type(request.headers()).as_deref() {
        Some(JSON) => {
            let body = read(
                &app,
                request.into_body(),
                app.limits.order_bytes,
                "the order",
            );
            (text(&body.await?)?, None)
        }
        Some(FORM) => form(&app, request).await?,
        _ => return Err(no_such_form()),
    };
    refuse_path(&order)?;
    let posted = Posted {
        order,
        input,
        again: query.again.unwrap_or(false),
        period: query.period,
        prewarm: query.prewarm,
    };
    let loaded = app.operate.load(posted).await.map_err(refused)?;
    app.fresh.forget_order(&loaded.id);
    let at = HeaderValue::try_from(format!("/api/orders/{}", loaded.id));
    let mut response = json_of(&LoadedView {
        id: loaded.id,
        order_uid: loaded.order_uid,
    })?;
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(at) = at {
        response.headers_mut().insert(header::LOCATION, at);
    }
    Ok(response)
}

fn take_permit(app: &App, from: SocketAddr) -> Result<(), Problem> {
    let permit = app.rates.posts.take(from.ip(), Instant::now());
    permit.map_err(|after| {
        Problem::too_many("too many requests from this address; wait a little", after)
    })
}

fn refused(why: Refused) -> Problem {
    match why {
        Refused::Invalid(detail) => Problem::bad(detail),
        Refused::Exists(detail) => Problem::new(StatusCode::CONFLICT, detail),
        Refused::TooMany(detail) => Problem::too_many(detail, Duration::from_secs(5)),
        Refused::Unavailable(detail) => Problem::unavailable(detail),
    }
}

/// Refuses an order whose input is a path; all else that may be wrong with it is for whoever loads it.
fn refuse_path(order: &str) -> Result<(), Problem> {
    let Ok(Value::Object(fields)) = serde_json::from_str(order.trim_start_matches('\u{feff}'))
    else {
        return Ok(());
    };
    if !matches!(fields.get("input"), Some(Value::String(_))) {
        return Ok(());
    }
    let source = OrderSource {
        file: "order".to_owned(),
        text: order.to_owned(),
    };
    let why = "a posted order can't name a file; leave the field out and send the picture as the part \"input\" of \
               multipart/form-data"
        .to_owned();
    Err(Problem::bad(
        source.error("input", OrderProblem::Input(why)).to_string(),
    ))
}

/// The parts of a form.
async fn form(app: &App, request: Request) -> Result<(String, Option<PostedInput>), Problem> {
    let _place = app.uploads.try_acquire().map_err(|_| {
        Problem::too_many(
            "other inputs are being received; try again",
            Duration::from_secs(2),
        )
    })?;
    let too_slow = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "the body came too slowly");
    timeout(app.limits.body, parts(app, request))
        .await
        .map_err(too_slow)?
}

async fn parts(app: &App, request: Request) -> Result<(String, Option<PostedInput>), Problem> {
    let wrong = |error: axum::extract::multipart::MultipartError| {
        let text = error.body_text();
        match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, text),
            _ => Problem::bad(format!("in the form: {text}")),
        }
    };
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| Problem::bad(format!("in the form: {}", error.body_text())))?;
    let (mut order, mut input) = (None, None);
    while let Some(mut field) = form.next_field().await.map_err(wrong)? {
        let name = field.name().unwrap_or_default().to_owned();
        let (max, slot_is_free) = match name.as_str() {
            "order" => (app.limits.order_bytes, order.is_none()),
            "input" => (app.limits.input_bytes, input.is_none()),
            _ => {
                return Err(Problem::bad(format!(
                    "in the form: there is no part {name:?}; there are order and input"
                )));
            }
        };
        if !slot_is_free {
            return Err(Problem::bad(format!(
                "in the form: the part {name} comes twice"
            )));
        }
        let file = file_name(field.file_name().unwrap_or_default());
        let mut bytes = BytesMut::new();
        while let Some(chunk) = field.chunk().await.map_err(wrong)? {
            if bytes.len() + chunk.len() > max {
                return Err(too_long(&format!("the part {name}"), max));
            }
            bytes.extend_from_slice(&chunk);
        }
        match name.as_str() {
            "order" => order = Some(text(&bytes)?),
            _ => {
                input = Some(PostedInput {
                    name: file,
                    bytes: bytes.freeze(),
                });
            }
        }
    }
    let order = order.ok_or_else(|| Problem::bad("in the form: the part order is missing"))?;
    Ok((order, input))
}

/// A file's name without folders and without what may mean something to somebody.
fn file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '_'
        }
    };
    let name: String = last.chars().map(plain).collect();
    let name = name.trim_start_matches('.');
    // Its ending says what it is.
    let name = &name[name.len().saturating_sub(100)..];
    let name = name.trim_start_matches('.');
    if name.is_empty() { "input" } else { name }.to_owned()
}

fn text(bytes: &[u8]) -> Result<String, Problem> {
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|_| Problem::bad("order: this is no UTF-8 text; send it as UTF-8"))?;
    Ok(text.to_owned())
}

/// Reads a body that may have so many bytes.
pub(super) async fn read(app: &App, body: Body, max: usize, what: &str) -> Result<Bytes, Problem> {
    let whole = async {
        let mut body = body;
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Problem::bad("the body broke off"))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if bytes.len() + data.len() > max {
                return Err(too_long(what, max));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes.freeze())
    };
    let too_slow = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "the body came too slowly");
    timeout(app.limits.body, whole).await.map_err(too_slow)?
}

fn too_long(what: &str, max: usize) -> Problem {
    let detail = format!("{what} is longer than {max} bytes, which is the most that is taken");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(
        value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase(),
    )
}

pub(super) fn expect_json(headers: &HeaderMap) -> Result<(), Problem> {
    if media_type(headers).as_deref() == Some(JSON) {
        return Ok(());
    }
    let detail = format!("send JSON, with the header Content-Type: {JSON}");
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

fn no_such_form() -> Problem {
    let detail =
        format!("send the order as {JSON}, or with its input as {FORM} (parts order and input)");
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
}

pub(crate) async fn terminate(
    State(app): Shared,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Named(id): Named<OrderId>,
) -> Result<Response, Problem> {
    take_permit(&app, from)?;
    let over = || {
        let detail = format!("order {id} has ended already");
        Problem::new(StatusCode::CONFLICT, detail)
    };
    let stored = app.store.order(&id).await?;
    if stored.as_ref().is_some_and(|order| order.status.is_final()) {
        return Err(over());
    }
    // One that waits on a cluster may not be in the store yet.
    match app.operate.terminate(id.clone()).await {
        Ok(()) => {}
        Err(NotTerminated::NotFound) => return Err(Problem::no_order(id)),
        Err(NotTerminated::Over) => return Err(over()),
        Err(NotTerminated::Unavailable(_)) if stored.is_none() => {
            return Err(Problem::no_order(id));
        }
        Err(NotTerminated::Unavailable(detail)) => return Err(Problem::unavailable(detail)),
    }
    app.fresh.forget_order(&id);
    let mut response = json_of(&TerminatedView { id })?.into_response();
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_plain() {
        for (given, name) in [
            ("leaf.jpg", "leaf.jpg"),
            ("../../etc/passwd", "passwd"),
            ("C:\\pictures\\leaf 1.jpg", "leaf_1.jpg"),
            ("..", "input"),
            ("", "input"),
            (".bashrc", "bashrc"),
            ("ä.png", "_.png"),
        ] {
            assert_eq!(file_name(given), name, "{given}");
        }
        assert_eq!(file_name(&"x".repeat(300)).len(), 100);
    }

    #[test]
    fn an_input_that_is_a_path_is_refused_where_it_stands() {
        let refused =
            refuse_path("{\n  \"id\": \"a\",\n  \"input\": \"/etc/passwd\"}").unwrap_err();
        let text = format!("{refused:?}");
        assert!(
            text.contains("order:3:12: input: a posted order can't name a file"),
            "{text}"
        );
        for fine in [
            r#"{"input": 3}"#,
            r#"{"input": null}"#,
            "{}",
            "[",
            r#"{"input": ["a"]}"#,
        ] {
            assert!(refuse_path(fine).is_ok(), "{fine}");
        }
    }
}
