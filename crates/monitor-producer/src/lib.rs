//! Collects the samples of the running tasks and publishes them.
//!
//! For each order one task ([`order`]) reads what its topic says and keeps the state of its attempts
//! ([`attempt`], pure). For each attempt a connection ([`stream`]) reads the runner's port. Two
//! readings become a sample in [`rates`], pure as well. What is to be published goes through the
//! order's [`outbox`], which keeps it on disk ([`spool`], [`away`]) while Kafka is away.

mod attempt;
mod away;
mod metrics;
mod one;
mod open;
mod order;
mod outbox;
mod rates;
mod service;
mod shared;
mod spool;
mod stream;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use bus::{Bus, Event, Publisher, Reader, Start};
use model::{Message, OrderHandle, OrderUid};
use tokio::sync::{mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use crate::metrics::Metrics;
use outbox::until;
pub use rates::sample;
pub use service::{Config, exit_code};
pub use shared::Shared;
use spool::Spools;

/// How many messages of one order may wait; the reader of the topic waits beyond.
const INBOX: usize = 1024;

/// The first and the longest pause after reading has failed.
const READ_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// How the service behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder for what can't be published while Kafka is away; it is made when it is needed. One
    /// producer at a time may serve an order from it. `None`: runners keep their readings then.
    pub spool: Option<PathBuf>,
    /// What all files in there may have together, bytes.
    pub spool_limit_bytes: u64,
    /// What it counts.
    pub metrics: Metrics,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            spool: None,
            spool_limit_bytes: 256 * 1024 * 1024,
            metrics: Metrics::default(),
        }
    }
}

/// An order, and who is told when it is over.
type Added = (OrderHandle, oneshot::Sender<()>);

/// The service: it serves any number of orders at once.
pub struct MonitorProducer {
    /// None with shared topics, on which orders make themselves known.
    orders: Option<mpsc::Sender<Added>>,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl MonitorProducer {
    /// Starts the service. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If the broker's clients can't be made.
    pub fn start(bus: &Bus, options: Options) -> Result<Self> {
        let reader = bus.reader("monitor-producer")?;
        let publisher = Arc::new(bus.publisher()?);
        let (orders, added) = mpsc::channel(64);
        let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (limit, metrics) = (options.spool_limit_bytes, options.metrics);
        let used = &metrics.spool_bytes;
        let spools = options.spool;
        let spools = spools.map(|folder| Spools::new(folder, limit, used.clone()));
        if let Some(spools) = spools.clone() {
            tasks.spawn_blocking(move || spools.tidy());
        }
        let router = Router {
            reader,
            publisher,
            spools,
            metrics,
            inboxes: HashMap::new(),
            tasks: tasks.clone(),
            stopping: stopping.clone(),
        };
        let until = stopping.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = router.run(added) => {}
                () = until.cancelled() => {}
            }
        });
        Ok(Self {
            orders: Some(orders),
            stopping,
            tasks,
        })
    }

    /// Starts the service on topics that all orders share: it takes part in those whose partitions
    /// its group gives it. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If the broker's clients can't be made.
    pub fn start_shared(bus: &Bus, shared: Shared) -> Result<Self> {
        let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
        let shares = shared::Shares::new(bus, shared, tasks.clone(), stopping.clone())?;
        tasks.spawn(shares.run());
        Ok(Self {
            orders: None,
            stopping,
            tasks,
        })
    }

    /// Takes part in an order from its first message on. Its topics exist.
    pub async fn add(&self, order: OrderHandle) {
        self.hand_over(order, oneshot::channel().0).await;
    }

    /// Takes part in an order like [`Self::add`] and waits until it is over.
    ///
    /// # Errors
    /// If its topic can't be read, or if the service is stopped before.
    pub async fn serve(&self, order: OrderHandle) -> Result<()> {
        let (over, told) = oneshot::channel();
        let name = order.order.clone();
        self.hand_over(order, over).await;
        told.await
            .with_context(|| format!("order {name} can't be served to its end"))
    }

    async fn hand_over(&self, order: OrderHandle, over: oneshot::Sender<()>) {
        if let Some(orders) = &self.orders {
            // A service that stops takes no orders any more.
            let _ = orders.send((order, over)).await;
        }
    }

    /// Ends the service; orders that aren't over are left as they are.
    pub async fn stop(self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Hands each message to its order.
struct Router {
    reader: Reader,
    publisher: Arc<Publisher>,
    spools: Option<Spools>,
    metrics: Metrics,
    inboxes: HashMap<OrderUid, (String, mpsc::Sender<Inbound>)>,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

/// A message with the attempt that it concerns.
pub(crate) type Inbound = (Option<(model::AttemptKey, model::TaskName)>, Message);

impl Router {
    async fn run(mut self, mut added: mpsc::Receiver<Added>) {
        let (over, mut finished) = mpsc::unbounded_channel();
        let (mut pause, mut read_at) = (READ_AGAIN.0, None);
        loop {
            tokio::select! {
                order = added.recv() => match order {
                    Some(order) => self.add(order, over.clone()),
                    None => return,
                },
                Some(uid) = finished.recv() => self.remove(uid),
                () = until(read_at), if read_at.is_some() => read_at = None,
                incoming = self.reader.recv(), if read_at.is_none() => match incoming {
                    Ok(incoming) => {
                        pause = READ_AGAIN.0;
                        self.route(incoming).await;
                    }
                    Err(error) => {
                        tracing::warn!(%error, "reading task topics; trying again");
                        read_at = Some(Instant::now() + pause);
                        pause = (pause * 2).min(READ_AGAIN.1);
                    }
                },
            }
        }
    }

    fn add(&mut self, (order, told): Added, over: mpsc::UnboundedSender<OrderUid>) {
        let topic = order.topics.task.clone();
        if let Err(error) = self.reader.add(&topic, Start::Earliest) {
            tracing::error!(%error, order = %order.order, "the order can't be measured");
            return;
        }
        let (sender, inbox) = mpsc::channel(INBOX);
        self.inboxes.insert(order.order_uid, (topic, sender));
        let (publisher, spools) = (Arc::clone(&self.publisher), self.spools.clone());
        let metrics = self.metrics.clone();
        let stopping = self.stopping.clone();
        self.tasks.spawn(async move {
            let uid = order.order_uid;
            tokio::select! {
                is_over = order::serve(order, publisher, spools, metrics, inbox) => if is_over {
                    let _ = told.send(());
                },
                () = stopping.cancelled() => {}
            }
            let _ = over.send(uid);
        });
    }

    fn remove(&mut self, uid: OrderUid) {
        if let Some((topic, _)) = self.inboxes.remove(&uid)
            && !self.inboxes.values().any(|(other, _)| *other == topic)
        {
            self.reader.remove(&topic);
        }
    }

    async fn route(&self, incoming: bus::Incoming) {
        match incoming.event {
            Event::Message(envelope) => {
                let key = envelope.header.key();
                let task = envelope.header.attempt.map(|(_, _, task)| task);
                // Another execution's message on a topic of the same name is none of ours.
                if let Some((_, inbox)) = self.inboxes.get(&envelope.header.order_uid) {
                    let _ = inbox.send((key.zip(task), envelope.message)).await;
                }
            }
            Event::Text { key, .. } => {
                tracing::debug!(
                    ?key,
                    topic = &*incoming.topic,
                    "plain-text message, recorded only"
                );
            }
            Event::Unreadable(unreadable) => {
                self.metrics.dead_letters.inc();
                self.publisher.bury(&incoming.topic, &unreadable).await;
            }
        }
    }
}
