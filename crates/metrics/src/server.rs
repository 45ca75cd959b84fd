//! A small HTTP server for `/metrics` and `/healthz`.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CONTENT_TYPE as CONTENT_TYPE_HEADER},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
pub use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;
use prometheus_client::registry::Registry;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::AbortHandle,
    time::{sleep, timeout},
};

/// How many may ask at the same time; more wait for their turn.
const CONNECTIONS: usize = 32;
/// How long a request's head may take to arrive.
const HEAD: Duration = Duration::from_secs(10);
/// How long a connection may last; Prometheus opens another one.
const LONGEST: Duration = Duration::from_mins(5);
const PLAIN: &str = "text/plain; charset=utf-8";

/// Why nobody can ask.
#[derive(Debug, thiserror::Error)]
#[error(
    "metrics can't be served on {address}: {source}; name another address with --metrics-listen"
)]
pub struct Error {
    /// Where.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

/// The server; it ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    accepting: AbortHandle,
}

impl Server {
    /// Begins to serve. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If the address is taken, or isn't this machine's.
    pub async fn start(address: SocketAddr, registry: Arc<Registry>) -> Result<Self, Error> {
        let failed = |source| Error { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let accepting = tokio::spawn(accept(listener, registry)).abort_handle();
        Ok(Self { address, accepting })
    }

    /// Where it listens: port 0 has become a real one.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, registry: Arc<Registry>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(converse(stream, Arc::clone(&registry), place));
            }
            // No descriptors are left, say: others may be given back.
            Err(error) => {
                tracing::debug!(%error, "a connection for metrics");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, registry: Arc<Registry>, _place: OwnedSemaphorePermit) {
    let answer = service_fn(|request| {
        let answer = answer(&request, &registry);
        async { Ok::<_, Infallible>(answer) }
    });
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), answer);
    if let Ok(Err(error)) = timeout(LONGEST, conversation).await {
        tracing::debug!(%error, "a connection for metrics");
    }
}

fn answer(request: &Request<Incoming>, registry: &Registry) -> Response<Full<Bytes>> {
    let (status, kind, text) = match request.uri().path() {
        "/metrics" | "/healthz" if !reads(request.method()) => (
            StatusCode::METHOD_NOT_ALLOWED,
            PLAIN,
            "only GET and HEAD are for here\n".to_owned(),
        ),
        "/metrics" => (StatusCode::OK, CONTENT_TYPE, crate::text(registry)),
        "/healthz" => (StatusCode::OK, PLAIN, "ok\n".to_owned()),
        _ => (
            StatusCode::NOT_FOUND,
            PLAIN,
            "there are /metrics and /healthz\n".to_owned(),
        ),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE_HEADER,
        hyper::header::HeaderValue::from_static(kind),
    );
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
    }
    response
}

fn reads(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    fn any() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    #[tokio::test]
    async fn it_serves_metrics_and_health_and_nothing_else() {
        let registry = Arc::new(crate::registry());
        let server = Server::start(any(), registry).await.unwrap();
        let at = server.address();
        let metrics = ask(at, "GET /metrics").await;
        assert!(metrics.starts_with("HTTP/1.1 200 OK\r\n"), "{metrics}");
        assert!(metrics.contains("content-type: text/plain; version=0.0.4"));
        assert!(metrics.contains("podometer_build_info{version="));
        let head = ask(at, "HEAD /metrics").await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"));
        assert!(ask(at, "GET /healthz").await.ends_with("\r\n\r\nok\n"));
        assert!(ask(at, "GET /").await.starts_with("HTTP/1.1 404 "));
        let post = ask(at, "POST /metrics").await;
        assert!(post.starts_with("HTTP/1.1 405 ") && post.contains("allow: GET, HEAD"));
    }

    #[tokio::test]
    async fn a_taken_port_is_an_error_that_names_it_and_a_dropped_server_gives_it_back() {
        let registry = Arc::new(crate::registry());
        let server = Server::start(any(), Arc::clone(&registry)).await.unwrap();
        let at = server.address();
        let error = Server::start(at, Arc::clone(&registry)).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&at.to_string()) && text.contains("--metrics-listen"));
        drop(server);
        let until = tokio::time::Instant::now() + Duration::from_secs(10);
        while Server::start(at, Arc::clone(&registry)).await.is_err() {
            assert!(tokio::time::Instant::now() < until, "{at} is still taken");
            sleep(Duration::from_millis(10)).await;
        }
    }
}
