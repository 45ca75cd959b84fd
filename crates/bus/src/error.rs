//! What can go wrong, and what to do then.

use std::{path::PathBuf, time::Duration};

use model::message::WireError;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
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
    /// An option that may not be set like this.
    #[error("{origin}: the Kafka option {key} is not accepted: {reason}")]
    Option {
        /// Where it was given.
        origin: String,
        /// Its name.
        key: String,
        /// Why, and what to write instead; without the value if it may be a secret.
        reason: String,
    },
    /// A line of a properties file that can't be read.
    #[error("{file}, line {line}: {reason}")]
    Properties {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file with options that can't be read.
    #[error("the file {} with options for Kafka can't be read: {source}", path.display())]
    OptionFile {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The broker doesn't let this client in.
    #[error(
        "the Kafka broker at {servers} refuses this client ({reason}); check sasl.mechanism, \
         sasl.username, sasl.password and security.protocol, and the certificates if there are any"
    )]
    Refused {
        /// `bootstrap.servers`.
        servers: String,
        /// The broker's words.
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
    #[error("the topic {topic} could not be created on {servers}: {source}; {advice}")]
    Create {
        /// The topic.
        topic: String,
        /// `bootstrap.servers`.
        servers: String,
        /// The broker's reason.
        source: Box<KafkaError>,
        /// What to do next.
        advice: String,
    },
    /// A topic could not be deleted.
    #[error("the topic {topic} could not be deleted on {servers}: {source}; {advice}")]
    Delete {
        /// The topic.
        topic: String,
        /// `bootstrap.servers`.
        servers: String,
        /// The broker's reason.
        source: Box<KafkaError>,
        /// What to do next.
        advice: &'static str,
    },
    /// There is no such topic.
    #[error(
        "there is no topic {topic} on {servers}, or this user may not see it; create it, or allow \
         this user to describe it"
    )]
    NoTopic {
        /// The topic.
        topic: String,
        /// `bootstrap.servers`.
        servers: String,
    },
    /// A record is larger than what may be sent.
    #[error(
        "a {key} of {bytes} bytes is too large for the topic {topic}: {limit}; raise it, or make the \
         message smaller"
    )]
    TooLarge {
        /// The topic.
        topic: String,
        /// The record's key.
        key: String,
        /// Its value's size, bytes.
        bytes: usize,
        /// The limit and the option that sets it.
        limit: String,
    },
    /// The embedded broker has no consumer groups.
    #[error("the embedded broker serves no consumer groups; read its topics by Bus::reader")]
    NoGroups,
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
    /// Whether what a person gave is wrong.
    pub fn is_bad_input(&self) -> bool {
        matches!(
            self,
            Self::Option { .. } | Self::Properties { .. } | Self::OptionFile { .. }
        )
    }

    /// Whether the broker could not be reached or didn't let this client do it.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Refused { .. }
                | Self::NoTopic { .. }
                | Self::Create { .. }
                | Self::Delete { .. }
                | Self::Read { .. }
        )
    }

    /// Whether the same may work when it is tried again. The record of a publication that failed
    /// like this may be in the topic all the same.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Publish { source, .. } => !is_final(source),
            Self::Unreachable { .. } => true,
            _ => false,
        }
    }

    pub(crate) fn client(servers: &str, source: KafkaError) -> Self {
        Self::Client {
            servers: servers.to_owned(),
            source: source.into(),
        }
    }

    pub(crate) fn option(origin: &str, key: &str, reason: String) -> Self {
        Self::Option {
            origin: origin.to_owned(),
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

    pub(crate) fn create(topic: &str, servers: &str, source: KafkaError, advice: &str) -> Self {
        Self::Create {
            topic: topic.to_owned(),
            servers: servers.to_owned(),
            source: source.into(),
            advice: advice.to_owned(),
        }
    }

    pub(crate) fn no_topic(topic: &str, servers: &str) -> Self {
        Self::NoTopic {
            topic: topic.to_owned(),
            servers: servers.to_owned(),
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

/// Whether the broker will say the same next time.
fn is_final(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as C;
    matches!(
        error.rdkafka_error_code(),
        Some(
            C::MessageSizeTooLarge
                | C::TopicAuthorizationFailed
                | C::ClusterAuthorizationFailed
                | C::UnknownTopicOrPartition
                | C::UnknownTopic
                | C::UnknownPartition
                | C::InvalidTopic
                | C::InvalidRecord
                | C::InvalidTimestamp
                | C::PolicyViolation
                | C::UnsupportedForMessageFormat
        )
    )
}
