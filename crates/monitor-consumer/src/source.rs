//! Where records come from: topics of single orders, or shared ones whose partitions are divided among
//! the services of a group.

use std::sync::Arc;

use bus::{GroupEvent, GroupReader, Incoming, Reader, Start};

use crate::gather::LogKey;

/// How many records are taken at a time.
const AT_A_TIME: usize = 2000;

/// The reader.
pub(crate) enum Source {
    /// Of orders with topics of their own.
    Own(Reader),
    /// Of shared topics.
    Shared(GroupReader),
}

/// What it says.
pub(crate) enum Heard {
    /// Records, those of a log in order.
    Records(Vec<Incoming>),
    /// Logs are ours from now on; nothing is read of them before [`Source::begin`].
    Assigned(Vec<LogKey>),
    /// Logs are somebody else's from now on.
    Revoked(Vec<LogKey>),
}

impl Source {
    /// The next that comes. Nothing is lost if the call is cancelled.
    pub(crate) async fn recv(&self) -> Result<Heard, bus::Error> {
        match self {
            Self::Own(reader) => reader.recv_batch(AT_A_TIME).await.map(Heard::Records),
            Self::Shared(reader) => Ok(match reader.recv_batch(AT_A_TIME).await? {
                GroupEvent::Records(records) => Heard::Records(records),
                GroupEvent::Assigned(logs) => Heard::Assigned(logs),
                GroupEvent::Revoked(logs) => Heard::Revoked(logs),
            }),
        }
    }

    /// Says good-bye to the group, so that another one goes on at once.
    pub(crate) async fn close(self) {
        if let Self::Shared(reader) = self {
            reader.close().await;
        }
    }

    /// Whether it must be asked on and on, lest the group takes its partitions away.
    pub(crate) fn must_be_heard(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    /// How many messages the broker has that weren't read, as far as is known without asking it.
    pub(crate) fn unread(&self) -> i64 {
        let lags = match self {
            Self::Own(reader) => reader.lag(),
            Self::Shared(reader) => reader.lag(),
        };
        lags.iter().map(bus::Lag::records).sum()
    }

    /// Begins to read a log.
    pub(crate) fn begin(
        &self,
        (topic, partition): &LogKey,
        from: Option<i64>,
    ) -> Result<(), bus::Error> {
        let start = from.map_or(Start::Earliest, Start::Offset);
        match self {
            Self::Own(reader) => reader.add(topic, start),
            // One that is somebody else's by now is not read, and revoked in a moment.
            Self::Shared(reader) => reader.begin_anew(topic, *partition, start).map(drop),
        }
    }

    /// Ends reading an order's own topic.
    pub(crate) fn end(&self, topic: &Arc<str>) {
        if let Self::Own(reader) = self {
            reader.remove(topic);
        }
    }

    /// Reads nothing of these logs for a while, or goes on. An order's own topic needs no word: it isn't
    /// asked.
    pub(crate) fn pause(&self, logs: &[LogKey], pause: bool) {
        let Self::Shared(reader) = self else { return };
        let done = if pause {
            reader.pause(logs)
        } else {
            reader.resume(logs)
        };
        if let Err(error) = done {
            tracing::warn!(%error, "a pause in reading");
        }
    }

    /// Says up to where a log is stored: to publishers that wait, or to Kafka's tools.
    pub(crate) fn stored(&self, (topic, partition): &LogKey, next: i64) {
        match self {
            Self::Own(reader) => reader.stored(topic, *partition, next),
            Self::Shared(reader) => reader.commit(topic, *partition, next),
        }
    }
}
