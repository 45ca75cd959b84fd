//! One order: what its task topic and its runners' streams say becomes samples and runs.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bus::Publisher;
use metrics::Part;
use model::{
    AttemptKey, Envelope, Message, OrderHandle, Reading, TaskName,
    message::{Halt, Header, Started, Stop},
};
use tokio::{
    sync::{mpsc, watch},
    task::AbortHandle,
};

use crate::{
    Inbound, Metrics,
    attempt::AttemptState,
    outbox::{Ack, Item, Outbox, until},
    spool::Spools,
    stream::{self, Told},
};

/// How long after an attempt's end its stream may still bring readings.
const DRAIN: Duration = Duration::from_secs(10);
/// How long after STOP the missing attempts are waited for (DESIGN.md section 5).
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// Serves the order until it is stored, or until nobody sends any more. Returns whether it is stored.
pub(crate) async fn serve(
    handle: OrderHandle,
    publisher: Arc<Publisher>,
    spools: Option<Spools>,
    metrics: Metrics,
    mut inbox: mpsc::Receiver<Inbound>,
) -> bool {
    let (told, mut readings) = mpsc::channel(256);
    let _counted = Part::new(&metrics.orders, 1);
    let (outbox, last) = Outbox::open(publisher, handle.clone(), spools, metrics.clone()).await;
    let mut order = Order {
        handle,
        outbox,
        metrics,
        told,
        attempts: last.into_iter().map(Tracked::known).collect(),
        stop: None,
    };
    let mut batch = Vec::new();
    loop {
        let wake = order.wake_at();
        let has_room = order.outbox.has_room();
        tokio::select! {
            inbound = inbox.recv(), if has_room => match inbound {
                None => return false,
                Some((_, Message::Terminate(_))) => {
                    order.outbox.end();
                    return true;
                }
                Some((of, message)) => order.hear(of, message),
            },
            _ = readings.recv_many(&mut batch, 256), if has_room => {
                order.told(std::mem::take(&mut batch));
            }
            () = order.outbox.step() => {}
            () = until(wake), if wake.is_some() => {}
        }
        order.close_what_is_over();
        if order.forward_stop() {
            order.attempts.clear();
        }
    }
}

struct Order {
    handle: OrderHandle,
    outbox: Outbox,
    metrics: Metrics,
    told: mpsc::Sender<Told>,
    attempts: BTreeMap<AttemptKey, Tracked>,
    stop: Option<(Stop, Instant)>,
}

/// An attempt with its connection.
#[derive(Default)]
struct Tracked {
    state: AttemptState,
    task: Option<TaskName>,
    acknowledged: watch::Sender<Option<u64>>,
    stream: Option<AbortHandle>,
    /// When it is closed, drained or not.
    close_at: Option<Instant>,
}

impl Tracked {
    /// One of which a predecessor has seen to all up to a reading.
    fn known((key, last): (AttemptKey, Reading)) -> (AttemptKey, Self) {
        let mut tracked = Self::default();
        tracked.state.base(&last);
        (key, tracked)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            stream.abort();
        }
    }
}

impl Order {
    fn hear(&mut self, of: Option<(AttemptKey, TaskName)>, message: Message) {
        match (message, of) {
            (Message::Order(started), Some((key, task))) => self.start(key, task, *started),
            (Message::Backlog(backlog), Some((key, _))) => {
                if let Some(base) = backlog.base {
                    self.base(key, &base);
                }
                self.take(key, &backlog.readings);
            }
            (Message::Halt(halt), Some((key, task))) => self.end(key, task, *halt),
            (Message::Stop(stop), _) if self.stop.is_none() => {
                self.stop = Some((stop, Instant::now() + STOP_PATIENCE));
            }
            _ => {}
        }
    }

    /// ORDER: publishes the run and its baseline, and follows its stream.
    fn start(&mut self, key: AttemptKey, task: TaskName, started: Started) {
        let tracked = self.attempts.entry(key).or_default();
        tracked.task = Some(task);
        if !tracked.state.start(&started) || tracked.state.closed {
            return;
        }
        if let (Some(address), false) = (started.stream, tracked.state.has_ended()) {
            tracked.state.streaming = true;
            let (token, told) = (self.handle.token.clone(), self.told.clone());
            let acknowledged = tracked.acknowledged.subscribe();
            let follow = stream::follow(
                address,
                token,
                key,
                told,
                acknowledged,
                self.metrics.clone(),
            );
            tracked.stream = Some(tokio::spawn(follow).abort_handle());
        }
        self.publish_run(key);
        self.take(key, &[started.baseline]);
    }

    fn told(&mut self, told: Vec<Told>) {
        let mut readings: BTreeMap<AttemptKey, Vec<Reading>> = BTreeMap::new();
        for told in told {
            match told {
                Told::Base(key, reading) => self.base(key, &reading),
                Told::Reading(key, reading) => readings.entry(key).or_default().push(*reading),
                Told::Ended(key) => self.stream_is_over(key),
                // The runner is gone if the attempt is over; if it isn't, another try follows.
                Told::Broken(key) if self.has_ended(key) => self.stream_is_over(key),
                Told::Broken(_) => {}
            }
        }
        for (key, readings) in readings {
            self.take(key, &readings);
        }
    }

