//! What the service counts about itself.

use std::{
    sync::atomic::AtomicU64,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use metrics::{
    Counter, Gauge, Histogram, Labelled, Registry, durations, exponential_buckets, labelled,
};
use model::{Status, Timestamp};
use store::Item;

/// The handles; clones count together. Nobody has to read them.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(crate) samples_stored: Counter,
    pub(crate) items_stored: Counter,
    pub(crate) duplicates: Counter,
    pub(crate) batch_items: Histogram,
    pub(crate) batch_seconds: Histogram,
    pub(crate) fenced_batches: Counter,
    pub(crate) database_retries: Counter,
    pub(crate) dead_letters: Counter,
    pub(crate) orders_finished: Labelled<Counter>,
    pub(crate) waiting_items: Gauge,
    pub(crate) lag_messages: Gauge,
    pub(crate) lag_seconds: Gauge<f64, AtomicU64>,
    pub(crate) newest_sample: Gauge<f64, AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            samples_stored: Counter::default(),
            items_stored: Counter::default(),
            duplicates: Counter::default(),
            batch_items: Histogram::new(exponential_buckets(1.0, 4.0, 8)),
            batch_seconds: durations(),
            fenced_batches: Counter::default(),
            database_retries: Counter::default(),
            dead_letters: Counter::default(),
            orders_finished: labelled("status", ends()),
            waiting_items: Gauge::default(),
            lag_messages: Gauge::default(),
            lag_seconds: Gauge::default(),
            newest_sample: Gauge::default(),
        }
    }
}

impl Metrics {
    /// Has them read with this registry; once for each registry.
    pub fn register(&self, registry: &mut Registry) {
        let to = registry.sub_registry_with_prefix("podometer_consumer");
        to.register(
            "samples_stored",
            "Samples stored as new rows",
            self.samples_stored.clone(),
        );
        to.register(
            "items_stored",
            "Samples, runs and ends of orders that were handed to the database and taken",
            self.items_stored.clone(),
        );
        to.register(
            "duplicates",
            "Samples that came again and were stored already",
            self.duplicates.clone(),
        );
        to.register(
            "batch_items",
            "Samples, runs and ends of orders in one transaction",
            self.batch_items.clone(),
        );
        to.register(
            "batch_write_duration_seconds",
            "How long one transaction took, those that failed left out",
            self.batch_seconds.clone(),
        );
        to.register(
            "fenced_batches",
            "Batches of which another consumer had stored a part already",
            self.fenced_batches.clone(),
        );
        to.register(
            "database_retries",
            "What the database did not do and that was tried again",
            self.database_retries.clone(),
        );
        to.register(
            "dead_letters",
            "Messages that could not be read or stored and were put aside",
            self.dead_letters.clone(),
        );
        to.register(
            "orders_finished",
            "Orders all of whose records are stored, by how they ended",
            self.orders_finished.clone(),
        );
        self.register_lag(to);
    }

    fn register_lag(&self, to: &mut Registry) {
        to.register(
            "waiting_items",
            "What was read and is not stored yet, without the batch that is being written",
            self.waiting_items.clone(),
        );
        to.register(
            "lag_messages",
            "Messages that the broker has and that were not read yet",
            self.lag_messages.clone(),
        );
        to.register(
            "lag_seconds",
            "Age of the newest stored sample while anything waits to be stored, else 0",
            self.lag_seconds.clone(),
        );
        to.register(
            "newest_sample_timestamp_seconds",
            "When the newest stored sample was taken, seconds since 1970; 0 before the first",
            self.newest_sample.clone(),
        );
    }

    /// A batch is stored.
    pub(crate) fn stored(&self, items: &[Item], began: Instant, samples: u64, duplicates: u64) {
        self.samples_stored.inc_by(samples);
        self.duplicates.inc_by(duplicates);
        self.items_stored.inc_by(items.len() as u64);
        if items.is_empty() {
            // Only offsets: many small ones would hide what real batches take.
            return;
        }
        self.batch_items.observe(items.len() as f64);
        self.batch_seconds.observe(began.elapsed().as_secs_f64());
        if let Some(newest) = newest(items) {
            let newest = seconds(newest);
            self.newest_sample.set(self.newest_sample.get().max(newest));
        }
    }
}

/// How an order may end.
fn ends() -> impl Iterator<Item = &'static str> {
    let all = Status::ALL.iter().filter(|status| status.is_final());
    all.map(|status| status.as_str())
}

fn newest(items: &[Item]) -> Option<Timestamp> {
    let time = |item: &Item| match item {
        Item::Sample { sample, .. } => Some(sample.reading.time_us),
        _ => None,
    };
    items.iter().filter_map(time).max()
}

fn seconds(time: Timestamp) -> f64 {
    time.0 as f64 / 1e6
}

/// How far behind storing is, seen every now and then.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    /// Since when something waits, seconds since 1970.
    since: Option<f64>,
}

impl Behind {
    /// Says it. `unread` messages are with the broker, `items` were read; `writing`: a batch is under way.
    pub(crate) fn see(&mut self, metrics: &Metrics, unread: i64, items: usize, writing: bool) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_secs_f64();
        metrics.lag_messages.set(unread);
        metrics.waiting_items.set(items as i64);
        let waits = unread > 0 || items > 0 || writing;
        let newest = metrics.newest_sample.get();
        metrics.lag_seconds.set(self.seconds(now, waits, newest));
    }

    /// What waits after a pause isn't as old as what was stored before the pause.
    fn seconds(&mut self, now: f64, waits: bool, newest: f64) -> f64 {
        self.since = waits.then(|| self.since.unwrap_or(now));
        self.since
            .map_or(0.0, |since| (now - newest.max(since)).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_the_age_of_the_newest_stored_sample_while_something_waits() {
        let mut behind = Behind::default();
        let mut at = |now, waits, newest| behind.seconds(now, waits, newest);
        assert_eq!(at(100.0, false, 0.0), 0.0);
        assert_eq!(at(101.0, true, 0.0), 0.0, "it waits since now");
        assert_eq!(at(105.0, true, 0.0), 4.0);
        assert_eq!(at(106.0, true, 103.0), 3.0);
        assert_eq!(at(107.0, false, 103.0), 0.0);
        assert_eq!(at(900.0, true, 103.0), 0.0, "after a pause");
        assert_eq!(at(901.0, true, 902.0), 0.0, "another machine's clock");
    }
}
