//! The real consumer, run until it has stored what is there.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use bus::Bus;
use model::OrderTopics;
use store::{Log, Store};
use tokio::runtime::Runtime;

use crate::{
    process::memory_of,
    stack::{self, Server},
};

/// What storing took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    /// Samples stored between the first look that saw any and the last.
    pub(crate) samples: u64,
    pub(crate) seconds: f64,
    /// Processor time of the consumer for all of it.
    pub(crate) cpu_seconds: f64,
    /// The most resident memory that the consumer had, bytes.
    pub(crate) memory_bytes: u64,
}

/// How far the store is behind the topics.
pub(crate) struct Progress {
    bus: Bus,
    store: Store,
    topic: String,
    logs: Vec<Log>,
}

impl Progress {
    pub(crate) async fn of(bus: &Bus, store: &Store, topics: &OrderTopics) -> Result<Self> {
        let (topic, partitions) = (
            &topics.resource,
            bus.end_offsets(&topics.resource).await?.len(),
        );
        let generation = bus.generation(topic).await?;
        let log = |partition| Log {
            bus: bus.instance().to_owned(),
            topic: topic.clone(),
            partition: partition as i32,
            generation: generation.clone(),
        };
        Ok(Self {
            bus: bus.clone(),
            store: store.clone(),
            topic: topic.clone(),
            logs: (0..partitions).map(log).collect(),
        })
    }

    /// Records in the topic.
    pub(crate) async fn sent(&self) -> Result<u64> {
        Ok(self.bus.end_offsets(&self.topic).await?.iter().sum::<i64>() as u64)
    }

    /// Records that are stored.
    pub(crate) async fn stored(&self) -> Result<u64> {
        let offsets = self.store.offsets(&self.logs).await?;
        Ok(offsets.into_iter().flatten().sum::<i64>() as u64)
    }
}

/// The consumer, not started.
pub(crate) fn program(folder: &Path, servers: &str, database: &str) -> Result<Server> {
    let log = folder.join("monitor-consumer.log");
    let server = Server::new(stack::program("monitor-consumer")?, Vec::new(), log);
    Ok(server
        .env("BOOTSTRAP_SERVERS", servers)
        .env("DATABASE_URL", database))
}

/// Starts the consumer, waits until all that was sent is stored, and ends it.
pub(crate) fn drain(runtime: &Runtime, consumer: &mut Server, progress: &Progress) -> Result<Took> {
    let sent = runtime.block_on(progress.sent())?;
    let before = runtime.block_on(progress.stored())?;
    let give_up = Instant::now() + Duration::from_mins(20);
    consumer.start()?;
    let pid = consumer.pid().context("no consumer")?;
    let mut first: Option<(Instant, u64)> = None;
    loop {
        let stored = runtime.block_on(progress.stored())?;
        let now = Instant::now();
        if stored > before {
            first.get_or_insert((now, stored));
        }
        if stored >= sent {
            let (since, from) = first.unwrap_or((now, stored));
            let took = Took {
                samples: stored - from,
                seconds: (now - since).as_secs_f64(),
                cpu_seconds: cpu_seconds(pid),
                memory_bytes: memory_of(pid, "VmHWM:").unwrap_or_default(),
            };
            consumer.end();
            return Ok(took);
        }
        if now > give_up || !consumer.is_running() {
            bail!(
                "the consumer stored {stored} of {sent}:\n{}",
                consumer.last_words()
            );
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Processor time of a process, seconds; the kernel counts it in hundredths.
fn cpu_seconds(pid: i32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<_> = text
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |place: usize| {
        fields
            .get(place)
            .and_then(|f| f.parse::<f64>().ok())
            .unwrap_or_default()
    };
    (ticks(11) + ticks(12)) / 100.0
}
