//! Where librdkafka's own words go: to `tracing`, never straight to standard error.

use std::sync::Arc;

use rdkafka::{
    ClientContext, config::RDKafkaLogLevel, consumer::ConsumerContext, error::KafkaError,
};

use crate::health::{Health, Look};

/// Takes what a client says.
#[derive(Clone)]
pub(crate) struct Voice {
    pub(crate) health: Arc<Health>,
    /// How a client is made that looks for a broker that is away.
    pub(crate) look: Look,
}

impl Voice {
    pub(crate) fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.health.log(level, facility, message);
    }

    pub(crate) fn trouble(&self, error: &KafkaError, reason: &str) {
        self.health.trouble(error, reason, &self.look);
    }
}

/// The context of clients that only log.
pub(crate) struct Logging(pub(crate) Voice);

impl ClientContext for Logging {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.0.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.trouble(&error, reason);
    }
}

impl ConsumerContext for Logging {}
