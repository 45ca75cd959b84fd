//! What is remembered between batches, so that a steady one asks the database for nothing.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use model::{AttemptKey, OrderUid, TaskName, Timestamp};

use super::{Batch, check::Checked};
use crate::{
    Store,
    columns::Sql,
    database::{Transaction, made, places},
    orders,
    run_rows::{self, Numbered},
};

/// So many attempts are remembered; past it all is forgotten, and looked up again.
const MOST: usize = 1 << 16;

/// What is remembered. It is forgotten whenever storing failed or someone else stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known(Arc<Mutex<Remembered>>);

#[derive(Debug, Default)]
struct Remembered {
    orders: HashMap<OrderUid, i64>,
    tasks: HashMap<TaskName, i64>,
    /// Attempts that have their rows, and whether they have ended.
    attempts: HashMap<Numbered, bool>,
    /// Orders that were set running.
    begun: HashSet<i64>,
}

/// The numbers of what a batch is about.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) orders: HashMap<OrderUid, i64>,
    pub(super) tasks: HashMap<TaskName, i64>,
    /// Its attempts, with the tasks' numbers; and whether they have ended, if they are remembered.
    pub(super) attempts: HashMap<Numbered, (i64, Option<bool>)>,
    /// Orders that aren't remembered to have begun.
    pub(super) beginning: Vec<(i64, Timestamp)>,
    /// Whether any order was only remembered.
    is_remembered: bool,
}

impl Known {
    fn with<T>(&self, read: impl FnOnce(&mut Remembered) -> T) -> T {
        read(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Forgets all.
    pub(crate) fn forget(&self) {
        self.with(|known| *known = Remembered::default());
    }

    /// Remembers what a batch that is stored has found out.
    pub(super) fn learn(&self, numbers: Numbers, ended: HashMap<Numbered, bool>) {
        self.with(|known| {
            if known.attempts.len() + known.orders.len() + known.tasks.len() > MOST {
                *known = Remembered::default();
            }
            known.orders.extend(numbers.orders);
            known.tasks.extend(numbers.tasks);
            known.attempts.extend(ended);
            known
                .begun
                .extend(numbers.beginning.into_iter().map(|(order, _)| order));
        });
    }
}

/// The numbers for a batch: what is remembered, and the rest looked up, or given, in a transaction
/// of its own.
pub(super) async fn numbers(store: &Store, batch: &Batch, checked: &Checked<'_>) -> Sql<Numbers> {
    let mut numbers = store.known.with(|known| remembered(known, checked));
    let mut orders: Vec<_> = checked.orders.iter().collect();
    orders.retain(|(uid, _)| !numbers.orders.contains_key(uid));
    orders.sort();
    numbers.is_remembered = orders.len() < checked.orders.len();
    let is_new = |task: &&TaskName| !numbers.tasks.contains_key(*task);
    let tasks = checked.attempts.iter().map(|(_, task)| *task);
    let mut tasks: Vec<_> = tasks.filter(is_new).collect();
    tasks.sort();
    tasks.dedup();
    if !orders.is_empty() || !tasks.is_empty() {
        let mut to = store.database.begin().await?;
        for (uid, seen_at) in orders {
            let Some(name) = batch.orders.get(uid) else {
                continue;
            };
            let seen_at = seen_at.unwrap_or_default();
            let number = orders::number_or_new(&mut to, *uid, name, seen_at).await?;
            numbers.orders.insert(*uid, number);
        }
        for task in tasks {
            let number = run_rows::task_number(&mut to, task).await?;
            numbers.tasks.insert(task.clone(), number);
        }
        to.commit().await?;
    }
    store
        .known
        .with(|known| attempts(known, checked, &mut numbers));
    Ok(numbers)
}

fn remembered(known: &Remembered, checked: &Checked<'_>) -> Numbers {
    let mut numbers = Numbers::default();
    for uid in checked.orders.keys() {
        if let Some(number) = known.orders.get(uid) {
            numbers.orders.insert(*uid, *number);
        }
    }
    for (_, task) in &checked.attempts {
        if let Some(number) = known.tasks.get(*task)
            && !numbers.tasks.contains_key(*task)
        {
            numbers.tasks.insert((*task).clone(), *number);
        }
    }
    numbers
}

/// The attempts of a batch, and the orders that may begin with it.
fn attempts(known: &Remembered, checked: &Checked<'_>, numbers: &mut Numbers) {
    for (key, task) in &checked.attempts {
        let one = numbers.one(*key);
        if let std::collections::hash_map::Entry::Vacant(new) = numbers.attempts.entry(one) {
            let task = numbers.tasks.get(*task).copied().unwrap_or(0);
            new.insert((task, known.attempts.get(&one).copied()));
        }
    }
    for (uid, began) in &checked.orders {
        if let (Some(order), Some(at)) = (numbers.orders.get(uid), began)
            && !known.begun.contains(order)
        {
            numbers.beginning.push((*order, *at));
        }
    }
    numbers.beginning.sort();
}

impl Numbers {
    /// The attempt as its rows name it.
    pub(super) fn one(&self, key: AttemptKey) -> Numbered {
        Numbered {
            order: self.order(key.order_uid),
            position: key.position,
            attempt: key.attempt,
        }
    }

    pub(super) fn order(&self, order_uid: OrderUid) -> i64 {
        self.orders.get(&order_uid).copied().unwrap_or(0)
    }

    pub(super) fn task(&self, name: &TaskName) -> i64 {
        self.tasks.get(name).copied().unwrap_or(0)
    }

    /// Whether the orders that were only remembered are there still: someone may have deleted one.
    pub(super) async fn still_stand(&self, to: &mut Transaction) -> Sql<bool> {
        if !self.is_remembered {
            return Ok(true);
        }
        let ids: Vec<i64> = self.orders.values().copied().collect();
        let mut there = 0;
        for some in ids.chunks(256) {
            let text = format!(
                "select count(*) as there from orders where id in (values {})",
                places(some.len(), 1)
            );
            let count = some
                .iter()
                .fold(made(text, some.len() == 1), |count, id| count.bind(*id));
            there += to.one(count).await?.get::<i64>("there")?;
        }
        Ok(there == ids.len() as i64)
    }
}
