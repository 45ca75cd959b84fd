//! What the service counts about itself.

use metrics::{Counter, Gauge, Histogram, Labelled, Registry, durations, labelled};
use model::{Reason, Status, Timestamp};

/// The handles of whoever takes orders through their tasks; clones count together. Nobody has to read
/// them.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(crate) orders: Gauge,
    orders_started: Counter,
    orders_ended: Labelled<Counter>,
    attempts_started: Counter,
    attempt_retries: Counter,
    attempts_ended: Labelled<Counter>,
    next_attempt_seconds: Histogram,
    pub(crate) api_conflicts: Counter,
    pub(crate) api_retries: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let ends = Status::ALL.iter().filter(|status| status.is_final());
        Self {
            orders: Gauge::default(),
            orders_started: Counter::default(),
            orders_ended: labelled("status", ends.map(|status| status.as_str())),
            attempts_started: Counter::default(),
            attempt_retries: Counter::default(),
            attempts_ended: labelled("reason", Reason::ALL.iter().map(|reason| reason.as_str())),
            next_attempt_seconds: durations(),
            api_conflicts: Counter::default(),
            api_retries: Counter::default(),
        }
    }
}

impl Metrics {
    /// Has them read with this registry; once for each registry.
    pub fn register(&self, registry: &mut Registry) {
        let to = registry.sub_registry_with_prefix("podometer_orchestrator");
        to.register(
            "orders",
            "Orders that this process takes through their tasks",
            self.orders.clone(),
        );
        to.register(
            "orders_started",
            "Orders that this process took on, those of a predecessor among them",
            self.orders_started.clone(),
        );
        to.register(
            "orders_ended",
            "Orders that this process took to their end, by how they ended",
            self.orders_ended.clone(),
        );
        to.register(
            "attempts_started",
            "Attempts that were started, or taken over from a predecessor",
            self.attempts_started.clone(),
        );
        to.register(
            "attempt_retries",
            "Those of the started attempts that were not their task's first",
            self.attempt_retries.clone(),
        );
        to.register(
            "attempts_ended",
            "Attempts that ended, those that could not be started among them, by reason",
            self.attempts_ended.clone(),
        );
        to.register(
            "next_attempt_delay_seconds",
            "From the end of an attempt to the start of the order's next one",
            self.next_attempt_seconds.clone(),
        );
        to.register(
            "api_conflicts",
            "Decisions that met a ConfigMap which somebody had changed meanwhile",
            self.api_conflicts.clone(),
        );
        to.register(
            "api_retries",
            "Decisions that the API server did not take and that were tried again",
            self.api_retries.clone(),
        );
    }

    pub(crate) fn order_started(&self) {
        self.orders_started.inc();
    }

    pub(crate) fn order_ended(&self, status: Status) {
        let label = [("status", status.as_str())];
        self.orders_ended.get_or_create(&label).inc();
    }

    /// `ended`: when the order's previous attempt did, if there was one.
    pub(crate) fn attempt_started(&self, is_first: bool, at: Timestamp, ended: Option<Timestamp>) {
        self.attempts_started.inc();
        self.attempt_retries.inc_by((!is_first).into());
        if let Some(ended) = ended {
            // The end was seen by another clock where the attempt was elsewhere.
            let seconds = at.seconds_since(ended).max(0.0);
            self.next_attempt_seconds.observe(seconds);
        }
    }

    pub(crate) fn attempt_ended(&self, reason: Reason) {
        let label = [("reason", reason.as_str())];
        self.attempts_ended.get_or_create(&label).inc();
    }
}

/// The handles of the queue, which lets orders in.
#[derive(Debug, Clone)]
pub struct QueueMetrics {
    queued: Gauge,
    running: Gauge,
    orders: Labelled<Gauge>,
    pub(crate) begun: Counter,
    pub(crate) failures: Counter,
}

impl Default for QueueMetrics {
    fn default() -> Self {
        let of = [Status::Queued, Status::Running].map(Status::as_str);
        let orders: Labelled<Gauge> = labelled("status", of);
        let [queued, running] = of.map(|status| orders.get_or_create_owned(&[("status", status)]));
        Self {
            queued,
            running,
            orders,
            begun: Counter::default(),
            failures: Counter::default(),
        }
    }
}

impl QueueMetrics {
    /// Has them read with this registry; once for each registry.
    pub fn register(&self, registry: &mut Registry) {
        let to = registry.sub_registry_with_prefix("podometer_queue");
        to.register(
            "orders",
            "Orders that are not over, as the queue last saw them",
            self.orders.clone(),
        );
        to.register(
            "orders_begun",
            "Orders that the queue let in",
            self.begun.clone(),
        );
        to.register(
            "failures",
            "Times that the queue could not look at orders or let one in",
            self.failures.clone(),
        );
    }

    pub(crate) fn see(&self, queued: usize, running: usize) {
        self.queued.set(queued as i64);
        self.running.set(running as i64);
    }
}
