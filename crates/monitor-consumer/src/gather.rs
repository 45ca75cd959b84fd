//! What was read and isn't stored yet, of any number of orders and logs. Pure.
//!
//! A log is one partition of one topic. What is gathered of all logs goes to the store as one batch,
//! with the offsets that it brings the logs to. A log's offset isn't noted past a STOP until its
//! TERMINATE has been sent: until then it is *held*.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use model::{
    AttemptKey, Envelope, Message, OrderId, OrderUid, Run, Sample, Status, TaskName, Timestamp,
    message::Stop,
};
use store::{Advance, Batch, Item, Log, Pipeline};

use crate::{carried::Carried, events::Event};

/// A topic and a partition.
pub(crate) type LogKey = (Arc<str>, i32);

/// Where reading and storing a log stand.
#[derive(Debug)]
struct Position {
    log: Log,
    /// What the store expects of the next batch.
    expected: i64,
    /// The offset behind the last record that was taken.
    next: i64,
    /// Offsets of STOPs whose TERMINATE has not been sent.
    held: BTreeSet<i64>,
    /// Records were taken since the last batch.
    touched: bool,
}

impl Position {
    /// Up to where the log's records may be noted as stored.
    fn notable(&self) -> i64 {
        self.held
            .first()
            .map_or(self.next, |held| self.next.min(*held))
    }
}

/// An order of which something was read.
#[derive(Debug)]
struct Known {
    name: OrderId,
    log: LogKey,
    /// Whether its name is among those that the next batch says.
    is_named: bool,
    /// The offset of its STOP, and how it ended.
    stop: Option<(i64, Status)>,
    carried: Carried,
}

/// Whose messages are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Those of the orders that were added: on an order's own topic may be what another execution
    /// left.
    Added,
    /// Everybody's: on shared topics.
    All,
}

/// What waits to be stored.
pub(crate) struct Gather {
    whose: Whose,
    logs: HashMap<LogKey, Position>,
    orders: HashMap<OrderUid, Known>,
    items: Vec<Item>,
    /// The log of each item.
    of_items: Vec<LogKey>,
    /// The names of the orders that they are of.
    named: BTreeMap<OrderUid, OrderId>,
    stops: Vec<(OrderUid, Stop)>,
    events: Vec<Event>,
}

/// What goes to the store, and what is to be done when it is there.
pub(crate) struct Gathered {
    pub(crate) batch: Batch,
    pub(crate) logs: Vec<LogKey>,
    /// The log of each item.
    pub(crate) of_items: Vec<LogKey>,
    /// Orders whose STOP is among the items.
    pub(crate) stops: Vec<(OrderUid, Stop)>,
    pub(crate) events: Vec<Event>,
}

