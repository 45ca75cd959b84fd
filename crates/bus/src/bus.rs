//! One broker, embedded or external.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use model::{OrderTopics, attempt::BusAddress};
use rdkafka::consumer::{BaseConsumer, Consumer};
use uuid::Uuid;

use crate::{
    Error, GroupReader, Publisher, Reader, Settings, TopicSettings,
    arrivals::Arrivals,
    config::Address,
    context::Logging,
    lanes::Lanes,
    sender::Sender,
    topics::{self, Wanted},
};

/// Where records go that can't be read: the name behind the prefix.
pub const DEAD_LETTER: &str = "dead-letter";

/// How long a broker may take to answer before it counts as unreachable.
pub(crate) const ANSWER_TIME: Duration = Duration::from_secs(10);

/// The embedded broker's own topic: its first record warms the connection.
const HELLO: &str = "podometer-hello";

/// A broker. Clones are the same broker.
#[derive(Clone)]
pub struct Bus {
    inner: Arc<Inner>,
}

struct Inner {
    address: Address,
    how: TopicSettings,
    lanes: Arc<Lanes>,
    arrivals: Arc<Arrivals>,
    /// The one producer of all publishers; the embedded broker lives in it.
    sender: Mutex<Option<Arc<Sender>>>,
    /// Topics that were made or found, with their number of partitions.
    topics: Mutex<HashMap<String, i32>>,
    /// Held while topics are made.
    making: tokio::sync::Mutex<()>,
    instance: OnceLock<String>,
}

impl Bus {
    /// Starts librdkafka's in-memory broker on a loopback port. It ends with the last clone, and
    /// the last publisher and reader made from it. `prefix`: what the names of topics begin with.
    pub fn embedded_with(prefix: &str) -> Result<Self, Error> {
        let mut address = Address::embedded();
        let lanes = Arc::new(Lanes::new(true));
        let arrivals = Arc::<Arrivals>::default();
        let letters = dead_letters(prefix);
        let sender = Sender::start(&address, &lanes, &arrivals, letters);
        let sender = sender.map_err(|error| match error {
            Error::Client { source, .. } => Error::Embedded { source },
            other => other,
        })?;
        address.servers = sender.mock_servers()?;
        let topics = TopicSettings {
            prefix: prefix.to_owned(),
            partitions: 1,
            ..TopicSettings::default()
        };
        let bus = Self::new(address, topics, lanes, arrivals, Some(Arc::new(sender)));
        let _ = bus.inner.instance.set(Uuid::now_v7().to_string());
        bus.make_here(HELLO)?;
        // Warms the connection, and shows whether the broker announces what it appends.
        drop(bus.publisher()?.hello(HELLO));
        Ok(bus)
    }

    /// [`Self::embedded_with`] no prefix.
    pub fn embedded() -> Result<Self, Error> {
        Self::embedded_with("")
    }

    /// A Kafka that somebody runs. Nothing is sent to it yet; the first wait is
    /// [`Self::create_topics`].
    pub fn external(settings: &Settings, topics: TopicSettings) -> Result<Self, Error> {
        let servers = settings.bootstrap_servers().ok_or_else(|| {
            let reason = "it is missing; say --bootstrap-servers HOST:PORT, or set it in a file for --kafka-config";
            Error::option(
                "the address of Kafka",
                "bootstrap.servers",
                reason.to_owned(),
            )
        })?;
        topics.check()?;
        let address = Address::external(servers, settings.options().clone(), false);
        // Options that are good each for itself may not be so together.
        topics::client(&address)?;
        let (lanes, arrivals) = (Arc::new(Lanes::new(false)), Arc::default());
        Ok(Self::new(address, topics, lanes, arrivals, None))
    }

