//! librdkafka's options, by client and kind of broker.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use model::attempt::Token;
use rdkafka::{
    ClientConfig,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
};

use crate::{Error, context::Voice, health::Health};

/// A broker's address and the options that a person gave for it.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(crate) servers: String,
    pub(crate) options: BTreeMap<String, Token>,
    /// Whether it is the in-memory broker, which wants other options than Kafka does.
    pub(crate) embedded: bool,
    /// What its clients know of it together.
    pub(crate) health: Arc<Health>,
}

/// How long a record for a Kafka is tried by default, milliseconds.
const MESSAGE_TIMEOUT: u64 = 300_000;
/// What readers of a Kafka keep of what they have fetched, KiB; see [`crate::Reader`].
const FETCHED: &str = "8192";
/// The most that one answer of a Kafka to a reader holds, bytes, as it travels: compressed.
const ANSWER: usize = 1_048_576;

impl Address {
    pub(crate) fn embedded() -> Self {
        Self {
            servers: String::new(),
            options: BTreeMap::new(),
            embedded: true,
            health: Health::new(true),
        }
    }

    /// A Kafka that somebody runs. `quiet`: its troubles are only for who debugs.
    pub(crate) fn external(servers: &str, options: BTreeMap<String, Token>, quiet: bool) -> Self {
        Self {
            servers: servers.to_owned(),
            options,
            embedded: false,
            health: Health::new(quiet),
        }
    }

    pub(crate) fn voice(&self) -> Voice {
        Voice {
            health: Arc::clone(&self.health),
            look: self.with_options(self.base()),
        }
    }

    /// Why nothing can be had of the broker.
    pub(crate) fn why_not(&self) -> Error {
        let source = KafkaError::Global(RDKafkaErrorCode::OperationTimedOut);
        match self.health.refusal() {
            Some(_) => self.read_error(source),
            None => Error::unreachable(&self.servers, self.message_timeout(), source),
        }
    }

    /// Why reading ended.
    pub(crate) fn read_error(&self, source: KafkaError) -> Error {
        match self.health.refusal() {
            Some(reason) => Error::Refused {
                servers: self.servers.clone(),
                reason,
            },
            None => Error::read(&self.servers, source),
        }
    }

    /// The largest record that may be sent, bytes.
    pub(crate) fn max_message_bytes(&self) -> usize {
        // librdkafka's own default.
        let given = self.options.get("message.max.bytes");
        given.and_then(|t| t.0.parse().ok()).unwrap_or(1_000_000)
    }

    /// How long the services' producer tries to get a record to a Kafka.
    pub(crate) fn message_timeout(&self) -> Duration {
        let given = self.options.get("message.timeout.ms");
        let ms = given
            .and_then(|t| t.0.parse().ok())
            .unwrap_or(MESSAGE_TIMEOUT);
        if ms == 0 {
            Duration::MAX
        } else {
            Duration::from_millis(ms)
        }
    }