    fn has_ended(&self, key: AttemptKey) -> bool {
        self.attempts
            .get(&key)
            .is_some_and(|tracked| tracked.state.has_ended())
    }

    fn stream_is_over(&mut self, key: AttemptKey) {
        if let Some(tracked) = self.attempts.get_mut(&key) {
            tracked.state.streaming = false;
        }
    }

    fn base(&mut self, key: AttemptKey, reading: &Reading) {
        if let Some(tracked) = self.attempts.get_mut(&key) {
            tracked.state.base(reading);
        }
    }

    /// Publishes the readings that are new. The runner is told when they are safe.
    fn take(&mut self, key: AttemptKey, readings: &[Reading]) {
        let Some(tracked) = self.attempts.get_mut(&key) else {
            return;
        };
        let samples: Vec<_> = readings
            .iter()
            .filter_map(|r| tracked.state.take(r))
            .collect();
        let acknowledged = tracked.acknowledged.clone();
        self.metrics.samples_collected.inc_by(samples.len() as u64);
        for sample in samples {
            self.metrics.samples_missed.inc_by(sample.missed_before);
            let ack = Ack {
                seq: sample.reading.seq,
                to: acknowledged.clone(),
            };
            self.publish(key, Message::Sample(Box::new(sample)), Some(ack));
        }
    }

    /// HALT: the attempt is over once its readings are here.
    fn end(&mut self, key: AttemptKey, task: TaskName, halt: Halt) {
        let tracked = self.attempts.entry(key).or_default();
        tracked.task = Some(task);
        if !tracked.state.end(halt) {
            return;
        }
        tracked
            .close_at
            .get_or_insert_with(|| Instant::now() + DRAIN);
        if tracked.state.closed {
            // A richer end than the one that is published.
            self.publish_run(key);
        }
    }

    fn close_what_is_over(&mut self) {
        let now = Instant::now();
        let over = |tracked: &Tracked| {
            let state = &tracked.state;
            let waited = tracked.close_at.is_some_and(|at| now >= at);
            !state.closed && state.has_ended() && (state.is_drained() || !state.streaming || waited)
        };
        let keys = self
            .attempts
            .iter()
            .filter(|(_, t)| over(t))
            .map(|(key, _)| *key);
        for key in keys.collect::<Vec<_>>() {
            if let Some(tracked) = self.attempts.get_mut(&key) {
                tracked.state.closed = true;
                if let Some(stream) = tracked.stream.take() {
                    stream.abort();
                }
            }
            self.publish_run(key);
        }
    }

    /// STOP goes on to the consumer when every attempt that it lists is closed, or with those named
    /// that aren't. Returns whether it is on its way.
    fn forward_stop(&mut self) -> bool {
        let Some((stop, patience)) = &self.stop else {
            return false;
        };
        let closed = |position, attempt| {
            let order_uid = self.handle.order_uid;
            let key = AttemptKey {
                order_uid,
                position,
                attempt,
            };
            self.attempts
                .get(&key)
                .is_some_and(|tracked| tracked.state.closed)
        };
        let listed = stop.attempts.iter().map(|a| (a.position, a.attempt));
        let undrained: Vec<_> = listed.filter(|(p, a)| !closed(*p, *a)).collect();
        if !undrained.is_empty() && Instant::now() < *patience {
            return false;
        }
        let message = Message::Stop(Stop {
            undrained,
            ..stop.clone()
        });
        let header = Header::order(self.handle.order.clone(), self.handle.order_uid);
        let envelope = Envelope { header, message };
        self.outbox.push(Item {
            envelope,
            ack: None,
        });
        self.stop = None;
        true
    }

    fn publish_run(&mut self, key: AttemptKey) {
        if let Some(tracked) = self.attempts.get(&key) {
            let run = Message::Run(Box::new(tracked.state.run()));
            self.publish(key, run, None);
        }
    }

    fn publish(&mut self, key: AttemptKey, message: Message, ack: Option<Ack>) {
        let tracked = self.attempts.get(&key);
        let Some(task) = tracked.and_then(|t| t.task.as_ref().or(t.state.task())) else {
            return;
        };
        let header = Header::attempt(self.handle.order.clone(), key, task.clone());
        let envelope = Envelope { header, message };
        self.outbox.push(Item { envelope, ack });
    }

    /// When something is due although nobody says anything.
    fn wake_at(&self) -> Option<Instant> {
        let open = self
            .attempts
            .values()
            .filter(|tracked| !tracked.state.closed);
        let close = open.filter_map(|tracked| tracked.close_at).min();
        let stop = self.stop.as_ref().map(|(_, at)| *at);
        close.into_iter().chain(stop).min()
    }
}

#[cfg(test)]
mod tests;
