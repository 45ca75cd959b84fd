//! Topics of a Kafka: made, found, described, deleted.

mod create;
mod delete;
mod describe;

use std::{collections::BTreeMap, time::Duration};

use rdkafka::{
    admin::AdminClient,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
};

use crate::{Error, bus::ANSWER_TIME, config::Address, context::Logging};

pub(crate) use create::{Wanted, create};
pub(crate) use delete::delete;
pub(crate) use describe::generation;

/// How topics are made where they don't exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSettings {
    /// What the names of all topics begin with.
    pub prefix: String,
    /// Partitions of topics that many orders share; an order's own have one. Not to be changed
    /// while orders are under way: they would go on in another partition.
    pub partitions: i32,
    /// Copies of each partition; -1 is the broker's default.
    pub replication: i32,
    /// How long records are kept; `None` is the broker's default.
    pub retention: Option<Duration>,
    /// Further options of the topics, as Kafka names them.
    pub configs: BTreeMap<String, String>,
}

impl Default for TopicSettings {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            partitions: 8,
            replication: -1,
            retention: None,
            configs: BTreeMap::new(),
        }
    }
}

impl TopicSettings {
    /// The default ones, with names that begin so.
    pub fn with_prefix(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            ..Self::default()
        }
    }

    /// What can be known to be wrong without asking.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let wrong = |key: &str, reason: &str| {
            Err(Error::option(
                "the settings of topics",
                key,
                reason.to_owned(),
            ))
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        // The longest name is an order's: a prefix, "resource", and an id of 34 characters.
        if self.prefix.len() > 200 || !self.prefix.chars().all(allowed) {
            return wrong(
                "prefix",
                "it has at most 200 of a-z, A-Z, 0-9, '.', '_' and '-'",
            );
        }
        if self.partitions < 1 {
            return wrong("partitions", "ask for one or more");
        }
        if self.replication != -1 && self.replication < 1 {
            return wrong(
                "replication",
                "ask for one or more, or for -1, the broker's default",
            );
        }
        Ok(())
    }
}

/// A client that asks for facts about topics. A consumer: asking doesn't make them.
pub(crate) fn client(address: &Address) -> Result<BaseConsumer<Logging>, Error> {
    address
        .admin()
        .create_with_context(Logging(address.voice()))
        .map_err(|source| Error::client(&address.servers, source))
}

fn admin(address: &Address) -> Result<AdminClient<Logging>, Error> {
    address
        .admin()
        .create_with_context(Logging(address.voice()))
        .map_err(|source| Error::client(&address.servers, source))
}

/// Runs what blocks where it may.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(Error::Thread {
            source: error.into(),
        })
    })
}

/// How many partitions a topic has; `None` if there is no such topic. Blocks for [`ANSWER_TIME`] at
/// most, and no longer than until the broker refuses this client.
pub(crate) fn partitions(
    client: &BaseConsumer<Logging>,
    topic: &str,
    address: &Address,
) -> Result<Option<i32>, Error> {
    let metadata = patient(client, address, |wait| {
        client.client().fetch_metadata(Some(topic), wait)
    })?;
    let count = metadata
        .topics()
        .iter()
        .find(|found| found.name() == topic && found.error().is_none())
        .map(|found| found.partitions().len() as i32);
    Ok(count.filter(|count| *count > 0))
}

/// For each partition the offset behind its last record. Blocks like [`partitions`].
pub(crate) fn ends(address: &Address, topic: &str) -> Result<Vec<i64>, Error> {
    let client = client(address)?;
    let count = partitions(&client, topic, address)?
        .ok_or_else(|| Error::no_topic(topic, &address.servers))?;
    (0..count)
        .map(|partition| {
            let (_, end) = patient(&client, address, |wait| {
                client.fetch_watermarks(topic, partition, wait)
            })?;
            Ok(end)
        })
        .collect()
}

/// Asks again and again for [`ANSWER_TIME`], in short waits, to see when the broker says no.
fn patient<T>(
    client: &BaseConsumer<Logging>,
    address: &Address,
    mut ask: impl FnMut(Duration) -> Result<T, KafkaError>,
) -> Result<T, Error> {
    let slice = Duration::from_millis(500);
    let start = std::time::Instant::now();
    loop {
        match ask(slice) {
            Ok(answer) => {
                address.health.answered();
                return Ok(answer);
            }
            Err(source) => {
                // What the client has to say of it waits to be fetched; at most a handful of lines.
                client.poll(Duration::from_millis(10));
                if let Some(reason) = address.health.refusal() {
                    let servers = address.servers.clone();
                    return Err(Error::Refused { servers, reason });
                }
                if start.elapsed() >= ANSWER_TIME {
                    return Err(Error::unreachable(&address.servers, ANSWER_TIME, source));
                }
                // An answer that came at once (no leader yet, say) is not asked for in a rush.
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}