impl Gather {
    pub(crate) fn new(whose: Whose) -> Self {
        Self {
            whose,
            logs: HashMap::new(),
            orders: HashMap::new(),
            items: Vec::new(),
            of_items: Vec::new(),
            named: BTreeMap::new(),
            stops: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Begins with a log where the store stands; the offset that reading goes on from, if any of it
    /// is stored.
    pub(crate) fn begin(&mut self, key: LogKey, log: Log, stored: Option<i64>) {
        let expected = stored.unwrap_or(0);
        let position = Position {
            log,
            expected,
            next: expected,
            held: BTreeSet::new(),
            touched: false,
        };
        self.logs.insert(key, position);
    }

    /// Forgets a log with what is gathered of it and of its orders.
    pub(crate) fn forget(&mut self, key: &LogKey) {
        self.logs.remove(key);
        let mut logs = self.of_items.iter();
        self.items.retain(|_| logs.next() != Some(key));
        self.of_items.retain(|log| log != key);
        let gone = |uid: &OrderUid, orders: &HashMap<OrderUid, Known>| {
            orders.get(uid).is_none_or(|order| order.log == *key)
        };
        self.stops.retain(|(uid, _)| !gone(uid, &self.orders));
        self.orders.retain(|_, order| order.log != *key);
    }

    /// Makes an order known whose log has begun.
    pub(crate) fn add(&mut self, uid: OrderUid, name: OrderId, log: LogKey) {
        self.orders.insert(
            uid,
            Known {
                name,
                log,
                is_named: false,
                stop: None,
                carried: Carried::default(),
            },
        );
    }

    /// Forgets an order that is over.
    pub(crate) fn over(&mut self, uid: OrderUid) {
        self.orders.remove(&uid);
    }

    /// How many items wait.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether an order's end waits: then nobody should wait for more.
    pub(crate) fn is_urgent(&self) -> bool {
        !self.stops.is_empty()
    }

    /// Whether there is anything to be stored, be it an offset.
    pub(crate) fn is_due(&self) -> bool {
        !self.items.is_empty()
            || self
                .logs
                .values()
                .any(|position| position.notable() > position.expected)
    }

    /// Passes over a record that says nothing to us. False if its log isn't ours (any more), or if
    /// it was taken before.
    pub(crate) fn pass(&mut self, key: &LogKey, offset: i64) -> bool {
        let Some(position) = self.logs.get_mut(key).filter(|p| offset >= p.next) else {
            return false;
        };
        position.next = offset + 1;
        position.touched = true;
        true
    }

    /// Takes a message. `tell`: whether somebody wants to know.
    pub(crate) fn take(
        &mut self,
        key: &LogKey,
        (offset, bytes): (i64, usize),
        envelope: Envelope,
        tell: bool,
    ) {
        if !self.pass(key, offset) {
            return;
        }
        let uid = envelope.header.order_uid;
        if self.whose == Whose::All && !self.orders.contains_key(&uid) {
            self.add(uid, envelope.header.order.clone(), key.clone());
        }
        let Some(order) = self.orders.get_mut(&uid) else {
            return;
        };
        order.carried.read(bytes);
        if !std::mem::replace(&mut order.is_named, true) {
            self.named.insert(uid, order.name.clone());
        }
        let of = envelope.header.key();
        let of = of.zip(envelope.header.attempt.map(|(_, _, task)| task));
        match (envelope.message, of) {
            (Message::Sample(sample), Some((attempt, task))) => {
                self.sample(key, attempt, task, sample, tell);
            }
            (Message::Run(run), Some((attempt, task))) => self.run(key, attempt, task, run, tell),
            (Message::Stop(stop), _) => self.stop(key, uid, offset, stop),
            _ => {}
        }
    }

    fn sample(
        &mut self,
        log: &LogKey,
        key: AttemptKey,
        task: TaskName,
        sample: Box<Sample>,
        tell: bool,
    ) {
        if tell {
            self.events.push(Event::Sample {
                key,
                task: task.clone(),
                time: sample.reading.time_us,
                values: Box::new(sample.values),
            });
        }
        self.push(log, Item::Sample { key, task, sample });
    }

    fn run(&mut self, log: &LogKey, key: AttemptKey, task: TaskName, run: Box<Run>, tell: bool) {
        if tell {
            self.events.push(Event::Run {
                key,
                task: task.clone(),
                run: Arc::new((*run).clone()),
            });
        }
        self.push(log, Item::Run { key, task, run });
    }

    fn stop(&mut self, log: &LogKey, uid: OrderUid, offset: i64, stop: Stop) {
        let Some(order) = self.orders.get_mut(&uid) else {
            return;
        };
        if order.stop.is_some() {
            return;
        }
        order.stop = Some((offset, stop.status));
        if let Some(position) = self.logs.get_mut(log) {
            position.held.insert(offset);
        }
        let item = Item::Status {
            order_uid: uid,
            status: stop.status,
            message: stop.message.clone(),
            at: stop.ended_at,
            storing_complete: stop.undrained.is_empty(),
        };
        self.push(log, item);
        self.stops.push((uid, stop));
    }

    fn push(&mut self, log: &LogKey, item: Item) {
        self.items.push(item);
        self.of_items.push(log.clone());
    }

    /// Items were stored by then.
    pub(crate) fn note_stored(&mut self, batch: &Batch, now: Timestamp) {
        for uid in batch.orders.keys() {
            if let Some(order) = self.orders.get_mut(uid) {
                order.carried.batch();
            }
        }
        for item in &batch.items {
            if let Item::Sample { key, sample, .. } = item
                && let Some(order) = self.orders.get_mut(&key.order_uid)
            {
                order.carried.stored(sample.reading.time_us, now);
            }
        }
    }

    /// What it took so far to carry an order's samples.
    pub(crate) fn carried(&self, uid: OrderUid) -> Pipeline {
        let order = self.orders.get(&uid);
        order.map(|order| order.carried.sum()).unwrap_or_default()
    }

    /// TERMINATE was sent: the order's STOP may be noted as stored.
    pub(crate) fn release(&mut self, uid: OrderUid) {
        if let Some(order) = self.orders.get(&uid)
            && let (Some((offset, _)), Some(position)) = (order.stop, self.logs.get_mut(&order.log))
        {
            position.held.remove(&offset);
        }
    }

    /// The orders that are over: their STOP, and all before it, is noted as stored.
    pub(crate) fn stored(&self) -> Vec<(OrderUid, Status)> {
        let noted = |order: &Known| self.logs.get(&order.log).map(|position| position.expected);
        let over = |(uid, order): (&OrderUid, &Known)| {
            let (offset, status) = order.stop?;
            (noted(order) > Some(offset)).then_some((*uid, status))
        };
        self.orders.iter().filter_map(over).collect()
    }

    /// All that waits, as one batch. It is taken for stored from here on: whoever takes it writes it
    /// or forgets its logs.
    pub(crate) fn gathered(&mut self) -> Gathered {
        let (mut advances, mut logs) = (Vec::new(), Vec::new());
        for (key, position) in &mut self.logs {
            let next = position.notable();
            if next == position.expected && !position.touched {
                continue;
            }
            position.touched = false;
            advances.push(Advance {
                log: position.log.clone(),
                expected: position.expected,
                next,
            });
            position.expected = next;
            logs.push(key.clone());
        }
        let orders = std::mem::take(&mut self.named);
        for uid in orders.keys() {
            if let Some(order) = self.orders.get_mut(uid) {
                order.is_named = false;
            }
        }
        Gathered {
            batch: Batch {
                advances,
                orders,
                items: std::mem::take(&mut self.items),
            },
            logs,
            of_items: std::mem::take(&mut self.of_items),
            stops: std::mem::take(&mut self.stops),
            events: std::mem::take(&mut self.events),
        }
    }
}

impl Gathered {
    /// Takes out logs that aren't ours any more, by their places, with all of theirs.
    pub(crate) fn without(&mut self, places: &[usize]) -> Vec<LogKey> {
        let gone: Vec<LogKey> = places
            .iter()
            .filter_map(|at| self.logs.get(*at).cloned())
            .collect();
        let stays = |key: &LogKey| !gone.contains(key);
        let kept: Vec<bool> = self.of_items.iter().map(stays).collect();
        let mut lost = BTreeSet::new();
        let mut keep = kept.iter();
        self.batch.items.retain(|item| {
            let stays = keep.next().copied().unwrap_or(true);
            if !stays {
                lost.insert(item.order_uid());
            }
            stays
        });
        let mut keep = kept.iter();
        self.of_items
            .retain(|_| keep.next().copied().unwrap_or(true));
        let mut place = 0;
        self.batch.advances.retain(|_| {
            place += 1;
            !places.contains(&(place - 1))
        });
        self.logs.retain(stays);
        self.stops.retain(|(uid, _)| !lost.contains(uid));
        gone
    }
}

#[cfg(test)]
#[path = "gather_tests.rs"]
mod tests;
