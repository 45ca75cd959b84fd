//! What an order publishes, in order, whether Kafka is there or not.
//!
//! Messages go straight to the publisher, a bounded number at a time. When one is not delivered
//! within [`PATIENCE`] and there may be a spool, all of them go to the spool, and so do later ones
//! until it is empty again. A reading is acknowledged when its sample is delivered or in the spool.
//!
//! One owner drives it: [`Outbox::step`] does what there is to do, and nothing is lost when it is
//! cancelled.

use std::{
    collections::{BTreeMap, VecDeque},
    future::{Future, pending, poll_fn},
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use bus::{Delivery, Publisher};
use metrics::Part;
use model::{AttemptKey, Envelope, Message, OrderHandle, Reading};
use tokio::{sync::watch, task::spawn_blocking, time::sleep_until};

use crate::{
    Metrics,
    away::{Away, Progress},
    spool::Spools,
};

/// How long the broker may take before it counts as away.
const PATIENCE: Duration = Duration::from_secs(1);
/// The pause before what the broker didn't take is sent again.
pub(crate) const RETRY: Duration = Duration::from_secs(1);
/// How many messages may be with the publisher.
pub(crate) const IN_FLIGHT: usize = 256;
/// With so many in memory no more are taken from runners. A sample takes less than 1 KiB.
const MAX_IN_MEMORY: usize = 4096;

/// A message with whom to tell when it is safe.
pub(crate) struct Item {
    pub(crate) envelope: Envelope,
    pub(crate) ack: Option<Ack>,
}

/// Tells a runner up to which reading all is safe.
pub(crate) struct Ack {
    pub(crate) seq: u64,
    pub(crate) to: watch::Sender<Option<u64>>,
}

impl Ack {
    pub(crate) fn give(self) {
        self.to.send_replace(Some(self.seq));
    }
}

/// A message that was handed to the publisher.
struct Flying {
    item: Item,
    delivery: Delivery,
    since: Instant,
}

/// The messages of one order that aren't delivered yet.
pub(crate) struct Outbox {
    publisher: Arc<Publisher>,
    handle: OrderHandle,
    spools: Option<Spools>,
    line: VecDeque<Item>,
    flying: VecDeque<Flying>,
    away: Option<Away>,
    retry_at: Option<Instant>,
    /// What can't be spooled is said once.
    complained: bool,
    metrics: Metrics,
    /// How many messages are in memory, as the metric of all orders has it.
    counted: Part,
}

impl Outbox {
    /// The outbox of an order, with what a predecessor left in its spool, and the last reading of
    /// each attempt in there.
    pub(crate) async fn open(
        publisher: Arc<Publisher>,
        handle: OrderHandle,
        spools: Option<Spools>,
        metrics: Metrics,
    ) -> (Self, BTreeMap<AttemptKey, Reading>) {
        let mut outbox = Self {
            publisher,
            handle,
            spools,
            line: VecDeque::new(),
            flying: VecDeque::new(),
            away: None,
            retry_at: None,
            complained: false,
            counted: Part::new(&metrics.outbox_messages, 0),
            metrics,
        };
        let last = outbox.take_over().await;
        (outbox, last)
    }

    async fn take_over(&mut self) -> BTreeMap<AttemptKey, Reading> {
        let Some(spools) = self.spools.clone() else {
            return BTreeMap::new();
        };
        let (uid, order) = (self.handle.order_uid, &self.handle.order);
        let path = spools.path(uid);
        let left = spawn_blocking(move || spools.left(uid)).await;
        match left.map_err(std::io::Error::from).flatten() {
            Ok(Some(left)) => {
                let path = path.display();
                tracing::info!(
                    "order {order}: {} messages that {path} holds are sent first",
                    left.messages
                );
                self.away = Some(Away::new(left.file, &self.metrics));
                left.last
            }
            Ok(None) => BTreeMap::new(),
            Err(error) => {
                let path = path.display();
                tracing::error!(
                    "order {order}: {path} can't be read ({error}), so that samples of an earlier \
                     producer are not sent; make it readable and start again"
                );
                BTreeMap::new()
            }
        }
    }

    /// Puts a message in line.
    pub(crate) fn push(&mut self, item: Item) {
        self.line.push_back(item);
        if self.away.is_none() && self.retry_at.is_none() {
            self.hand_over();
        }
        self.count();
    }

    fn count(&mut self) {
        let waiting = self.line.len() + self.flying.len();
        self.counted.set(waiting as i64);
    }

    /// Whether more may be taken from runners.
    pub(crate) fn has_room(&self) -> bool {
        self.line.len() + self.flying.len() < MAX_IN_MEMORY
    }

    /// The order is over: nothing of it is needed any more.
    pub(crate) fn end(self) {
        if let Some(away) = self.away {
            away.remove();
        }
    }

    /// Waits for the next thing to do, and does it.
    pub(crate) async fn step(&mut self) {
        self.next().await;
        self.count();
    }

    async fn next(&mut self) {
        if let (Some(away), Some(spools)) = (&mut self.away, &self.spools) {
            let topic = &self.handle.topics.resource;
            let progress = away.step(&mut self.line, &self.publisher, topic, spools);
            match progress.await {
                Progress::Some => {}
                Progress::Refused(why) => self.complain(&why),
                Progress::Done => self.back(),
            }
        } else if let Some(at) = self.retry_at {
            sleep_until(at.into()).await;
            self.retry_at = None;
            self.hand_over();
        } else {
            self.deliver().await;
        }
    }

    /// Hands over what may go. The publisher keeps the order.
    fn hand_over(&mut self) {
        let since = Instant::now();
        while self.flying.len() < IN_FLIGHT
            && let Some(item) = self.line.pop_front()
        {
            let topic = &self.handle.topics.resource;
            match self.publisher.enqueue_now(topic, &item.envelope) {
                Ok(delivery) => self.flying.push_back(Flying {
                    item,
                    delivery,
                    since,
                }),
                // It will never be more of a message than it is now.
                Err(error) => tracing::error!(order = %self.handle.order, %error, "left out"),
            }
        }
    }

    /// Waits for the first one's delivery, then takes the others that are there as well.
    async fn deliver(&mut self) {
        let Some(first) = self.flying.front_mut() else {
            return pending().await;
        };
        let patience = self.spools.is_some().then(|| first.since + PATIENCE);
        let mut delivered = tokio::select! {
            biased;
            delivered = &mut first.delivery => Some(delivered),
            () = until(patience) => return self.fall_back("it does not answer"),
        };
        while let Some(result) = delivered {
            if let Err(error) = result {
                return self.fall_back(&error.to_string());
            }
            self.complained = false;
            if let Some(flying) = self.flying.pop_front() {
                self.delivered(flying);
            }
            delivered = match self.flying.front_mut() {
                Some(next) => now(&mut next.delivery).await,
                None => None,
            };
        }
        self.hand_over();
    }

    fn delivered(&self, flying: Flying) {
        let seconds = flying.since.elapsed().as_secs_f64();
        self.metrics.publish_seconds.observe(seconds);
        let is_sample = matches!(flying.item.envelope.message, Message::Sample(_));
        self.metrics.samples_published.inc_by(is_sample.into());
        if let Some(ack) = flying.item.ack {
            ack.give();
        }
    }

    /// Begins again with all that isn't delivered: from the spool if there may be one. What the
    /// publisher still has may come through as well; receivers ignore what they already have.
    fn fall_back(&mut self, why: &str) {
        let unconfirmed = self.flying.len() as u64;
        self.metrics.publish_retries.inc_by(unconfirmed);
        let items = self.flying.drain(..).map(|flying| flying.item);
        self.line = items.chain(std::mem::take(&mut self.line)).collect();
        let order = &self.handle.order;
        match self
            .spools
            .as_ref()
            .map(|s| s.create(self.handle.order_uid))
        {
            Some(Ok(file)) => {
                let path = file.path().display();
                // A spool that took nothing is no news the second time.
                if !self.complained {
                    tracing::warn!(
                        "Kafka is away ({why}): samples of {order} go to the spool {path}"
                    );
                }
                self.away = Some(Away::new(file, &self.metrics));
            }
            Some(Err(error)) => {
                self.retry_at = Some(Instant::now() + RETRY);
                self.complain(&error.to_string());
            }
            None => {
                tracing::warn!("order {order}: publishing samples ({why}); trying again");
                self.retry_at = Some(Instant::now() + RETRY);
            }
        }
    }

    fn complain(&mut self, why: &str) {
        if !std::mem::replace(&mut self.complained, true) {
            tracing::warn!(
                "order {}: samples can't go to the spool ({why}); until Kafka is back their runners \
                 keep the latest and thin out the others",
                self.handle.order
            );
        }
    }

    /// All of the spool is delivered.
    fn back(&mut self) {
        if let Some(away) = self.away.take() {
            let resent = away.resent();
            if resent > 0 {
                let order = &self.handle.order;
                tracing::warn!("Kafka is back: {resent} messages of {order} resent");
                self.complained = false;
            }
            away.remove();
        }
        self.hand_over();
    }
}

/// Until an instant; for ever without one.
pub(crate) async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => pending().await,
    }
}

/// What a delivery says already.
pub(crate) async fn now(delivery: &mut Delivery) -> Option<Result<(), bus::Error>> {
    poll_fn(|cx| match Pin::new(&mut *delivery).poll(cx) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
