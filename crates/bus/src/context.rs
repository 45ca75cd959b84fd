//! Where librdkafka's own words go: to `tracing`, never straight to standard error.

use rdkafka::{
    ClientContext, config::RDKafkaLogLevel, consumer::ConsumerContext, error::KafkaError,
};
use tracing::{debug, warn};

/// How loud a client's troubles are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    /// Everything at `debug`: the broker is ours, and what matters comes back as an error.
    Quiet,
    /// Troubles at `warn`: somebody runs the broker and wants to know.
    Loud,
}

impl Voice {
    pub(crate) fn trouble(self, what: &str, detail: &str) {
        match self {
            Self::Quiet => debug!(target: "kafka", "{what}: {detail}"),
            Self::Loud => warn!(target: "kafka", "{what}: {detail}"),
        }
    }

    pub(crate) fn log(self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if (level as i32) <= RDKafkaLogLevel::Warning as i32 {
            self.trouble(facility, message);
        } else {
            debug!(target: "kafka", "{facility}: {message}");
        }
    }
}

/// The context of clients that only log.
pub(crate) struct Logging(pub(crate) Voice);

impl ClientContext for Logging {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.0.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.trouble(&error.to_string(), reason);
    }
}

impl ConsumerContext for Logging {}