    /// What every client has.
    fn base(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        if !self.servers.is_empty() {
            config.set("bootstrap.servers", &self.servers);
        }
        config
            .set("client.id", "podometer")
            .set("socket.nagle.disable", "true")
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "5000")
            .set_log_level(RDKafkaLogLevel::Warning);
        if self.embedded {
            // Topics come and go within milliseconds, all on one broker that never moves.
            config
                .set("reconnect.backoff.ms", "2")
                .set("reconnect.backoff.max.ms", "100")
                .set("topic.metadata.refresh.interval.ms", "-1")
                .set("metadata.max.age.ms", "86400000")
                .set("topic.metadata.refresh.fast.interval.ms", "2")
                .set("broker.address.family", "v4");
        }
        config
    }

    /// [`crate::Settings`] has checked them.
    fn with_options(&self, mut config: ClientConfig) -> ClientConfig {
        for (key, value) in &self.options {
            config.set(key, &value.0);
        }
        // OpenSSL itself knows one place for the system's certificates; this looks for the others, too.
        let protocol = self.options.get("security.protocol");
        let is_tls = protocol.is_some_and(|name| name.0.to_ascii_lowercase().contains("ssl"));
        let is_told = self.options.keys().any(|key| key.starts_with("ssl.ca."));
        if is_tls && !is_told && std::env::var_os("SSL_CERT_FILE").is_none() {
            config.set("ssl.ca.location", "probe");
        }
        config
    }

    /// The services' producer. Everything that concerns the broker's memory is bounded by `flow`,
    /// so that librdkafka's own limits are only a net.
    pub(crate) fn publisher(&self) -> ClientConfig {
        let mut config = self.base();
        config
            .set("queue.buffering.max.messages", "2000000")
            .set("queue.buffering.max.kbytes", "1048576");
        if self.embedded {
            // Not idempotent: a fresh idempotent producer waits 500 ms for its id. One request in
            // flight keeps the order, and receivers are idempotent.
            config
                .set("test.mock.num.brokers", "1")
                .set("debug", "mock")
                .set_log_level(RDKafkaLogLevel::Debug)
                .set("max.in.flight.requests.per.connection", "1")
                .set("linger.ms", "0")
                .set("message.timeout.ms", "15000");
        } else {
            config
                .set("enable.idempotence", "true")
                .set("compression.type", "lz4")
                .set("linger.ms", "5")
                .set("message.timeout.ms", MESSAGE_TIMEOUT.to_string());
        }
        self.with_options(config)
    }

    /// The runner's producer: little memory, no wait, keeps trying.
    pub(crate) fn runner(&self) -> ClientConfig {
        let mut config = self.base();
        config
            .set("max.in.flight.requests.per.connection", "1")
            .set("linger.ms", "0")
            .set("message.timeout.ms", "0")
            .set("queue.buffering.max.kbytes", "8192");
        self.with_options(config)
    }

    /// The options that runners are told. A short task's messages come while the client still
    /// replaces its first connection by the one to the broker itself. What is asked for just then is
    /// asked again after the first two (100 ms by default), and that connection is put off by half of
    /// the third, at least 11 ms, unless all brokers are connected to at once. Next to the embedded
    /// broker that would be most of the time between two tasks.
    pub(crate) fn for_runners(&self) -> BTreeMap<String, Token> {
        if !self.embedded {
            return self.options.clone();
        }
        let quick = [
            ("topic.metadata.refresh.fast.interval.ms", "5"),
            ("retry.backoff.ms", "5"),
            ("reconnect.backoff.ms", "20"),
            ("enable.sparse.connections", "false"),
        ];
        quick
            .map(|(key, value)| (key.to_owned(), Token(value.to_owned())))
            .into()
    }

    /// A reader that shares its topics with others of its group.
    pub(crate) fn member(&self, group: &str) -> ClientConfig {
        let mut config = self.reader("");
        config
            .set("group.id", group)
            .set("partition.assignment.strategy", "cooperative-sticky");
        config
    }

    /// A reader. `name` tells it from others in the broker's view.
    pub(crate) fn reader(&self, name: &str) -> ClientConfig {
        let mut config = self.base();
        config
            .set("group.id", format!("podometer-{name}"))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("queued.max.messages.kbytes", "8192");
        if self.embedded {
            // Readers fetch only while something is there (see `arrivals`). What comes right
            // after the last record waits for so long at most.
            config
                .set("fetch.wait.max.ms", "1")
                .set("fetch.error.backoff.ms", "5")
                .set("fetch.queue.backoff.ms", "5");
        } else {
            config
                .set("fetch.wait.max.ms", "250")
                .set("queued.max.messages.kbytes", FETCHED)
                // A full queue is looked at again so soon: the default would be a rest of 1 s.
                .set("fetch.queue.backoff.ms", "10")
                .set("fetch.message.max.bytes", "262144")
                .set(
                    "fetch.max.bytes",
                    ANSWER.max(self.max_message_bytes()).to_string(),
                );
        }
        self.with_options(config)
    }

    /// For administration.
    pub(crate) fn admin(&self) -> ClientConfig {
        self.with_options(self.base())
    }
}
