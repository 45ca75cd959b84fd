//! What the service tells those who listen.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use model::{AttemptKey, OrderUid, Run, Status, TaskName, Timestamp, Values};
use tokio::sync::{broadcast, watch};

/// Something that is stored or drawn.
#[derive(Debug, Clone)]
pub enum Event {
    /// A sample is stored.
    Sample {
        /// Whose.
        key: AttemptKey,
        /// The task's name.
        task: TaskName,
        /// When it was taken.
        time: Timestamp,
        /// Its values.
        values: Box<Values>,
    },
    /// A run's start or end is stored.
    Run {
        /// Whose.
        key: AttemptKey,
        /// The task's name.
        task: TaskName,
        /// The run as it stands.
        run: Arc<Run>,
    },
    /// All of an order is stored.
    Stored {
        /// Which.
        order_uid: OrderUid,
        /// How it ended.
        status: Status,
    },
    /// An order's charts and report are drawn, or could not be.
    Drawn {
        /// Which.
        order_uid: OrderUid,
        /// The report.
        report: Option<PathBuf>,
        /// Why there is none.
        error: Option<String>,
    },
}

/// How far the service got with an order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finished {
    /// Whether all of it is stored.
    pub stored: bool,
    /// Its report, if it was drawn.
    pub report: Option<PathBuf>,
    /// Why it wasn't drawn although that was asked for.
    pub draw_error: Option<String>,
}

/// Where events are put up and orders are waited for.
#[derive(Clone)]
pub(crate) struct Board {
    events: broadcast::Sender<Event>,
    finished: Arc<Mutex<HashMap<OrderUid, watch::Sender<Option<Finished>>>>>,
}

impl Board {
    pub(crate) fn new() -> Self {
        Self {
            events: broadcast::Sender::new(4096),
            finished: Arc::default(),
        }
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Whether anybody listens.
    pub(crate) fn is_heard(&self) -> bool {
        self.events.receiver_count() > 0
    }

    pub(crate) fn tell(&self, event: Event) {
        // Nobody listening is no failure.
        let _ = self.events.send(event);
    }

    pub(crate) fn expect(&self, order_uid: OrderUid) {
        self.places().entry(order_uid).or_default();
    }

    pub(crate) fn finish(&self, order_uid: OrderUid, finished: Finished) {
        self.places()
            .entry(order_uid)
            .or_default()
            .send_replace(Some(finished));
    }

    pub(crate) async fn finished(&self, order_uid: OrderUid) -> Finished {
        let mut place = self.places().entry(order_uid).or_default().subscribe();
        let finished = match place.wait_for(Option::is_some).await {
            Ok(finished) => finished.clone().unwrap_or_default(),
            Err(_) => Finished::default(),
        };
        self.places().remove(&order_uid);
        finished
    }

    fn places(&self) -> MutexGuard<'_, HashMap<OrderUid, watch::Sender<Option<Finished>>>> {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
