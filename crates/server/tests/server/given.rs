//! A server over a store of the test's own, and a client.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode, body::Incoming, header::HeaderMap};
use hyper_util::rt::TokioIo;
use model::{
    Attempt, AttemptKey, Catalogue, OrderId, OrderUid, Position, Reading, Reason, Resource, Run,
    Sample, Status, Timestamp, Totals, Values,
    attempt::Launcher,
    order::OrderFile,
    run::{Quality, RunEnd},
};
use serde_json::Value;
use server::{
    Draw, DrawError, Drawing, Limits, Loaded, Metrics, NotTerminated, Operate, Parts, Posted,
    Refused, Token,
};
use store::{Batch, Item, Location, Migrations, NewOrder, OrderRow, RunRow, Store};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};

/// 2023-11-14T22:13:20Z.
pub(crate) const START: i64 = 1_700_000_000_000_000;
/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp(START + seconds * 1_000_000)
}

pub(crate) fn uid(n: u32) -> OrderUid {
    format!("0190e2a0-0000-7000-8000-{n:012}").parse().unwrap()
}

pub(crate) fn key(order: u32, position: u32, attempt: u32) -> AttemptKey {
    AttemptKey {
        order_uid: uid(order),
        position: Position(position),
        attempt: Attempt(attempt),
    }
}

pub(crate) fn id(n: u32) -> OrderId {
    format!("leaf-{n}").parse().unwrap()
}

/// A running server.
pub(crate) struct Given {
    pub(crate) store: Store,
    pub(crate) address: SocketAddr,
    pub(crate) posted: Arc<Mutex<Vec<Posted>>>,
    _folder: TempDir,
    server: JoinHandle<()>,
}

impl Drop for Given {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Limits that let a test wait less.
pub(crate) fn limits() -> Limits {
    Limits {
        poll: Duration::from_millis(20),
        linger: Duration::from_millis(200),
        ..Limits::default()
    }
}

impl Given {
    pub(crate) async fn new() -> Self {
        Self::with(limits(), None).await
    }

    pub(crate) async fn with(limits: Limits, token: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::from(folder.path().join("podometer.db"));
        let store = Store::open(&location, Migrations::Run).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let posted = Arc::default();
        let (metrics, metrics_text) = Metrics::alone();
        let parts = Parts {
            store: store.clone(),
            draw: Arc::new(Words),
            operate: Arc::new(Takes {
                posted: Arc::clone(&posted),
                store: store.clone(),
                catalogue: Catalogue::builtin().unwrap(),
            }),
            metrics,
            metrics_text,
            token: token.map(|text| Token::new(text).unwrap()),
            limits,
        };
        let server = tokio::spawn(server::serve(listener, parts, std::future::pending()));
        Self {
            store,
            address,
            posted,
            _folder: folder,
            server,
        }
    }

    /// An order of two tasks, `resize` and `segment`.
    pub(crate) async fn register(&self, n: u32) {
        register(&self.store, n).await;
    }

    pub(crate) async fn ingest(&self, n: u32, items: Vec<Item>) {
        let batch = Batch {
            advances: vec![],
            orders: [(uid(n), id(n))].into(),
            items,
        };
        self.store.ingest(&batch).await.unwrap();
    }

    /// An order with two runs that has succeeded.
    pub(crate) async fn ended(&self, n: u32) {
        self.register(n).await;
        let mut items = whole_run(key(n, 0, 1), "resize");
        items.extend(whole_run(key(n, 1, 1), "segment"));
        self.ingest(n, items).await;
        let end = self
            .store
            .set_status(uid(n), Status::Succeeded, None, at(9));
        end.await.unwrap();
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        answer.json()
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let (status, headers, body) = self.open(method, path, headers, body.into()).await;
        let body = timeout(PATIENCE, body.collect())
            .await
            .unwrap()
            .unwrap()
            .to_bytes();
        Answer {
            status,
            headers,
            body,
        }
    }

