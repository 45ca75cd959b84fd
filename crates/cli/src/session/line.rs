//! Orders that wait to be run by this process.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use model::{HumanDuration, Order, OrderHandle, OrderUid};
use tokio::sync::Notify;

use crate::{data::OrderFolder, load::Prepared};

/// An order that has its id, its folder and its secrets.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) order: Prepared,
    pub(crate) handle: OrderHandle,
    pub(crate) folder: OrderFolder,
    /// The time between its samples, where it isn't this process' own.
    pub(crate) period: Option<HumanDuration>,
}

/// What waits.
#[derive(Debug)]
pub(crate) enum Waiting {
    /// It gets its id when it begins.
    New(Prepared),
    /// It was promised.
    Registered(Box<Registered>),
}

impl Waiting {
    pub(super) fn order(&self) -> &Order {
        match self {
            Self::New(order) => &order.order,
            Self::Registered(one) => &one.order.order,
        }
    }
}

/// The line that orders wait in.
#[derive(Debug, Default)]
pub(crate) struct Line {
    waiting: Mutex<VecDeque<Waiting>>,
    more: Notify,
}

impl Line {
    /// Of orders that are there from the start.
    pub(crate) fn of(orders: Vec<Prepared>) -> Self {
        Self {
            waiting: Mutex::new(orders.into_iter().map(Waiting::New).collect()),
            more: Notify::new(),
        }
    }

    /// Adds one at the end.
    pub(crate) fn push(&self, order: Registered) {
        self.lock().push_back(Waiting::Registered(Box::new(order)));
        self.more.notify_one();
    }

    /// Takes the first one.
    pub(super) fn pop(&self) -> Option<Waiting> {
        self.lock().pop_front()
    }

    /// Takes an execution out, if it waits.
    pub(crate) fn take(&self, order_uid: OrderUid) -> bool {
        let is = |one: &Waiting| matches!(one, Waiting::Registered(one) if one.handle.order_uid == order_uid);
        let mut waiting = self.lock();
        let before = waiting.len();
        waiting.retain(|one| !is(one));
        waiting.len() < before
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Waits until somebody has added one since the last time.
    pub(super) async fn grows(&self) {
        self.more.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
