//! What can go wrong, and what to do then.

use std::time::Duration;

use model::message::WireError;
use rdkafka::error::KafkaError;
use thiserror::Error;

/// Why something with the broker did not work.
#[derive(Debug, Error)]
pub enum Error {
    /// The in-memory broker could not be started.
    #[error(
        "the embedded broker could not be started ({source}); check that a loopback port can be \
         bound and that the limits on threads and open files leave room (ulimit -u, ulimit -n)"
    )]
    Embedded {
        /// librdkafka's reason.
        source: Box<KafkaError>,
    },
    /// A client could not be made.
    #[error("no Kafka client for {servers} could be made: {source}")]
    Client {
        /// `bootstrap.servers`.
        servers: String,
        /// librdkafka's reason.
        source: Box<KafkaError>,
    },
    /// An option that librdkafka doesn't take.
    #[error(
        "the Kafka option {key} is not accepted ({reason}); librdkafka's CONFIGURATION.md lists \
         the names and values that are"
    )]
    Option {
        /// Its name.
        key: String,
        /// librdkafka's words, without the value, which may be a secret.
        reason: String,
    },
    /// Nobody answers.
    #[error(
        "no Kafka broker at {servers} answered within {seconds} s ({source}); check the address \
         and that the broker runs and can be reached from here, or leave the address out to use \
         the embedded broker"
    )]
    Unreachable {
        /// `bootstrap.servers`.
        servers: String,
        /// How long was waited, seconds.
        seconds: u64,
        /// librdkafka's reason.
        source: Box<KafkaError>,
    },
    /// A topic could not be made.
    #[error(
        "the topic {topic} could not be created on {servers}: {source}; allow this user to create \
         it, or create it with one partition yourself"
    )]
    Create {
        /// The topic.
        topic: String,
        /// `bootstrap.servers`.
        servers: String,
        /// The broker's reason.
        source: Box<KafkaError>,
    },
    /// A record was not accepted.
    #[error("a {key} could not be published to the topic {topic}: {source}")]
    Publish {
        /// The topic.
        topic: String,
        /// The record's key.
        key: String,
        /// The broker's or librdkafka's reason.
        source: Box<KafkaError>,
    },
    /// A message could not be written as a record.
    #[error("a message for the topic {topic} could not be encoded: {source}")]
    Encode {
        /// The topic.
        topic: String,
        /// Why.
        source: WireError,
    },
    /// A topic could not be added to what a reader reads.
    #[error("the topic {topic} can't be read: {source}")]
    Assign {
        /// The topic.
        topic: String,
        /// librdkafka's reason.
        source: Box<KafkaError>,
    },
    /// Reading failed for good; what passes by itself is logged and waited out instead.
    #[error("reading from {servers} failed for good: {source}")]
    Read {
        /// `bootstrap.servers`.
        servers: String,
        /// librdkafka's reason.
        source: Box<KafkaError>,
    },
    /// The bus was dropped before the broker confirmed a record.
    #[error("the bus was closed before the broker confirmed a record for the topic {topic}")]
    Closed {
        /// The topic.
        topic: String,
    },
    /// There is no tokio runtime around.
    #[error("a reader can only be made within a tokio runtime")]
    NoRuntime,
    /// A thread could not be started.
    #[error("no thread could be started ({source}); check the limit on threads (ulimit -u)")]
    Thread {
        /// The system's reason.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn client(servers: &str, source: KafkaError) -> Self {
        Self::Client {
            servers: servers.to_owned(),
            source: source.into(),
        }
    }

    pub(crate) fn option(key: &str, value: &str, source: &KafkaError) -> Self {
        let reason = match source {
            KafkaError::ClientConfig(_, description, ..) if value.is_empty() => description.clone(),
            KafkaError::ClientConfig(_, description, ..) => description.replace(value, "***"),
            other => other.to_string(),
        };
        Self::Option {
            key: key.to_owned(),
            reason,
        }
    }

    pub(crate) fn publish(topic: &str, key: &str, source: KafkaError) -> Self {
        Self::Publish {
            topic: topic.to_owned(),
            key: key.to_owned(),
            source: source.into(),
        }
    }

    pub(crate) fn encode(topic: &str, source: WireError) -> Self {
        Self::Encode {
            topic: topic.to_owned(),
            source,
        }
    }

    pub(crate) fn assign(topic: &str, source: KafkaError) -> Self {
        Self::Assign {
            topic: topic.to_owned(),
            source: source.into(),
        }
    }

    pub(crate) fn closed(topic: &str) -> Self {
        Self::Closed {
            topic: topic.to_owned(),
        }
    }

    pub(crate) fn create(topic: &str, servers: &str, source: KafkaError) -> Self {
        Self::Create {
            topic: topic.to_owned(),
            servers: servers.to_owned(),
            source: source.into(),
        }
    }

    pub(crate) fn unreachable(servers: &str, waited: Duration, source: KafkaError) -> Self {
        Self::Unreachable {
            servers: servers.to_owned(),
            seconds: waited.as_secs(),
            source: source.into(),
        }
    }

    pub(crate) fn read(servers: &str, source: KafkaError) -> Self {
        Self::Read {
            servers: servers.to_owned(),
            source: source.into(),
        }
    }
}