    /// Sends a request and gives the body to be read.
    pub(crate) async fn open(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> (StatusCode, HeaderMap, Incoming) {
        let stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", self.address.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).unwrap();
        let answer = timeout(PATIENCE, sender.send_request(request))
            .await
            .unwrap()
            .unwrap();
        let (head, body) = answer.into_parts();
        (head.status, head.headers, body)
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The detail of a problem.
    pub(crate) fn detail(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.text()
        );
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16());
        body["detail"].as_str().unwrap().to_owned()
    }
}

pub(crate) async fn register(store: &Store, n: u32) {
    let order = NewOrder {
        wanted: id(n),
        again: false,
        order_uid: uid(n),
        launcher: Launcher::Local,
        created_at: at(i64::from(n)),
        input: Some("images/leaf.jpg".to_owned()),
        definition: format!(
            r#"{{"id":"leaf-{n}","tasks":["resize",{{"name":"segment","resources":{{"requests":{{"cpu":"500m"}}}}}}]}}"#
        ),
        tasks: 2,
        owner: String::new(),
    };
    store.register(order).await.unwrap();
}

/// Sample `seq` of an attempt, taken `seq` seconds after the start.
pub(crate) fn sample(key: AttemptKey, name: &str, seq: u64) -> Item {
    let mut values = Values::default();
    if seq > 0 {
        values.set(Resource::Cpu, Some(seq as f64 * 0.25));
    }
    values.set(Resource::Memory, Some((seq + 1) as f64 * 1024.0));
    Item::Sample {
        key,
        task: name.parse().unwrap(),
        sample: Box::new(Sample {
            reading: Reading {
                seq,
                time_us: at(seq as i64),
                ..Reading::default()
            },
            values,
            missed_before: if seq == 3 { 2 } else { 0 },
        }),
    }
}

pub(crate) fn started(key: AttemptKey, name: &str) -> Item {
    run(key, name, None)
}

fn run(key: AttemptKey, name: &str, end: Option<RunEnd>) -> Item {
    let totals = end.as_ref().map_or_else(Totals::default, |_| Totals {
        duration_seconds: Some(4.0),
        cpu_seconds: Some(2.5),
        memory_anon_peak_bytes: Some(5000 + u64::from(key.position.0)),
        ..Totals::default()
    });
    Item::Run {
        key,
        task: name.parse().unwrap(),
        run: Box::new(Run {
            facts: None,
            started_at: Some(at(0)),
            end,
            totals,
            quality: Quality::default(),
            output: Some(r#"{"image":"out.png"}"#.to_owned()),
        }),
    }
}

pub(crate) fn ended(key: AttemptKey, name: &str) -> Item {
    let end = RunEnd {
        ended_at: at(4),
        exit_code: Some(0),
        signal: None,
        reason: Reason::Completed,
        message: None,
        censored: false,
    };
    run(key, name, Some(end))
}

/// A run with five samples.
pub(crate) fn whole_run(key: AttemptKey, name: &str) -> Vec<Item> {
    let mut items = vec![started(key, name)];
    items.extend((0..5).map(|seq| sample(key, name, seq)));
    items.push(ended(key, name));
    items
}

/// Draws in words what was to be drawn.
struct Words;

impl Draw for Words {
    fn draw(
        &self,
        order: OrderId,
        what: Drawing,
    ) -> BoxFuture<'_, Result<Option<Vec<u8>>, DrawError>> {
        let is_there = !order.as_str().ends_with("-404");
        let text = format!("{order} {what:?}").into_bytes();
        async move { Ok(Some(text).filter(|_| is_there)) }.boxed()
    }

    fn is_seen(&self, _: &OrderRow, run: Option<&RunRow>) -> bool {
        run.is_none_or(|run| run.position.0 == 1)
    }
}

/// Notes what was posted; an id is taken once.
struct Takes {
    posted: Arc<Mutex<Vec<Posted>>>,
    store: Store,
    catalogue: Catalogue,
}

impl Operate for Takes {
    fn launcher(&self) -> Launcher {
        Launcher::Local
    }

    fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    fn can_load(&self) -> bool {
        true
    }

    fn load(&self, posted: Posted) -> BoxFuture<'_, Result<Loaded, Refused>> {
        let mut all = self.posted.lock().unwrap();
        let taken = all.iter().any(|before| before.order == posted.order) && !posted.again;
        let parsed: Result<OrderFile, _> = serde_json::from_str(&posted.order);
        all.push(posted);
        let answer = match parsed {
            Err(error) => Err(Refused::Invalid(format!("order:1:1: {error}"))),
            Ok(_) if taken => Err(Refused::Exists("the id was used before".to_owned())),
            Ok(_) => Ok(Loaded {
                id: id(1),
                order_uid: uid(1),
            }),
        };
        async move { answer }.boxed()
    }

    fn terminate(&self, order: OrderId) -> BoxFuture<'_, Result<(), NotTerminated>> {
        async move {
            match self.store.order(&order).await {
                Ok(Some(_)) => Ok(()),
                _ => Err(NotTerminated::NotFound),
            }
        }
        .boxed()
    }
}
