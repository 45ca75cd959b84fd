//! A client of the HTTP API of `podometer serve`.
//!
//! Invariant: nothing here says what an answer means for a command; [`crate::commands`] does.

mod error;
mod multipart;
mod sse;
pub(crate) mod wire;

use std::{env, fs, net::IpAddr, time::Duration};

use model::OrderId;
use reqwest::{Client, Method, RequestBuilder, Response, header};
use serde::de::DeserializeOwned;
use store::OrderRow;
use tokio::time::timeout;
use url::{Host, Url};

pub(crate) use error::Error;
pub(crate) use sse::Event;

use crate::args::Server;
use multipart::Part;
use wire::{Detail, Loaded, Page, Samples, Session};

/// The variable that holds the token.
const TOKEN: &str = "PODOMETER_TOKEN";
const CONNECT: Duration = Duration::from_secs(5);
/// An answer that goes on says something more often; events have a comment each 15 s.
const SILENCE: Duration = Duration::from_mins(1);
/// Orders in one answer.
const PAGE: &str = "1000";

/// A server.
#[derive(Clone)]
pub(crate) struct Remote {
    http: Client,
    base: Url,
    token: Option<String>,
}

/// What happens, as it happens.
pub(crate) struct Events {
    response: Response,
    parser: sse::Parser,
    url: Url,
}

impl Remote {
    /// Makes ready to ask; nothing is sent yet.
    ///
    /// # Errors
    /// If the token's file can't be read, or the system takes no client.
    pub(crate) fn new(server: &Server) -> Result<Self, Error> {
        // Another part of this program may have done so.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .user_agent(concat!("podometer/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&server.url) {
            builder = builder.no_proxy();
        }
        Ok(Self {
            http: builder.build().map_err(Error::Client)?,
            base: server.url.clone(),
            token: token(server)?,
        })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &Url {
        &self.base
    }

    /// The address of something of the API.
    pub(crate) fn at(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        // Any http address can be a base.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("api").extend(path);
        }
        url
    }

    /// All orders, newest first.
    pub(crate) async fn orders(&self) -> Result<Vec<OrderRow>, Error> {
        let mut orders = Vec::new();
        let mut before: Option<String> = None;
        loop {
            let mut url = self.at(&["orders"]);
            url.query_pairs_mut().append_pair("limit", PAGE);
            if let Some(before) = &before {
                url.query_pairs_mut().append_pair("before", before);
            }
            let page: Page = self.json(url).await?;
            orders.extend(page.orders);
            match page.next {
                Some(next) if Some(&next) != before.as_ref() => before = Some(next),
                _ => return Ok(orders),
            }
        }
    }

    /// An order with its runs.
    pub(crate) async fn order(&self, id: &OrderId) -> Result<Detail, Error> {
        self.json(self.at(&["orders", id.as_str()])).await
    }

    /// The samples of a run, at most about `max_points`.
    pub(crate) async fn samples(
        &self,
        id: &OrderId,
        (position, attempt): (model::Position, model::Attempt),
        max_points: u32,
    ) -> Result<Samples, Error> {
        let mut url = self.at(&["orders", id.as_str(), "samples"]);
        url.query_pairs_mut()
            .append_pair("format", "json")
            .append_pair("position", &position.0.to_string())
            .append_pair("attempt", &attempt.0.to_string())
            .append_pair("max_points", &max_points.to_string());
        self.json(url).await
    }

    /// What the server is and may.
    pub(crate) async fn session(&self) -> Result<Session, Error> {
        self.json(self.at(&["session"])).await
    }

    /// Tells an order to end.
    pub(crate) async fn terminate(&self, id: &OrderId) -> Result<(), Error> {
        let url = self.at(&["orders", id.as_str()]);
        self.send(self.request(Method::DELETE, &url), &url).await?;
        Ok(())
    }

    /// Hands over an order, with its input if that is a file.
    pub(crate) async fn load(
        &self,
        definition: &str,
        input: Option<(&str, Vec<u8>)>,
        options: &[(&str, String)],
    ) -> Result<Loaded, Error> {
        let mut url = self.at(&["orders"]);
        for (name, value) in options {
            url.query_pairs_mut().append_pair(name, value);
        }
        let request = self.request(Method::POST, &url);
        let (kind, body) = match input {
            None => (
                "application/json".to_owned(),
                definition.as_bytes().to_vec(),
            ),
            Some((file, bytes)) => multipart::form(&[
                Part {
                    name: "order",
                    file: None,
                    kind: "application/json",
                    bytes: definition.as_bytes(),
                },
                Part {
                    name: "input",
                    file: Some(file),
                    kind: "application/octet-stream",
                    bytes: &bytes,
                },
            ]),
        };
        let request = request.header(header::CONTENT_TYPE, kind).body(body);
        let response = self.send(request, &url).await?;
        read(response, &url).await
    }

    /// A picture or a page.
    pub(crate) async fn bytes(&self, url: Url) -> Result<Vec<u8>, Error> {
        let response = self.send(self.request(Method::GET, &url), &url).await?;
        let bytes = response.bytes().await;
        Ok(bytes
            .map_err(|cause| Error::unreachable(&url, cause))?
            .to_vec())
    }

    /// What happens to an order from now on, or after the event of an id.
    pub(crate) async fn events(&self, id: &OrderId, after: Option<&str>) -> Result<Events, Error> {
        let mut url = self.at(&["events"]);
        url.query_pairs_mut().append_pair("order", id.as_str());
        let mut request = self.request(Method::GET, &url);
        request = request.header(header::ACCEPT, "text/event-stream");
        if let Some(after) = after {
            request = request.header("Last-Event-ID", after);
        }
        Ok(Events {
            response: self.send(request, &url).await?,
            parser: sse::Parser::default(),
            url,
        })
    }

    async fn json<T: DeserializeOwned>(&self, url: Url) -> Result<T, Error> {
        let response = self.send(self.request(Method::GET, &url), &url).await?;
        read(response, &url).await
    }

    fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        let request = self.http.request(method, url.clone());
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder, url: &Url) -> Result<Response, Error> {
        let sent = request.send().await;
        let response = sent.map_err(|cause| Error::unreachable(url, cause))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = response.bytes().await.unwrap_or_default();
        Err(Error::refused(
            &self.base,
            status,
            &body,
            self.token.is_some(),
        ))
    }
}

impl Events {
    /// The next event; none when the server has ended the answer.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            if let Some(event) = self.parser.next() {
                return Ok(Some(event));
            }
            let Ok(chunk) = timeout(SILENCE, self.response.chunk()).await else {
                return Err(Error::Silent {
                    url: self.url.clone(),
                });
            };
            match chunk.map_err(|cause| Error::unreachable(&self.url, cause))? {
                Some(bytes) => self.parser.feed(&bytes),
                None => return Ok(None),
            }
        }
    }
}

async fn read<T: DeserializeOwned>(response: Response, url: &Url) -> Result<T, Error> {
    let bytes = response.bytes().await;
    let bytes = bytes.map_err(|cause| Error::unreachable(url, cause))?;
    serde_json::from_slice(&bytes).map_err(|source| Error::Unreadable {
        url: url.clone(),
        source,
    })
}

/// The token: from the file that is named, else from the environment.
fn token(server: &Server) -> Result<Option<String>, Error> {
    let text = match &server.token_file {
        Some(path) => fs::read_to_string(path).map_err(|source| Error::TokenFile {
            path: path.clone(),
            source,
        })?,
        None => env::var(TOKEN).unwrap_or_default(),
    };
    let text = text.trim();
    if text.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err(Error::Token);
    }
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
