//! Numbers about Podometer itself, for Prometheus.
//!
//! A service makes its counters, gauges and histograms as handles, which cost an atomic addition and may
//! be read by nobody. Whoever wants them read registers the handles in one [`Registry`] and serves it
//! ([`Server`], or [`text`] behind a server of their own). The process' own CPU, memory and descriptors
//! are read when they are asked for, under the names that every Prometheus client uses.
//!
//! Invariant: no crate of ours is imported, and nothing global is kept.
//!
//! How to add a metric: a field in the service's `Metrics`, its name and help in `Metrics::register`, a
//! line in `docs/metrics.md`. Names follow Prometheus' conventions: `podometer_<service>_<what>_<unit>`
//! with base units (seconds, bytes); counters are registered without `_total`, which is added when they
//! are written. All values of a label exist from the start ([`labelled`]), so that the first event is
//! seen as a step from 0.

mod listen;
mod part;
mod process;
mod server;

pub use listen::Listen;
pub use part::Part;
pub use prometheus_client::{
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
pub use server::{CONTENT_TYPE, Error, Server};

/// A metric of which there is one for each value of one label.
pub type Labelled<M> = Family<[(&'static str, &'static str); 1], M>;

/// Makes a metric with a label whose values are all known, each of them at 0.
pub fn labelled<M: Clone + Default>(
    label: &'static str,
    values: impl IntoIterator<Item = &'static str>,
) -> Labelled<M> {
    let family = Labelled::default();
    for value in values {
        drop(family.get_or_create(&[(label, value)]));
    }
    family
}

/// Durations in seconds: 15 buckets from half a millisecond to 16 s, each twice the one before.
pub fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 16))
}

/// A registry with what can be said of every process of ours: its version and what it uses.
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    let build: Family<[(&str, &str); 1], Gauge> = Family::default();
    build
        .get_or_create(&[("version", env!("CARGO_PKG_VERSION"))])
        .set(1);
    registry.register(
        "podometer_build_info",
        "Always 1, with the version of Podometer as its label",
        build,
    );
    registry.register_collector(Box::new(process::Process::new()));
    registry
}

/// All of a registry in Prometheus' text form ([`CONTENT_TYPE`]).
pub fn text(registry: &Registry) -> String {
    let mut text = String::new();
    // Writing into a String fails only if a metric can't say itself, which is left out then.
    if prometheus_client::encoding::prometheus_text::encode(&mut text, registry).is_err() {
        tracing::warn!("some metrics can't be written");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_says_counters_histograms_and_the_process() {
        let mut registry = registry();
        let counter: Labelled<Counter> = labelled("reason", ["completed", "error"]);
        let seconds = durations();
        registry.register("podometer_test_ends", "Ends", counter.clone());
        registry.register("podometer_test_seconds", "Times", seconds.clone());
        counter.get_or_create(&[("reason", "error")]).inc();
        seconds.observe(0.0007);

        let text = text(&registry);
        for line in [
            "# HELP podometer_test_ends_total Ends.",
            "# TYPE podometer_test_ends_total counter",
            "podometer_test_ends_total{reason=\"completed\"} 0",
            "podometer_test_ends_total{reason=\"error\"} 1",
            "podometer_test_seconds_bucket{le=\"0.0005\"} 0",
            "podometer_test_seconds_bucket{le=\"0.001\"} 1",
            "podometer_test_seconds_count 1",
            "# TYPE process_cpu_seconds_total counter",
            "# TYPE process_resident_memory_bytes gauge",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
    }
}
