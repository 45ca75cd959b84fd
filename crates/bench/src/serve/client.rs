//! Requests over connections that stay open.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt, Full};
use hyper::{
    Request,
    body::{Bytes, Incoming},
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

/// No answer takes longer.
const PATIENCE: Duration = Duration::from_mins(1);

/// A connection.
pub(super) struct Client {
    address: String,
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    pub(super) async fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| address.to_owned())?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self {
            address: address.to_owned(),
            sender,
        })
    }

    /// Sends a request, with a body as JSON if there is one; the status and the body to be read.
    async fn open(&mut self, path: &str, body: Option<String>) -> Result<(u16, Incoming)> {
        let method = if body.is_some() { "POST" } else { "GET" };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.address);
        let request = request.header("content-type", "application/json");
        let request = request.body(Full::new(body.unwrap_or_default().into()))?;
        self.sender.ready().await?;
        let answer = timeout(PATIENCE, self.sender.send_request(request)).await??;
        Ok((answer.status().as_u16(), answer.into_body()))
    }

    /// The status and the whole body.
    pub(super) async fn send(&mut self, path: &str, body: Option<String>) -> Result<(u16, Bytes)> {
        let (status, body) = self.open(path, body).await?;
        let body = timeout(PATIENCE, body.collect()).await??.to_bytes();
        Ok((status, body))
    }

    pub(super) async fn json(&mut self, path: &str) -> Result<serde_json::Value> {
        let (status, body) = self.send(path, None).await?;
        ensure!(status == 200, "{path}: {status}");
        Ok(serde_json::from_slice(&body)?)
    }

    /// A body without end. The connection ends with it.
    pub(super) async fn stream(mut self, path: &str) -> Result<(Incoming, Self)> {
        let (status, body) = self.open(path, None).await?;
        ensure!(status == 200, "{path}: {status}");
        Ok((body, self))
    }
}
