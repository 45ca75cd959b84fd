//! What loads and ends orders: this machine's own services, or a cluster.

use bytes::Bytes;
use futures::future::BoxFuture;
use model::{Catalogue, HumanDuration, OrderId, OrderUid, attempt::Launcher};

/// What takes orders. Its methods may be called many at a time.
pub trait Operate: Send + Sync {
    /// What starts the tasks.
    fn launcher(&self) -> Launcher;

    /// What completes the tasks of orders.
    fn catalogue(&self) -> &Catalogue;

    /// Whether orders can be loaded here at all.
    fn can_load(&self) -> bool;

    /// Loads an order; it has its id when this returns, and goes on by itself.
    fn load(&self, posted: Posted) -> BoxFuture<'_, Result<Loaded, Refused>>;

    /// Ends an order in good form; this returns when that is noted, not when it has ended.
    fn terminate(&self, order: OrderId) -> BoxFuture<'_, Result<(), NotTerminated>>;
}

/// An order as it was posted. Its `input` is no path: the server has refused that.
#[derive(Debug, Clone)]
pub struct Posted {
    /// The order's JSON, as it was sent.
    pub order: String,
    /// The picture that it starts from, if one came along.
    pub input: Option<PostedInput>,
    /// Whether an id that is taken becomes the next free one.
    pub again: bool,
    /// The time between samples, 0.1 s to 60 s; `None` for the default.
    pub period: Option<HumanDuration>,
    /// Whether the next task's pod is made ready while a task runs; `None` leaves it to the order.
    pub prewarm: Option<bool>,
}

/// A file that came along with an order.
#[derive(Debug, Clone)]
pub struct PostedInput {
    /// A name without folders, at most 100 characters of a-z, A-Z, 0-9, '.', '_', '-', not beginning
    /// with a dot.
    pub name: String,
    /// What is in it.
    pub bytes: Bytes,
}

/// An order that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The id that it got.
    pub id: OrderId,
    /// The execution.
    pub order_uid: OrderUid,
}

/// Why an order was not taken; the texts say what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Something is wrong with it, with the place in the words of `run`.
    Invalid(String),
    /// Its id was used before.
    Exists(String),
    /// Too many orders are waiting.
    TooMany(String),
    /// Something that it needs can't be reached, or this server takes no orders.
    Unavailable(String),
}

/// Why an order isn't being ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotTerminated {
    /// There is none of that id.
    NotFound,
    /// It has ended already.
    Over,
    /// Something that it needs can't be reached, or this server ends no orders; says what to do.
    Unavailable(String),
}
