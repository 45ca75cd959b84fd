//! The lines in which records wait for their topics.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicI32, Ordering},
    },
};

use model::OrderUid;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::{
    Error,
    bus::lock,
    flow::{OVERHEAD, Window},
    sender::{Engine, hand_over},
};

/// What records that aren't confirmed may weigh together on a Kafka, or on each topic of the
/// embedded broker, bytes.
const ROOM: (usize, usize) = (32 << 20, 8 << 20);
/// What a record takes here and in librdkafka beside what it holds, bytes.
const KEEPING: usize = 512;

/// A record to be sent.
#[derive(Default)]
pub(crate) struct Outgoing {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Vec<u8>,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The order whose partition it goes to; the first one without.
    pub(crate) of: Option<OrderUid>,
}

impl Outgoing {
    /// What it weighs on the broker, bytes.
    fn weight(&self) -> usize {
        let key = self.key.as_ref().map_or(0, Vec::len);
        let headers: usize = self
            .headers
            .iter()
            .map(|(k, v)| k.len() + v.len() + 4)
            .sum();
        key + self.value.len() + headers + OVERHEAD
    }
}

/// A record in line.
pub(crate) struct Waiting {
    pub(crate) outgoing: Outgoing,
    pub(crate) reply: oneshot::Sender<Result<(), Error>>,
    /// Given back when the record is through.
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

/// One topic's window and line.
pub(crate) struct Lane {
    pub(crate) topic: String,
    pub(crate) window: Mutex<Window<Waiting>>,
    /// How many partitions the topic has; 0 while that isn't known.
    partitions: AtomicI32,
    asked: AtomicBool,
    room: Arc<Semaphore>,
}

impl Lane {
    /// How many partitions the topic has, if that is known.
    pub(crate) fn partitions(&self) -> Option<i32> {
        Some(self.partitions.load(Ordering::Acquire)).filter(|count| *count > 0)
    }

    /// Whether the caller is the one to ask for its partitions.
    pub(crate) fn asks(&self) -> bool {
        !self.asked.swap(true, Ordering::Relaxed)
    }

    /// Waits for room for a record. One that is larger than all of it waits for all of it.
    pub(crate) async fn room(&self, outgoing: &Outgoing) -> Result<OwnedSemaphorePermit, Error> {
        let wanted = (outgoing.weight() + KEEPING).min(ROOM.1) as u32;
        let room = Arc::clone(&self.room).acquire_many_owned(wanted);
        room.await.map_err(|_| Error::closed(&self.topic))
    }

    /// Tells all that wait in line that they wait in vain.
    pub(crate) fn fail(&self, error: impl Fn() -> Error) {
        for waiting in lock(&self.window).clear() {
            let _ = waiting.reply.send(Err(error()));
        }
    }
}

/// The topics that were published to or are flow-controlled.
pub(crate) struct Lanes {
    topics: Mutex<HashMap<String, Arc<Lane>>>,
    embedded: bool,
    /// Of all topics of a Kafka together.
    room: Arc<Semaphore>,
    pub(crate) engine: Mutex<Weak<Engine>>,
}

impl Lanes {
    pub(crate) fn new(embedded: bool) -> Self {
        Self {
            topics: Mutex::default(),
            embedded,
            room: Arc::new(Semaphore::new(ROOM.0)),
            engine: Mutex::default(),
        }
    }

    pub(crate) fn lane(&self, topic: &str, controlled: bool) -> Arc<Lane> {
        let mut topics = lock(&self.topics);
        if let Some(lane) = topics.get(topic) {
            return Arc::clone(lane);
        }
        let lane = Arc::new(Lane {
            topic: topic.to_owned(),
            window: Mutex::new(Window::new(controlled)),
            partitions: AtomicI32::new(self.embedded.into()),
            asked: AtomicBool::new(false),
            // Each its own where a topic may wait for its reader to store.
            room: if self.embedded {
                Arc::new(Semaphore::new(ROOM.1))
            } else {
                Arc::clone(&self.room)
            },
        });
        topics.insert(topic.to_owned(), Arc::clone(&lane));
        lane
    }

    /// How many partitions a topic has. What waits for that goes.
    pub(crate) fn learn(&self, topic: &str, partitions: i32) {
        let lane = self.lane(topic, false);
        lane.partitions.store(partitions, Ordering::Release);
        self.pump(&lane);
    }

    /// A topic that is gone, or was never there; whoever waits for it is told.
    pub(crate) fn forget(&self, topic: &str, error: impl Fn() -> Error) {
        let lane = lock(&self.topics).remove(topic);
        if let Some(lane) = lane {
            lane.fail(error);
        }
    }

    fn known(&self, topic: &str) -> Option<Arc<Lane>> {
        lock(&self.topics).get(topic).cloned()
    }

    /// Makes a topic flow-controlled, unless something was published to it before.
    pub(crate) fn control(&self, topic: &str) {
        self.lane(topic, true);
    }

    /// Ends a topic's flow control.
    pub(crate) fn close(&self, topic: &str) {
        self.change(topic, Window::close);
    }

    pub(crate) fn reader_came(&self, topic: &str) {
        self.change(topic, Window::reader_came);
    }

    pub(crate) fn reader_left(&self, topic: &str) {
        self.change(topic, Window::reader_left);
    }

    pub(crate) fn stored(&self, topic: &str, next_offset: i64) {
        self.change(topic, |window| window.stored(next_offset));
    }

    fn change(&self, topic: &str, change: impl FnOnce(&mut Window<Waiting>)) {
        if let Some(lane) = self.known(topic) {
            change(&mut lock(&lane.window));
            self.pump(&lane);
        }
    }

    /// Puts a record at the end of its topic's line, and hands on what may go.
    pub(crate) fn push(&self, lane: &Arc<Lane>, waiting: Waiting) {
        let weight = waiting.outgoing.weight();
        lock(&lane.window).push(waiting, weight);
        self.pump(lane);
    }

    /// Hands to librdkafka what may go. The lane stays locked, so that the order is kept.
    pub(crate) fn pump(&self, lane: &Arc<Lane>) {
        let Some(partitions) = lane.partitions() else {
            return;
        };
        let Some(engine) = lock(&self.engine).upgrade() else {
            return;
        };
        let producer = engine.producer();
        let mut window = lock(&lane.window);
        while let Some((waiting, weight)) = window.next() {
            if let Err((error, ticket)) = hand_over(&producer, lane, partitions, waiting, weight) {
                window.confirmed(None, weight);
                let _ = ticket.reply.send(Err(error));
            }
        }
    }

    /// Whoever still waits in line is told that it is over.
    pub(crate) fn clear(&self) {
        for lane in lock(&self.topics).values() {
            lock(&lane.window).clear();
        }
    }
}
