//! librdkafka's options, by client and kind of broker.

use std::collections::BTreeMap;

use model::attempt::Token;
use rdkafka::{ClientConfig, config::RDKafkaLogLevel};

use crate::{Error, context::Voice};

/// A broker's address and the options that a person gave for it.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(crate) servers: String,
    pub(crate) options: BTreeMap<String, Token>,
    /// Whether it is the in-memory broker, which wants other options than Kafka does.
    pub(crate) embedded: bool,
}

impl Address {
    pub(crate) fn voice(&self) -> Voice {
        if self.embedded {
            Voice::Quiet
        } else {
            Voice::Loud
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

    fn with_options(&self, mut config: ClientConfig) -> Result<ClientConfig, Error> {
        for (key, value) in &self.options {
            // Each alone first, so that the error names the one that is wrong.
            ClientConfig::new()
                .set(key, &value.0)
                .create_native_config()
                .map_err(|source| Error::option(key, &value.0, &source))?;
            config.set(key, &value.0);
        }
        Ok(config)
    }

    /// The services' producer. Everything that concerns the broker's memory is bounded by `flow`,
    /// so that librdkafka's own limits are only a net.
    pub(crate) fn publisher(&self) -> Result<ClientConfig, Error> {
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
                .set("linger.ms", "5")
                .set("message.timeout.ms", "60000");
        }
        self.with_options(config)
    }

    /// The runner's producer: little memory, no wait, keeps trying.
    pub(crate) fn runner(&self) -> Result<ClientConfig, Error> {
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

    /// A reader. `name` tells it from others in the broker's view.
    pub(crate) fn reader(&self, name: &str) -> Result<ClientConfig, Error> {
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
            config.set("fetch.wait.max.ms", "250");
        }
        self.with_options(config)
    }

    /// For administration.
    pub(crate) fn admin(&self) -> Result<ClientConfig, Error> {
        self.with_options(self.base())
    }
}
