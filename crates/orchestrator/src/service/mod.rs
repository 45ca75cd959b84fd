//! The service: hosts any number of orders, each with its plan, over one bus and one launcher.

mod mail;
mod patience;
mod routes;
mod walk;

use std::{sync::Arc, time::Duration};

use bus::{Bus, Event, Incoming, Publisher, Reader, Start};
use metrics::Part;
use model::OrderTopics;
use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::sleep,
};
use tracing::warn;

use crate::{
    Metrics, OrderRequest, Outcome, Resume,
    launcher::{Launcher, NotBegun, Superseded},
};
use routes::Routes;
use walk::Walk;

/// How the service behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long the broker may take to confirm STOP and what goes before it.
    pub delivery_timeout: Duration,
    /// How long after that it waits to hear that everything is stored.
    pub storing_timeout: Duration,
    /// What it counts.
    pub metrics: Metrics,
}

impl Options {
    /// What suits a broker: one that lives in this process is never away, a Kafka may be for
    /// minutes.
    pub fn of(bus: &Bus) -> Self {
        let delivery_timeout = if bus.is_embedded() {
            Duration::from_secs(15)
        } else {
            Duration::from_mins(5)
        };
        Self {
            delivery_timeout,
            storing_timeout: Duration::from_mins(1),
            metrics: Metrics::default(),
        }
    }
}

/// The first and the longest pause after reading has failed.
const READ_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Why an order could not be taken on. Nothing was started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bus can't be used.
    #[error(transparent)]
    Bus(#[from] bus::Error),
    /// What the order needs can't be made.
    #[error(transparent)]
    Launcher(#[from] NotBegun),
    /// An order of this id is under way here.
    #[error("an order with the id {0} is running in this process already; give one another id")]
    Taken(model::OrderId),
    /// Another process has taken it on in the middle; that one goes on with it.
    #[error("order {0}: {1}; this one stops")]
    Superseded(model::OrderId, Superseded),
}

/// Takes orders through their tasks. Dropped, it hears nothing more; orders under way then go by
/// what their runners leave behind.
pub struct Orchestrator<L: Launcher> {
    bus: Bus,
    publisher: Publisher,
    launcher: L,
    options: Options,
    reader: Arc<Reader>,
    routes: Arc<Routes>,
    reading: JoinHandle<()>,
}

impl<L: Launcher> Orchestrator<L> {
    /// A service over a bus and a launcher; to be called within a tokio runtime.
    ///
    /// # Errors
    /// What is wrong with the bus.
    pub fn new(bus: Bus, launcher: L, options: Options) -> Result<Self, Error> {
        let publisher = bus.publisher()?;
        let reader = Arc::new(bus.reader("orchestrator")?);
        let routes = Arc::new(Routes::default());
        let reading = read(Arc::clone(&reader), Arc::clone(&routes), publisher.clone());
        let reading = tokio::spawn(reading);
        Ok(Self {
            bus,
            publisher,
            launcher,
            options,
            reader,
            routes,
            reading,
        })
    }

    /// Takes an order through its tasks to its end. If this is dropped half-way, what runs is
    /// killed and nobody is told.
    ///
    /// # Errors
    /// Why nothing was started. Once something is, all ends are outcomes.
    pub async fn run(&self, request: OrderRequest) -> Result<Outcome, Error> {
        self.launcher.begin(&request).await?;
        let topics = request.handle.topics.clone();
        self.bus.create_topics(&topics).await?;
        let (route, inbox) = self
            .routes
            .open(&request.handle)
            .ok_or_else(|| Error::Taken(request.handle.order.clone()))?;
        let metrics = &self.options.metrics;
        let _counted = Part::new(&metrics.orders, 1);
        metrics.order_started();
        let listening = self.listen(&topics, &request.resume).await;
        let outcome = match listening {
            Ok(()) => {
                let walked = Walk::new(self, &request, &route, inbox).run().await;
                walked.map_err(|why| Error::Superseded(request.handle.order.clone(), why))
            }
            Err(error) => Err(error),
        };
        if let Ok(outcome) = &outcome {
            metrics.order_ended(outcome.status);
        }
        // Shared topics go on being read for others.
        if !topics.is_shared() {
            self.reader.remove(&topics.task);
        }
        outcome
    }

    /// Nothing of this order was said before its offsets, or before now. What others have said on the
    /// topic that all share is none of its business, above all not in plain text, which knows orders by
    /// their ids alone.
    async fn listen(&self, topics: &OrderTopics, resume: &Resume) -> Result<(), Error> {
        let (reader, topics) = (Arc::clone(&self.reader), topics.clone());
        let (offsets, task_offsets) = (resume.offsets.clone(), resume.task_offsets.clone());
        let from = move |topic: &str, offsets: &[i64], start| match offsets {
            [] => reader.add(topic, start),
            offsets => reader.add_at(topic, offsets),
        };
        let task = if topics.is_shared() {
            Start::End
        } else {
            Start::Earliest
        };
        let listen = move || {
            from(&topics.orchestrator, &offsets, Start::End)?;
            from(&topics.task, &task_offsets, task)
        };
        if self.bus.is_embedded() {
            return Ok(listen()?);
        }
        // A broker far away may be asked, which blocks.
        Ok(spawn_blocking(listen).await.unwrap_or(Ok(()))?)
    }
}

impl<L: Launcher + std::fmt::Debug> std::fmt::Debug for Orchestrator<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut f = f.debug_struct("Orchestrator");
        f.field("bus", &self.bus).field("launcher", &self.launcher);
        f.field("options", &self.options).finish_non_exhaustive()
    }
}

impl<L: Launcher> Drop for Orchestrator<L> {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// Reads for all orders and hands each what concerns it. Trouble with one topic is no reason to stop
/// reading the others, nor is trouble that passes; meanwhile the launcher's view and the termination
/// logs tell how attempts end.
async fn read(reader: Arc<Reader>, routes: Arc<Routes>, publisher: Publisher) {
    let mut pause = READ_AGAIN.0;
    loop {
        match reader.recv().await {
            Ok(incoming) => {
                pause = READ_AGAIN.0;
                take(incoming, &routes, &publisher).await;
            }
            Err(error) => {
                warn!("messages can't be read: {error}; trying again");
                sleep(pause).await;
                pause = (pause * 2).min(READ_AGAIN.1);
            }
        }
    }
}

async fn take(Incoming { topic, event, .. }: Incoming, routes: &Routes, publisher: &Publisher) {
    match event {
        Event::Message(envelope) => routes.message(envelope),
        Event::Text { key, value } => routes.text(&key, &value),
        Event::Unreadable(record) => {
            let (key, reason) = (record.key.as_deref(), record.error.to_string());
            let letter = publisher.dead_letter(&topic, key, &record.value, &reason);
            if let Err(error) = letter.await {
                warn!("an unreadable record of {topic} could not be put aside: {error}");
            }
        }
    }
}
