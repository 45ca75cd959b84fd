//! What is new, read once for all who watch.
//!
//! One task looks into the store while somebody watches, and appends to a [`ring::Ring`]. Each watcher has a
//! place in it and takes what it likes when it likes: a slow one holds up nobody, and one whose place is no
//! longer held is told to read anew.

mod frame;
mod news;
mod ring;
mod seqs;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use model::OrderId;
use store::Store;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

use self::{
    news::{News, Reader},
    ring::{EventId, Found, Ring},
};
use crate::{Draw, Limits, Metrics, problem::Problem};

/// Where what is new comes from.
pub(crate) struct Source {
    pub(crate) store: Store,
    pub(crate) draw: Arc<dyn Draw>,
}

/// The tail of the store.
pub(crate) struct Tail {
    source: Source,
    limits: Limits,
    metrics: Metrics,
    state: Mutex<State>,
    /// The number of the next event; `None` until it is known what stood before.
    next: watch::Sender<Option<u64>>,
}

struct State {
    epoch: u32,
    ring: Ring,
    watchers: usize,
    is_running: bool,
}

/// How long a watcher waits for the tail to begin.
const BEGIN: Duration = Duration::from_secs(10);
/// How long the tail waits when the store can't be read, at most.
const AWAY: Duration = Duration::from_secs(2);

impl Tail {
    pub(crate) fn new(source: Source, limits: Limits, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self {
            source,
            limits,
            metrics,
            state: Mutex::new(State {
                epoch: 0,
                ring: Ring::new(limits.events, limits.events_bytes),
                watchers: 0,
                is_running: false,
            }),
            next: watch::Sender::new(None),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to watch: after the event `last`, if that is still held, else from now on. When this returns,
    /// all that is stored from now on will be told; what was stored before can be read.
    pub(crate) async fn watch(
        self: &Arc<Self>,
        last: Option<&str>,
        order: Option<OrderId>,
    ) -> Result<Watcher, Problem> {
        let mut watcher = self.enter(order)?;
        let began = timeout(BEGIN, watcher.changes.wait_for(Option::is_some));
        if !matches!(began.await, Ok(Ok(_))) {
            return Err(Problem::unavailable(
                "the store can't be read just now; try again",
            ));
        }
        let state = self.state();
        watcher.place = state.ring.next();
        if let Some(last) = last {
            let last: Option<EventId> = last.parse().ok();
            let held = last.filter(|id| {
                id.epoch == state.epoch
                    && id
                        .number
                        .checked_add(1)
                        .is_some_and(|n| state.ring.holds(n))
            });
            match held {
                Some(id) => watcher.place = id.number + 1,
                None => watcher.is_fallen = true,
            }
        }
        drop(state);
        Ok(watcher)
    }

    fn enter(self: &Arc<Self>, order: Option<OrderId>) -> Result<Watcher, Problem> {
        let mut state = self.state();
        if state.watchers >= self.limits.watchers {
            let after = Duration::from_secs(10);
            return Err(Problem::too_many(
                "too many watch already; try again",
                after,
            ));
        }
        state.watchers += 1;
        self.metrics.watchers.inc();
        if !state.is_running {
            state.is_running = true;
            state.epoch = Uuid::new_v4().as_fields().0;
            state.ring = Ring::new(self.limits.events, self.limits.events_bytes);
            self.next.send_replace(None);
            tokio::spawn(Arc::clone(self).run());
        }
        Ok(Watcher {
            changes: self.next.subscribe(),
            tail: Arc::clone(self),
            place: 0,
            order,
            is_fallen: false,
        })
    }

    /// Looks into the store until nobody has watched for a while.
    async fn run(self: Arc<Self>) {
        let mut pause = self.limits.poll;
        let mut reader = None;
        let mut last_watched = Instant::now();
        loop {
            match self.look(&mut reader).await {
                Ok(()) => pause = self.limits.poll,
                Err(error) => {
                    tracing::warn!("what is new can't be read: {error}");
                    pause = (pause * 2).min(AWAY);
                }
            }
            sleep(pause).await;
            let mut state = self.state();
            if state.watchers > 0 {
                last_watched = Instant::now();
            } else if last_watched.elapsed() >= self.limits.linger {
                state.is_running = false;
                return;
            }
        }
    }

    async fn look(&self, reader: &mut Option<Reader>) -> Result<(), store::Error> {
        let Some(known) = reader else {
            *reader = Some(Reader::begin(self.source.store.clone()).await?);
            let next = self.state().ring.next();
            self.next.send_replace(Some(next));
            return Ok(());
        };
        let news = known.look().await?;
        if !news.is_empty() {
            self.append(news);
        }
        Ok(())
    }

    fn append(&self, news: Vec<News>) {
        let events = news
            .into_iter()
            .flat_map(|news| frame::events(news, &*self.source.draw));
        let events: Vec<_> = events.collect();
        self.metrics.events.inc_by(events.len() as u64);
        let mut state = self.state();
        for (order, kind, data) in events {
            let id = EventId {
                epoch: state.epoch,
                number: state.ring.next(),
            };
            state.ring.push(frame::event(order, kind, id, &data));
        }
        self.next.send_replace(Some(state.ring.next()));
    }
}

/// Somebody who watches.
pub(crate) struct Watcher {
    tail: Arc<Tail>,
    changes: watch::Receiver<Option<u64>>,
    /// The number of the event that comes next.
    place: u64,
    /// Only what is about this order.
    order: Option<OrderId>,
    /// Whether it has to be told that it missed something.
    pub(crate) is_fallen: bool,
}

impl Watcher {
    /// What goes out next: events, or a sign of life. `on_reset` is called before it is told to read anew.
    pub(crate) async fn next(&mut self, on_reset: impl Fn()) -> Bytes {
        let heartbeat = Instant::now() + self.tail.limits.heartbeat;
        loop {
            // What is appended after this look is a change.
            self.changes.mark_unchanged();
            if let Some(bytes) = self.take(&on_reset) {
                return bytes;
            }
            let changed = tokio::time::timeout_at(heartbeat, self.changes.changed());
            if !matches!(changed.await, Ok(Ok(()))) {
                return frame::HEARTBEAT;
            }
        }
    }

    fn take(&mut self, on_reset: &impl Fn()) -> Option<Bytes> {
        let state = self.tail.state();
        let found = if self.is_fallen {
            Found::Fallen
        } else {
            state.ring.read(self.place)
        };
        let Found::Events(events, after) = found else {
            self.place = state.ring.next();
            let at = EventId {
                epoch: state.epoch,
                number: self.place - 1,
            };
            drop(state);
            self.is_fallen = false;
            self.tail.metrics.resets.inc();
            on_reset();
            return Some(frame::reset(at));
        };
        drop(state);
        // More may be waiting behind those that don't concern it: `changes` must say so.
        if after != self.place {
            self.changes.mark_changed();
        }
        self.place = after;
        let mut bytes = BytesMut::new();
        let mine = |of: &OrderId| self.order.as_ref().is_none_or(|order| order == of);
        for event in events.iter().filter(|event| mine(&event.order)) {
            bytes.extend_from_slice(&event.frame);
        }
        (!bytes.is_empty()).then(|| bytes.freeze())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.tail.state().watchers -= 1;
        self.tail.metrics.watchers.dec();
    }
}
