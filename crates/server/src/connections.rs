//! Connections: how many, how long a request's head may take, and what goes around every answer.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Instant};

use axum::{
    Router,
    extract::{ConnectInfo, DefaultBodyLimit, MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use socket2::SockRef;
use std::time::Duration;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tower::ServiceExt;

use crate::{App, Parts, api, problem};

/// How long a peer may leave what was sent to it unacknowledged before its connection is dropped.
const UNACKNOWLEDGED: Duration = Duration::from_secs(60);
/// How long answers may take to end when the server is told to end.
const GRACE: Duration = Duration::from_secs(2);

/// Answers on a socket until `end` is there.
pub async fn serve(listener: TcpListener, parts: Parts, end: impl Future<Output = ()>) {
    let app = App::new(parts);
    let places = Arc::new(Semaphore::new(app.limits.connections));
    let router = router(&app);
    let open = GracefulShutdown::new();
    let accept = async {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, from)) => {
                    let connection = connection(stream, from, router.clone(), app.limits.head);
                    let connection = open.watch(connection);
                    tokio::spawn(async move {
                        // A connection that breaks is the peer's affair.
                        let _ = connection.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    // Out of descriptors, say: others may be given back.
                    tracing::warn!("no connection can be taken: {error}");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    };
    tokio::select! {
        () = accept => {}
        () = end => {}
    }
    drop(listener);
    // The event streams have no end of their own.
    let _ = timeout(GRACE, open.shutdown()).await;
}

type Connection = hyper::server::conn::http1::Connection<
    TokioIo<TcpStream>,
    TowerToHyperService<
        tower::util::BoxCloneSyncService<
            hyper::Request<hyper::body::Incoming>,
            Response,
            Infallible,
        >,
    >,
>;

fn connection(stream: TcpStream, from: SocketAddr, router: Router, head: Duration) -> Connection {
    let socket = SockRef::from(&stream);
    // A peer that is gone without a word must not keep its place for hours.
    let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    let _ = socket.set_tcp_nodelay(true);
    let service = router.map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(from));
        request.map(axum::body::Body::new)
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(64 << 10)
        .serve_connection(
            TokioIo::new(stream),
            TowerToHyperService::new(tower::util::BoxCloneSyncService::new(service)),
        )
}

fn router(app: &Arc<App>) -> Router {
    let most = app.limits.input_bytes + app.limits.order_bytes + (64 << 10);
    api::routes()
        .layer(DefaultBodyLimit::max(most))
        .layer(middleware::from_fn_with_state(Arc::clone(app), around))
        .with_state(Arc::clone(app))
}

/// Around every answer: who may ask, what the browser is told, what is counted.
async fn around(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>();
    let template = matched.map_or_else(|| "page".to_owned(), |path| path.as_str().to_owned());
    let admitted = app
        .guard
        .admit(&method, request.uri().path(), request.headers(), begun);
    let mut response = match admitted {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    explain(&mut response);
    protect(&mut response);
    let status = response.status().as_u16();
    app.metrics
        .answered(name(&method), &template, status, begun.elapsed());
    response
}

/// The methods that are told apart.
fn name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "DELETE" => "DELETE",
        _ => "other",
    }
}

/// Makes an error that the router answered with into one that says what to do.
fn explain(response: &mut Response) {
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return;
    }
    let allowed = response.headers().get(header::ALLOW).cloned();
    let text = allowed
        .as_ref()
        .and_then(|allowed| allowed.to_str().ok())
        .unwrap_or("others");
    let detail = format!("this path takes {text}");
    *response = problem::Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).into_response();
    if let Some(allowed) = allowed {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
}

const POLICY: &str = "default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self' data:; object-src 'none'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What a browser must not do with an answer.
fn protect(response: &mut Response) {
    let headers = response.headers_mut();
    let mut or = |name: header::HeaderName, value: &'static str| {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    or(header::CONTENT_SECURITY_POLICY, POLICY);
    or(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    or(header::REFERRER_POLICY, "no-referrer");
    or(header::X_FRAME_OPTIONS, "DENY");
    or(header::CACHE_CONTROL, "no-store");
    or(
        header::HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    or(
        header::HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
}
