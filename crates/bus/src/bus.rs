//! One broker, embedded or external.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use model::{
    OrderTopics,
    attempt::{BusAddress, Token},
};
use rdkafka::consumer::{BaseConsumer, Consumer};
use uuid::Uuid;

use crate::{
    Error, Publisher, Reader,
    arrivals::Arrivals,
    config::Address,
    context::Logging,
    publisher::{DEAD_LETTER, Lanes, Sender},
    topics,
};

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
    /// the last publisher and reader made from it.
    pub fn embedded() -> Result<Self, Error> {
        let mut address = Address {
            servers: String::new(),
            options: BTreeMap::new(),
            embedded: true,
        };
        let (lanes, arrivals) = <(Arc<Lanes>, Arc<Arrivals>)>::default();
        let sender = Sender::start(&address, &lanes, &arrivals).map_err(|error| match error {
            Error::Client { source, .. } => Error::Embedded { source },
            other => other,
        })?;
        address.servers = sender.mock_servers()?;
        let bus = Self::new(address, lanes, arrivals, Some(Arc::new(sender)));
        let _ = bus.inner.instance.set(Uuid::now_v7().to_string());
        bus.make_here(HELLO)?;
        // Warms the connection, and shows whether the broker announces what it appends.
        drop(bus.publisher()?.hello(HELLO));
        Ok(bus)
    }

    /// A Kafka that somebody runs. Nothing is sent to it yet; the first wait is
    /// [`Self::create_topics`].
    pub fn external(
        bootstrap_servers: &str,
        options: BTreeMap<String, Token>,
    ) -> Result<Self, Error> {
        let address = Address {
            servers: bootstrap_servers.to_owned(),
            options,
            embedded: false,
        };
        address.admin()?;
        Ok(Self::new(address, Arc::default(), Arc::default(), None))
    }

    fn new(
        address: Address,
        lanes: Arc<Lanes>,
        arrivals: Arc<Arrivals>,
        sender: Option<Arc<Sender>>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                address,
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

    /// What runners are told.
    pub fn address(&self, topics: &OrderTopics) -> BusAddress {
        BusAddress {
            bootstrap_servers: self.inner.address.servers.clone(),
            options: self.inner.address.for_runners(),
            topics: topics.clone(),
        }
    }

    /// Makes an order's topics and [`DEAD_LETTER`], with one partition each; those that are there
    /// already are left as they are. The resource topic of an embedded broker is flow-controlled
    /// from now on.
    pub async fn create_topics(&self, topics: &OrderTopics) -> Result<(), Error> {
        let names = [&topics.task, &topics.resource, &topics.orchestrator];
        if self.is_embedded() {
            self.inner.lanes.control(&topics.resource);
        }
        let _one_at_a_time = self.inner.making.lock().await;
        let mut missing: Vec<String> = names.into_iter().cloned().collect();
        missing.push(DEAD_LETTER.to_owned());
        missing.retain(|name| !self.known().contains_key(name));
        if missing.is_empty() {
            return Ok(());
        }
        if self.is_embedded() {
            for name in missing {
                // The broker's thread sleeps for a second over a request that comes right after
                // another one; a round trip shows that it is through with that.
                self.publisher()?.hello(HELLO).await?;
                self.make_here(&name)?;
            }
            return Ok(());
        }
        let made = topics::create(&self.inner.address, missing).await?;
        self.known().extend(made);
        let this = self.clone();
        // The id is asked for here, where waiting is expected.
        let _ = tokio::task::spawn_blocking(move || this.instance().len()).await;
        Ok(())
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
            )?))),
        };
        Ok(Publisher::new(sender))
    }

    /// A reader, to be called within a tokio runtime. `name` tells a broker's operator who reads;
    /// readers of one name don't share anything.
    pub fn reader(&self, name: &str) -> Result<Reader, Error> {
        Reader::new(self.clone(), name)
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
        let count =
            topics::partitions(&self.metadata_client()?, topic, &self.inner.address)?.unwrap_or(1);
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
