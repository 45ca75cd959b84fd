//! The HTTP API and the page: what is stored, what is new, and the handles to load and end orders.
//!
//! [`serve`] answers on a listening socket until it is told to end. What it can't know by itself it is
//! given: a [`Draw`] that draws from the store, and an [`Operate`] that starts and ends orders. Who may
//! ask is decided in `guard`; what is new is read once for all watchers by the `tail`.
//!
//! Invariant: no SQL, no service, no path of this machine; everything that a request can make grow has
//! a bound ([`Limits`]).
//!
//! How to add an endpoint: a function in a module of [`api`] with its parameters and answers as types
//! that have a JSON Schema, a line in `api::routes`, where its description goes, too; then accept the
//! OpenAPI document's new snapshot.

mod api;
mod connections;
mod draw;
mod fresh;
mod guard;
mod limits;
mod metrics;
mod openapi;
mod operate;
mod page;
mod params;
mod problem;
mod tail;
mod views;

use std::{net::SocketAddr, sync::Arc};

use futures::future::BoxFuture;
use store::Store;

pub use api::openapi;
pub use connections::serve;
pub use draw::{Draw, DrawError, Drawing, Form, Seen};
pub use guard::Token;
pub use limits::Limits;
use limits::Rate;
pub use metrics::Metrics;
pub use operate::{Loaded, NotTerminated, Operate, Posted, PostedInput, Refused};

/// What writes the metrics of this process in Prometheus' text form.
pub type MetricsText = Box<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;

/// What a server is made of.
pub struct Parts {
    /// Where it reads.
    pub store: Store,
    /// What draws.
    pub draw: Arc<dyn Draw>,
    /// What loads and ends orders.
    pub operate: Arc<dyn Operate>,
    /// The server's own numbers, registered in what `metrics_text` writes.
    pub metrics: Metrics,
    /// What `/metrics` answers.
    pub metrics_text: MetricsText,
    /// What must be shown; `None` on loopback only.
    pub token: Option<Token>,
    /// The bounds.
    pub limits: Limits,
}

/// Whether only this machine reaches an address.
pub fn is_loopback(address: &SocketAddr) -> bool {
    address.ip().is_loopback()
}

/// What every handler is given.
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) draw: Arc<dyn Draw>,
    pub(crate) operate: Arc<dyn Operate>,
    pub(crate) metrics: Metrics,
    pub(crate) metrics_text: MetricsText,
    pub(crate) guard: guard::Guard,
    pub(crate) limits: Limits,
    pub(crate) fresh: fresh::Fresh,
    pub(crate) drawings: draw::Drawings,
    pub(crate) tail: Arc<tail::Tail>,
    pub(crate) uploads: tokio::sync::Semaphore,
    pub(crate) rates: Rates,
}

/// How often an address may do what costs something.
pub(crate) struct Rates {
    pub(crate) posts: Rate,
    pub(crate) sign_ins: Rate,
}

impl App {
    fn new(parts: Parts) -> Arc<Self> {
        let limits = parts.limits;
        let source = tail::Source {
            store: parts.store.clone(),
            draw: Arc::clone(&parts.draw),
        };
        Arc::new(Self {
            tail: tail::Tail::new(source, limits, parts.metrics.clone()),
            guard: guard::Guard::new(parts.token),
            fresh: fresh::Fresh::default(),
            drawings: draw::Drawings::new(limits.drawings_bytes),
            uploads: tokio::sync::Semaphore::new(limits.uploads),
            rates: Rates {
                posts: Rate::new(limits.posts_per_second, limits.posts_at_once),
                sign_ins: Rate::new(limits.sign_ins_per_second, limits.sign_ins_at_once),
            },
            store: parts.store,
            draw: parts.draw,
            operate: parts.operate,
            metrics: parts.metrics,
            metrics_text: parts.metrics_text,
            limits,
        })
    }
}
