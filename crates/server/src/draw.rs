//! Pictures and reports: what draws them, and those that are kept because nothing changes them.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use model::{Attempt, OrderId, OrderUid, Position};
use store::{OrderRow, RunRow};
use tokio::sync::Semaphore;

/// What draws from the store.
pub trait Draw: Send + Sync {
    /// Draws; `None` if there is nothing of that kind.
    fn draw(
        &self,
        order: OrderId,
        what: Drawing,
    ) -> BoxFuture<'_, Result<Option<Vec<u8>>, DrawError>>;

    /// Whether a picture that a run wrote, or the order's input (no run), can be seen from here. It
    /// looks at a file's entry, no more.
    fn is_seen(&self, order: &OrderRow, run: Option<&RunRow>) -> bool;
}

/// What can be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Drawing {
    /// What a run used over time.
    Run(Position, Attempt, Form),
    /// When the tasks of the order ran.
    Order(Form),
    /// Everything about the order as one HTML page.
    Report,
    /// A small copy, as PNG, of a picture.
    Small(Seen),
}

/// The form of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Scalable.
    Svg,
    /// Pixels.
    Png,
}

/// Which picture of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Seen {
    /// What it starts from.
    Input,
    /// What a run wrote.
    Run(Position, Attempt),
}

/// Why something couldn't be drawn.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The drawing.
    #[error("{0}")]
    Failed(String),
}

/// How many are drawn at a time: each takes a processor and the samples of its order.
const AT_ONCE: usize = 2;

/// The drawings of orders that are over.
pub(crate) struct Drawings {
    kept: Mutex<Kept>,
    max_bytes: usize,
    pub(crate) turns: Semaphore,
}

#[derive(Default)]
struct Kept {
    by_key: HashMap<(OrderUid, Drawing), Bytes>,
    /// The oldest first.
    order: VecDeque<(OrderUid, Drawing)>,
    bytes: usize,
}

impl Drawings {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            kept: Mutex::default(),
            max_bytes,
            turns: Semaphore::new(AT_ONCE),
        }
    }

    pub(crate) fn get(&self, order: OrderUid, what: Drawing) -> Option<Bytes> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.by_key.get(&(order, what)).cloned()
    }

    pub(crate) fn keep(&self, order: OrderUid, what: Drawing, drawn: Bytes) {
        if drawn.len() > self.max_bytes / 4 {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += drawn.len();
        if let Some(before) = kept.by_key.insert((order, what), drawn) {
            kept.bytes -= before.len();
        } else {
            kept.order.push_back((order, what));
        }
        while kept.bytes > self.max_bytes {
            let Some(oldest) = kept.order.pop_front() else {
                return;
            };
            if let Some(gone) = kept.by_key.remove(&oldest) {
                kept.bytes -= gone.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first_and_a_bound_holds() {
        let drawings = Drawings::new(100);
        let uid = |n: u128| OrderUid(uuid::Uuid::from_u128(n));
        for n in 0..10 {
            drawings.keep(uid(n), Drawing::Report, Bytes::from(vec![0; 25]));
        }
        drawings.keep(uid(10), Drawing::Report, Bytes::from(vec![0; 26]));
        let kept: Vec<_> = (0..11)
            .filter(|n| drawings.get(uid(*n), Drawing::Report).is_some())
            .collect();
        assert_eq!(kept, [6, 7, 8, 9]);
    }
}
