//! The services' side of reading.

use std::{sync::Arc, thread};

use rdkafka::{Offset, error::KafkaError};

use crate::{Bus, Error, Incoming, feed::Feed, lag::Lag, watching::Watching};

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record there is.
    Earliest,
    /// At this offset; at the oldest record if it is not there, which is said in the log.
    Offset(i64),
    /// Behind what is there now.
    End,
}

/// Reads topics, which may come and go while it reads. Records of one partition come in order.
///
/// Memory: on a Kafka it keeps up to 8 MiB of fetched records and, while more come, one answer of
/// each broker: 1 MiB as it travels, about 10 MiB unpacked. librdkafka adds some 400 bytes a record,
/// so that samples take 32 MiB at most with one broker that leads (measured: 26 MB, a batch of
/// 2,000 samples of 1.3 kB included). `queued.max.messages.kbytes` and
/// `fetch.max.bytes` move these bounds.
pub struct Reader {
    /// Always there until drop.
    feed: Option<Arc<Feed>>,
    bus: Bus,
}

impl Reader {
    pub(crate) fn new(bus: Bus, name: &str) -> Result<Self, Error> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::NoRuntime);
        }
        let address = bus.at();
        let consumer = address
            .reader(name)
            .create_with_context(Watching::new(address.voice(), false))
            .map_err(|source| Error::client(&address.servers, source))?;
        let feed = Arc::new(Feed::new(consumer));
        bus.arrivals().tell(Arc::downgrade(&feed));
        Ok(Self {
            feed: Some(feed),
            bus,
        })
    }

    /// Begins to read a topic, all of its partitions; nothing happens if it is read already. The
    /// topic must exist. Blocks for about a millisecond on the embedded broker; on a Kafka for up
    /// to 10 s if this bus has not seen the topic before and must ask for its partitions, or where
    /// they end.
    pub fn add(&self, topic: &str, start: Start) -> Result<(), Error> {
        let Some(feed) = &self.feed else {
            return Ok(());
        };
        let added = if self.bus.is_embedded() {
            feed.add_announced(topic, start, self.bus.arrivals())?
        } else if feed.reads(topic) {
            // The broker isn't asked where it ends.
            false
        } else {
            feed.add_always(topic, &self.starts(topic, start)?)?
        };
        if added {
            self.bus.lanes().reader_came(topic);
        }
        Ok(())
    }

    fn starts(&self, topic: &str, start: Start) -> Result<Vec<Offset>, Error> {
        let everywhere = |offset| {
            let partitions = self.bus.partitions(topic)?;
            Ok(vec![offset; partitions as usize])
        };
        match start {
            Start::Earliest => everywhere(Offset::Beginning),
            Start::Offset(offset) => everywhere(Offset::Offset(offset)),
            // As numbers: the broker would look when it is first asked, which is too late.
            Start::End => {
                let ends = self.bus.ends(topic)?;
                Ok(ends.into_iter().map(Offset::Offset).collect())
            }
        }
    }

    /// Like [`Self::add`], at an offset of each partition, as [`Bus::end_offsets`] noted them.
    /// Partitions without one are read from their oldest record on. On a Kafka a topic that is read already
    /// is read again from there on where it is past that: its records come twice.
    pub fn add_at(&self, topic: &str, offsets: &[i64]) -> Result<(), Error> {
        let Some(feed) = &self.feed else {
            return Ok(());
        };
        if self.bus.is_embedded() {
            let first = offsets.first();
            return self.add(topic, first.map_or(Start::Earliest, |n| Start::Offset(*n)));
        }
        if feed.again(topic, offsets)? {
            return Ok(());
        }
        let mut starts = self.starts(topic, Start::Earliest)?;
        for (start, offset) in starts.iter_mut().zip(offsets) {
            *start = Offset::Offset(*offset);
        }
        if feed.add_always(topic, &starts)? {
            self.bus.lanes().reader_came(topic);
        }
        Ok(())
    }

    /// Ends reading a topic. Its publishers no longer wait for what this reader stores.
    pub fn remove(&self, topic: &str) {
        if self.feed.as_ref().is_some_and(|feed| feed.remove(topic)) {
            self.bus.lanes().reader_left(topic);
        }
    }

    /// The next record, whenever it comes. Nothing is lost if the call is cancelled. What the
    /// client itself overcomes (a broker that is away, say) is logged and waited out.
    pub async fn recv(&self) -> Result<Incoming, Error> {
        let mut batch = self.recv_batch(1).await?;
        match batch.pop() {
            Some(incoming) => Ok(incoming),
            // There is none in a batch of nobody: only when the reader is being dropped.
            None => std::future::pending().await,
        }
    }

    /// The next records, at least one and at most so many: what is there already when one is.
    /// Nothing is lost if the call is cancelled.
    pub async fn recv_batch(&self, max: usize) -> Result<Vec<Incoming>, Error> {
        let Some(feed) = &self.feed else {
            return std::future::pending().await;
        };
        loop {
            // Before anything is taken: a reader that always has something lets others run.
            tokio::task::consume_budget().await;
            let batch = feed
                .take(max.max(1))
                .map_err(|source| self.failed(source))?;
            if !batch.is_empty() {
                feed.say_lag();
                return Ok(batch);
            }
            feed.wait().await;
        }
    }

    fn failed(&self, source: KafkaError) -> Error {
        self.bus.at().read_error(source)
    }

    /// Says that all of a partition below `next_offset` is stored: publishers that wait for room
    /// go on.
    pub fn stored(&self, topic: &str, _partition: i32, next_offset: i64) {
        self.bus.lanes().stored(topic, next_offset);
    }

    /// How far behind it is, as far as is known without asking the broker.
    pub fn lag(&self) -> Vec<Lag> {
        self.feed
            .as_ref()
            .map(|feed| feed.lag())
            .unwrap_or_default()
    }

    /// How many records the broker dropped before they were read. Each time is said in the log.
    pub fn dropped(&self) -> u64 {
        self.feed.as_ref().map_or(0, |feed| feed.progress().dropped)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let Some(feed) = self.feed.take() else {
            return;
        };
        for topic in feed.names() {
            self.bus.lanes().reader_left(&topic);
        }
        end(feed);
    }
}

/// librdkafka waits for its threads when a consumer ends; nobody else has to.
pub(crate) fn end(feed: Arc<Feed>) {
    let _ = thread::Builder::new()
        .name("bus-reader-end".to_owned())
        .spawn(move || drop(feed));
}
