//! The event stream.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use model::OrderId;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Shared;
use crate::{params::Query, problem::Problem};

/// What is watched.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsQuery {
    /// Only this order; all if none is named.
    order: Option<OrderId>,
}

pub(crate) async fn events(
    State(app): Shared,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let watcher = app.tail.watch(last, query.order).await?;
    // Whoever reads now must not be given what was read before the first event.
    app.fresh.forget();
    let news = stream::unfold((watcher, Arc::clone(&app)), async |(mut watcher, app)| {
        let bytes = watcher.next(|| app.fresh.forget()).await;
        Some((Ok::<_, Infallible>(bytes), (watcher, app)))
    });
    // It can be seen at once that the stream has begun.
    let hello = stream::once(async { Ok(Bytes::from_static(b": podometer\nretry: 1000\n\n")) });
    let mut response = Body::from_stream(hello.chain(news)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}
