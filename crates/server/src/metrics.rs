//! The server's own numbers.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use prometheus_client::{
    encoding::prometheus_text::encode,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use crate::MetricsText;

/// The server's own numbers; clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    requests: Family<[(&'static str, String); 3], Counter>,
    durations: Family<[(&'static str, String); 1], Histogram>,
    /// Who is on the event stream.
    pub(crate) watchers: Gauge,
    /// Events that the tail made.
    pub(crate) events: Counter,
    /// Watchers that fell off the end.
    pub(crate) resets: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            // From half a millisecond to 16 s.
            durations: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.0005, 2.0, 16))
            }),
            watchers: Gauge::default(),
            events: Counter::default(),
            resets: Counter::default(),
        }
    }
}

impl Metrics {
    /// Registers them where nothing else is, with what writes them.
    pub fn alone() -> (Self, MetricsText) {
        let (metrics, mut registry) = (Self::default(), Registry::default());
        metrics.register(&mut registry);
        let registry = Arc::new(registry);
        let text = move || -> BoxFuture<'static, String> {
            let mut text = String::new();
            // Writing into memory doesn't fail.
            let _ = encode(&mut text, &registry);
            Box::pin(async { text })
        };
        (metrics, Box::new(text))
    }

    /// Registers them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "podometer_server_requests",
            "HTTP requests by method, path template and status",
            self.requests.clone(),
        );
        registry.register(
            "podometer_server_request_duration_seconds",
            "Time until the head of the answer, by path template",
            self.durations.clone(),
        );
        registry.register(
            "podometer_server_watchers",
            "Connections on the event stream",
            self.watchers.clone(),
        );
        registry.register(
            "podometer_server_events",
            "Events made for watchers",
            self.events.clone(),
        );
        registry.register(
            "podometer_server_watcher_resets",
            "Watchers that were too slow and have to read anew",
            self.resets.clone(),
        );
    }

    pub(crate) fn answered(&self, method: &str, path: &str, status: u16, took: Duration) {
        let path = path.to_owned();
        self.durations
            .get_or_create(&[("path", path.clone())])
            .observe(took.as_secs_f64());
        self.requests
            .get_or_create(&[
                ("method", method.to_owned()),
                ("path", path),
                ("status", status.to_string()),
            ])
            .inc();
    }
}