    fn new(
        address: Address,
        how: TopicSettings,
        lanes: Arc<Lanes>,
        arrivals: Arc<Arrivals>,
        sender: Option<Arc<Sender>>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                address,
                how,
                lanes,
                arrivals,
                sender: Mutex::new(sender),
                topics: Mutex::default(),
                making: tokio::sync::Mutex::default(),
                instance: OnceLock::new(),
            }),
        }
    }

    /// Names this broker for stored offsets: a fresh UUID for an embedded one, the cluster's id for
    /// a Kafka. Known after [`Self::create_topics`]; before that a Kafka is asked for it, which
    /// blocks for 10 s at most, and `bootstrap.servers` stands in if it doesn't answer.
    pub fn instance(&self) -> &str {
        self.inner.instance.get_or_init(|| {
            self.metadata_client()
                .ok()
                .and_then(|client| client.client().fetch_cluster_id(ANSWER_TIME))
                .unwrap_or_else(|| self.inner.address.servers.clone())
        })
    }

    /// Whether it is the in-memory broker of this process.
    pub fn is_embedded(&self) -> bool {
        self.inner.address.embedded
    }

    /// Whether a Kafka is away at the moment: no broker of it can be reached.
    pub fn is_away(&self) -> bool {
        self.inner.address.health.is_away()
    }

    /// What runners are told. Topics that several orders share must have been made or found by
    /// [`Self::create_topics`] or [`Self::create_shared`], so that their partitions are known.
    pub fn address(&self, topics: &OrderTopics) -> BusAddress {
        let names = [&topics.task, &topics.resource, &topics.orchestrator];
        let known = self.known();
        let several = names.into_iter().filter_map(|name| {
            let count = *known.get(name)?;
            (count > 1).then(|| (name.clone(), count))
        });
        BusAddress {
            bootstrap_servers: self.inner.address.servers.clone(),
            options: self.inner.address.for_runners(),
            topics: topics.clone(),
            partitions: several.collect(),
        }
    }

    /// Makes an order's topics, with one partition each (shared ones as
    /// [`Self::create_shared`] does), and the one of dead letters; those that are there already are
    /// left as they are. Returns when all brokers know them. The resource topic of an embedded broker
    /// is flow-controlled from now on.
    pub async fn create_topics(&self, topics: &OrderTopics) -> Result<(), Error> {
        if self.is_embedded() {
            self.inner.lanes.control(&topics.resource);
        }
        let several = self.inner.how.partitions;
        let own = if topics.is_shared() { several } else { 1 };
        self.make(&[
            (&topics.task, own),
            (&topics.resource, own),
            (&topics.orchestrator, several),
            (&dead_letters(&self.inner.how.prefix), 1),
        ])
        .await
    }

    /// Makes the topics that shared services use, and the one of dead letters, like
    /// [`Self::create_topics`]. Returns their names.
    pub async fn create_shared(&self) -> Result<OrderTopics, Error> {
        let topics = OrderTopics::shared(&self.inner.how.prefix);
        self.create_topics(&topics).await?;
        Ok(topics)
    }

    async fn make(&self, topics: &[(&str, i32)]) -> Result<(), Error> {
        let _one_at_a_time = self.inner.making.lock().await;
        let missing: Vec<_> = {
            let known = self.known();
            let wanted = topics.iter().filter(|(name, _)| !known.contains_key(*name));
            wanted
                .map(|(name, partitions)| Wanted {
                    name: (*name).to_owned(),
                    partitions: *partitions,
                })
                .collect()
        };
        if missing.is_empty() {
            return Ok(());
        }
        if self.is_embedded() {
            for topic in missing {
                // The broker's thread sleeps for a second over a request that comes right after
                // another one; a round trip shows that it is through with that.
                self.publisher()?.hello(HELLO).await?;
                self.make_here(&topic.name)?;
            }
            return Ok(());
        }
        let made = topics::create(&self.inner.address, &self.inner.how, missing).await?;
        for (name, partitions) in &made {
            self.inner.lanes.learn(name, *partitions);
        }
        self.known().extend(made);
        let this = self.clone();
        // The id is asked for here, where waiting is expected.
        let _ = tokio::task::spawn_blocking(move || this.instance().len()).await;
        Ok(())
    }

    /// Deletes an order's own task and resource topics; it is fine if they are gone. Topics that
    /// other orders share stay, and so do all of the embedded broker, which can't delete any.
    pub async fn delete_topics(&self, topics: &OrderTopics) -> Result<(), Error> {
        if self.is_embedded() || topics.is_shared() {
            return Ok(());
        }
        let names = vec![topics.task.clone(), topics.resource.clone()];
        let _one_at_a_time = self.inner.making.lock().await;
        for name in &names {
            self.known().remove(name);
            let servers = &self.inner.address.servers;
            self.inner
                .lanes
                .forget(name, || Error::no_topic(name, servers));
        }
        topics::delete(&self.inner.address, names).await
    }

    /// For each partition of a topic the offset behind its last record: where a reader begins that
    /// wants only what comes from now on, by [`crate::Reader::add_at`]. Waits for 10 s at most.
    pub async fn end_offsets(&self, topic: &str) -> Result<Vec<i64>, Error> {
        let (this, topic) = (self.clone(), topic.to_owned());
        topics::blocking(move || this.ends(&topic)).await
    }

    pub(crate) fn ends(&self, topic: &str) -> Result<Vec<i64>, Error> {
        if self.is_embedded() {
            let end = self.inner.arrivals.end(topic);
            if end < i64::MAX {
                return Ok(vec![end]);
            }
        }
        topics::ends(&self.inner.address, topic)
    }

    /// What tells a topic from another one of the same name that was deleted before or is made
    /// later: Kafka's topic id; on the embedded broker the broker's and the topic's name. Waits for
    /// 10 s at most.
    pub async fn generation(&self, topic: &str) -> Result<String, Error> {
        if self.is_embedded() {
            return Ok(format!("{}/{topic}", self.instance()));
        }
        let (address, topic) = (self.inner.address.clone(), topic.to_owned());
        topics::blocking(move || topics::generation(&address, &topic)).await
    }

    /// Says that nothing more will be stored of a topic: publishers to it wait no longer.
    pub fn close_topic(&self, topic: &str) {
        self.inner.lanes.close(topic);
    }

    /// A publisher. All publishers of a bus share one connection.
    pub fn publisher(&self) -> Result<Publisher, Error> {
        let mut sender = lock(&self.inner.sender);
        let sender = match &*sender {
            Some(sender) => Arc::clone(sender),
            None => Arc::clone(sender.insert(Arc::new(Sender::start(
                &self.inner.address,
                &self.inner.lanes,
                &self.inner.arrivals,
                dead_letters(&self.inner.how.prefix),
            )?))),
        };
        Ok(Publisher::new(sender))
    }

    /// A reader, to be called within a tokio runtime. `name` tells a broker's operator who reads;
    /// readers of one name don't share anything.
    pub fn reader(&self, name: &str) -> Result<Reader, Error> {
        Reader::new(self.clone(), name)
    }

    /// A member of a group that shares topics, to be called within a tokio runtime. The group's name
    /// gets the prefix of the topics, so that installations on one Kafka don't mix. The embedded
    /// broker has no groups.
    pub fn group_reader(&self, group: &str, topics: &[&str]) -> Result<GroupReader, Error> {
        let group = format!("{}podometer-{group}", self.inner.how.prefix);
        GroupReader::new(self.clone(), &group, topics)
    }

    /// How many topics were made or found, so that an idle embedded broker, which can't delete
    /// any, can be replaced after many orders.
    pub fn topics_used(&self) -> usize {
        self.known().len()
    }

    pub(crate) fn at(&self) -> &Address {
        &self.inner.address
    }

    pub(crate) fn lanes(&self) -> &Lanes {
        &self.inner.lanes
    }

    pub(crate) fn arrivals(&self) -> &Arrivals {
        &self.inner.arrivals
    }

    /// How many partitions a topic has. A Kafka is asked if the topic isn't known, which blocks.
    pub(crate) fn partitions(&self, topic: &str) -> Result<i32, Error> {
        if let Some(count) = self.known().get(topic) {
            return Ok(*count);
        }
        if self.is_embedded() {
            return Ok(1);
        }
        let address = &self.inner.address;
        let count = topics::partitions(&self.metadata_client()?, topic, address)?
            .ok_or_else(|| Error::no_topic(topic, &address.servers))?;
        self.known().insert(topic.to_owned(), count);
        Ok(count)
    }

    fn metadata_client(&self) -> Result<BaseConsumer<Logging>, Error> {
        topics::client(&self.inner.address)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, i32>> {
        lock(&self.inner.topics)
    }

    fn make_here(&self, name: &str) -> Result<(), Error> {
        if let Some(sender) = &*lock(&self.inner.sender) {
            sender.mock_create(name, &self.inner.address.servers)?;
            self.known().insert(name.to_owned(), 1);
        }
        Ok(())
    }
}

fn dead_letters(prefix: &str) -> String {
    format!("{prefix}{DEAD_LETTER}")
}

/// A poisoned lock's data is whole: nothing here panics half-way through a change.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus")
            .field("address", &self.inner.address)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// If this fails after an update of librdkafka, see `arrivals`: its log reads otherwise now.
    #[tokio::test]
    async fn the_embedded_broker_announces_what_it_appends() {
        let bus = Bus::embedded().unwrap();
        for _ in 0..3 {
            bus.publisher().unwrap().hello(HELLO).await.unwrap();
        }
        assert!((3..=4).contains(&bus.arrivals().end(HELLO)));
    }
}
