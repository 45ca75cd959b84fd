//! Stores samples and runs, and draws what is finished.
//!
//! One loop ([`ingest`]) reads resource topics and gathers what they say ([`gather`], pure) in batches
//! that go to the store together with the offsets that they came from ([`writer`]). The topics are those
//! of single orders, which are [added](MonitorConsumer::add), or shared ones, whose partitions are divided
//! among the services of a consumer group ([`source`]). When an order is over and stored it says
//! TERMINATE, and its charts and report are drawn ([`drawing`]), not earlier: drawing beside a running
//! task would take the processor that the task is measured on.

pub mod drawing;
mod events;
mod finish;
mod gather;
mod housekeeping;
mod ingest;
mod metrics;
mod one;
mod service;
mod source;
mod writer;

use std::path::PathBuf;

use bus::Bus;
use model::{OrderHandle, OrderTopics, OrderUid};
use store::Store;
use tokio::sync::{broadcast, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use crate::metrics::Metrics;
use events::Board;
pub use events::{Event, Finished};
pub use service::{Config, exit_code};

/// What the service is asked to do.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether finished orders are drawn.
    pub draw: bool,
    /// Whether it reads the topics that all orders share, instead of those of the orders that are added.
    pub shared: Option<Shared>,
    /// What it counts.
    pub metrics: Metrics,
}

/// How shared topics are read.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The topics.
    pub topics: OrderTopics,
    /// The consumer group whose services divide the partitions among them.
    pub group: String,
}

/// The service: it serves any number of orders at once.
pub struct MonitorConsumer {
    orders: mpsc::Sender<(OrderHandle, PathBuf)>,
    board: Board,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl MonitorConsumer {
    /// Starts the service. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If the broker's clients can't be made.
    pub fn start(bus: &Bus, store: Store, options: Options) -> Result<Self, bus::Error> {
        let (orders, added) = mpsc::channel(64);
        let (stopping, tasks, board) = (CancellationToken::new(), TaskTracker::new(), Board::new());
        let ingest =
            ingest::Ingest::new(bus, store.clone(), options, board.clone(), tasks.clone())?;
        let (until, until_then) = (stopping.clone(), stopping.clone());
        tasks.spawn(ingest.run(added, until));
        tasks.spawn(async move {
            tokio::select! {
                () = housekeeping::run(store) => {}
                () = until_then.cancelled() => {}
            }
        });
        Ok(Self {
            orders,
            board,
            stopping,
            tasks,
        })
    }

    /// Takes part in an order, which is registered in the store and whose topics exist. `folder` is
    /// where its charts and its report go.
    pub async fn add(&self, order: OrderHandle, folder: PathBuf) {
        self.board.expect(order.order_uid);
        // A service that stops takes no orders any more.
        let _ = self.orders.send((order, folder)).await;
    }

    /// What happens, as it happens. A listener that is too slow loses the oldest events.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.board.listen()
    }

    /// Waits until an order is stored and drawn, or until the service stops.
    pub async fn finished(&self, order_uid: OrderUid) -> Finished {
        tokio::select! {
            finished = self.board.finished(order_uid) => finished,
            () = self.stopping.cancelled() => Finished::default(),
        }
    }

    /// Ends the service; what is being drawn is finished first.
    pub async fn stop(self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
