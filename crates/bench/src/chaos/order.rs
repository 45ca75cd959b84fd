//! An order without an orchestrator: what is sent is known to the last sample.

use std::time::Duration;

use anyhow::{Context, Result};
use bus::{Bus, Event, Publisher, Reader, Start};
use model::{
    Attempt, AttemptKey, Envelope, MachineFacts, Message, OrderId, OrderTopics, OrderUid, Position,
    Reason, Resources, Status, TaskName, Timestamp, Totals,
    attempt::{Launcher, Token},
    message::{AttemptEnd, Backlog, Halt, Header, Sender, Started, Stop},
    run::{RunEnd, RunFacts},
};
use tokio::time::timeout;
use uuid::Uuid;

use super::runner::{Runner, reading};

/// How much is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Attempts, one after another.
    pub(crate) tasks: u32,
    /// Readings of each after the baseline.
    pub(crate) readings: u64,
    pub(crate) every: Duration,
}

/// An order and its end.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) order: OrderId,
    pub(crate) uid: OrderUid,
    pub(crate) size: Size,
}

/// How many readings go into one BACKLOG: as the runner has it.
const PORTION: usize = 180;

impl Load {
    pub(crate) fn new(name: &str, size: Size) -> Result<Self> {
        Ok(Self {
            order: name.parse()?,
            uid: OrderUid(Uuid::now_v7()),
            size,
        })
    }

    fn key(&self, position: u32) -> AttemptKey {
        AttemptKey {
            order_uid: self.uid,
            position: Position(position),
            attempt: Attempt(1),
        }
    }

    fn envelope(&self, position: u32, message: Message) -> Result<Envelope> {
        let header = Header::attempt(self.order.clone(), self.key(position), task(position)?);
        Ok(Envelope { header, message })
    }

    /// Sends all of it and waits until somebody says that it is stored.
    pub(crate) async fn run(
        &self,
        bus: &Bus,
        topics: &OrderTopics,
        token: &Token,
        patience: Duration,
    ) -> Result<()> {
        let publisher = bus.publisher()?;
        let reader = bus.reader("chaos")?;
        reader.add(&topics.task, Start::Earliest)?;
        for position in 0..self.size.tasks {
            self.attempt(&publisher, topics, token, position).await?;
        }
        let attempts = (0..self.size.tasks).map(|position| {
            Ok(AttemptEnd {
                position: Position(position),
                attempt: Attempt(1),
                task: task(position)?,
                reason: Reason::Completed,
            })
        });
        let stop = Stop {
            status: Status::Succeeded,
            message: None,
            ended_at: reading(0, true).time_us,
            attempts: attempts.collect::<Result<_>>()?,
            undrained: Vec::new(),
        };
        let header = Header::order(self.order.clone(), self.uid);
        let message = Message::Stop(stop);
        send(&publisher, &topics.task, Envelope { header, message }).await;
        timeout(patience, self.terminated(&reader))
            .await
            .with_context(|| {
                format!(
                    "order {}: no TERMINATE within {} s",
                    self.order,
                    patience.as_secs()
                )
            })
    }

    async fn attempt(
        &self,
        publisher: &Publisher,
        topics: &OrderTopics,
        token: &Token,
        position: u32,
    ) -> Result<()> {
        let runner = Runner::start(self.key(position), token.clone()).await?;
        let baseline = reading(0, false);
        runner.push(&baseline);
        let started = Started {
            stream: Some(runner.address.clone()),
            started_at: baseline.time_us,
            baseline,
            facts: facts(&task(position)?),
        };
        // As a runner does: reporting goes on beside the work.
        let order = send(
            publisher,
            &topics.task,
            self.envelope(position, Message::Order(Box::new(started)))?,
        );
        let ((), last) = tokio::join!(order, runner.run(self.size.readings, self.size.every));
        let (base, rest) = runner.end();
        for (place, readings) in rest.chunks(PORTION).enumerate() {
            let backlog = Backlog {
                base: base.filter(|_| place == 0).map(Box::new),
                readings: readings.to_vec(),
            };
            send(
                publisher,
                &topics.task,
                self.envelope(position, Message::Backlog(backlog))?,
            )
            .await;
        }
        let halt = Halt {
            from: Sender::Runner,
            task: task(position)?,
            started_at: Some(baseline.time_us),
            end: end(last.time_us),
            totals: Totals {
                duration_seconds: Some(last.time_us.seconds_since(baseline.time_us)),
                ..Totals::counted(&last)
            },
            last_seq: Some(last.seq),
            thinned: 0,
            output: None,
        };
        send(
            publisher,
            &topics.task,
            self.envelope(position, Message::Halt(Box::new(halt)))?,
        )
        .await;
        Ok(())
    }

    async fn terminated(&self, reader: &Reader) {
        loop {
            let Ok(incoming) = reader.recv().await else {
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            };
            if let Event::Message(envelope) = incoming.event
                && envelope.header.order_uid == self.uid
                && matches!(envelope.message, Message::Terminate(_))
            {
                return;
            }
        }
    }
}

/// Sends until the broker has it.
async fn send(publisher: &Publisher, topic: &str, envelope: Envelope) {
    while publisher.publish(topic, &envelope).await.is_err() {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn task(position: u32) -> Result<TaskName> {
    Ok(format!("load-{position}").parse()?)
}

fn end(at: Timestamp) -> RunEnd {
    RunEnd {
        ended_at: at,
        exit_code: Some(0),
        signal: None,
        reason: Reason::Completed,
        message: None,
        censored: false,
    }
}

fn facts(task: &TaskName) -> RunFacts {
    RunFacts {
        task: task.clone(),
        image: None,
        image_digest: None,
        command: vec!["load".to_owned()],
        resources: Resources::default(),
        launcher: Launcher::Local,
        source: "process_tree".to_owned(),
        period_seconds: 0.1,
        machine: MachineFacts::default(),
        input: None,
    }
}
