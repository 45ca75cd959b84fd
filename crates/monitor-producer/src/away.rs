//! Kafka is away: what comes goes to the end of the spool, and what is at its beginning is tried
//! again and again, until all of it is delivered.

use std::{
    collections::VecDeque,
    future::pending,
    io,
    time::{Duration, Instant},
};

use bus::{Delivery, Publisher};
use metrics::Counter;
use model::Message;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::{
    Metrics,
    outbox::{IN_FLIGHT, Item, RETRY, now, until},
    spool::{self, SpoolFile, Spools},
};

/// How many messages are written at a time.
const BATCH: usize = 1024;
/// How much of the file is read at a time, bytes.
const PORTION: u64 = 64 * 1024;
/// The pause after a write that failed.
const WRITE_AGAIN: Duration = Duration::from_secs(5);

/// What a step came to.
pub(crate) enum Progress {
    /// It goes on.
    Some,
    /// Messages can't be kept, for this reason; they stay in line.
    Refused(String),
    /// All of the file is delivered.
    Done,
}

/// An order's spool, being filled and emptied.
pub(crate) struct Away {
    file: SpoolFile,
    writing: Option<Writing>,
    /// What was read of the file and sent.
    flying: VecDeque<Sent>,
    /// How far the file is read.
    read: u64,
    /// How far it is delivered.
    delivered: u64,
    resent: u64,
    send_again_at: Option<Instant>,
    write_again_at: Option<Instant>,
    /// The limit is reached. There is room again when the file is gone.
    full: bool,
    samples_published: Counter,
    publish_retries: Counter,
}

struct Sent {
    delivery: Delivery,
    /// Where it ends in the file.
    end: u64,
    is_sample: bool,
}

struct Writing {
    task: JoinHandle<io::Result<()>>,
    items: Vec<Item>,
    bytes: u64,
}

impl Away {
    pub(crate) fn new(file: SpoolFile, metrics: &Metrics) -> Self {
        Self {
            file,
            writing: None,
            flying: VecDeque::new(),
            read: 0,
            delivered: 0,
            resent: 0,
            send_again_at: None,
            write_again_at: None,
            full: false,
            samples_published: metrics.samples_published.clone(),
            publish_retries: metrics.publish_retries.clone(),
        }
    }

    /// How many messages were delivered out of the file.
    pub(crate) fn resent(&self) -> u64 {
        self.resent
    }

    /// Removes the file.
    pub(crate) fn remove(self) {
        self.file.remove();
    }

    /// Begins to write and to send what it can, and waits for what comes of it. Nothing is lost when
    /// it is cancelled.
    pub(crate) async fn step(
        &mut self,
        line: &mut VecDeque<Item>,
        publisher: &Publisher,
        topic: &str,
        spools: &Spools,
    ) -> Progress {
        if let Err(why) = self.write(line, spools) {
            return Progress::Refused(why);
        }
        self.send(publisher, topic);
        let all_read = self.read == self.file.written();
        if self.writing.is_none() && self.flying.is_empty() && all_read {
            return Progress::Done;
        }
        tokio::select! {
            result = ended(&mut self.writing) => return self.written(result, line),
            result = first(&mut self.flying) => self.arrived(result).await,
            () = until(self.send_again_at) => self.send_again_at = None,
            () = until(self.write_again_at) => self.write_again_at = None,
        }
        Progress::Some
    }

    /// Begins to write what is in line.
    fn write(&mut self, line: &mut VecDeque<Item>, spools: &Spools) -> Result<(), String> {
        let waits = self.writing.is_some() || self.write_again_at.is_some() || self.full;
        if line.is_empty() || waits {
            return Ok(());
        }
        let count = line.len().min(BATCH);
        let records = line.range(..count).map(|item| item.envelope.encode());
        let lines: Vec<u8> = records.flatten().flat_map(|r| spool::line(&r)).collect();
        let bytes = lines.len() as u64;
        if !self.file.reserve(spools, bytes) {
            self.full = true;
            return Err(format!(
                "its limit of {} bytes is reached",
                spools.limit_bytes()
            ));
        }
        self.writing = Some(Writing {
            task: spawn_blocking(self.file.append(lines)),
            items: line.drain(..count).collect(),
            bytes,
        });
        Ok(())
    }

    /// What was being written is safe, or goes back in line.
    fn written(&mut self, result: io::Result<()>, line: &mut VecDeque<Item>) -> Progress {
        let Some(writing) = self.writing.take() else {
            return Progress::Some;
        };
        match result {
            Ok(()) => {
                self.file.extend(writing.bytes);
                for ack in writing.items.into_iter().filter_map(|item| item.ack) {
                    ack.give();
                }
                Progress::Some
            }
            Err(error) => {
                self.file.release(writing.bytes);
                let later = std::mem::take(line);
                line.extend(writing.items.into_iter().chain(later));
                self.write_again_at = Some(Instant::now() + WRITE_AGAIN);
                Progress::Refused(format!("{}: {error}", self.file.path().display()))
            }
        }
    }

    /// Hands to the publisher what may go.
    fn send(&mut self, publisher: &Publisher, topic: &str) {
        while self.flying.len() < IN_FLIGHT
            && self.read < self.file.written()
            && self.send_again_at.is_none()
        {
            match self.file.read(self.read, PORTION) {
                Ok(messages) => {
                    for (envelope, end) in messages {
                        // What was encoded once can be so again.
                        let delivery = publisher.enqueue_now(topic, &envelope).ok();
                        self.flying.extend(delivery.map(|delivery| Sent {
                            delivery,
                            end,
                            is_sample: matches!(envelope.message, Message::Sample(_)),
                        }));
                        self.read = end;
                    }
                }
                Err(error) => {
                    let (path, lost) =
                        (self.file.path().display(), self.file.written() - self.read);
                    tracing::error!("the last {lost} bytes of {path} can't be sent: {error}");
                    self.read = self.file.written();
                }
            }
        }
    }

    /// What the first delivery has come to, and those after it that are there as well.
    async fn arrived(&mut self, result: Result<(), bus::Error>) {
        let mut delivered = Some(result);
        while let Some(result) = delivered {
            if let Err(error) = result {
                tracing::debug!("{}: not delivered: {error}", self.file.path().display());
                self.publish_retries.inc_by(self.flying.len() as u64);
                self.flying.clear();
                self.read = self.delivered;
                self.send_again_at = Some(Instant::now() + RETRY);
                return;
            }
            if let Some(sent) = self.flying.pop_front() {
                self.delivered = sent.end;
                self.resent += 1;
                self.samples_published.inc_by(sent.is_sample.into());
            }
            delivered = match self.flying.front_mut() {
                Some(next) => now(&mut next.delivery).await,
                None => None,
            };
        }
    }
}

async fn ended(writing: &mut Option<Writing>) -> io::Result<()> {
    match writing {
        Some(writing) => (&mut writing.task)
            .await
            .unwrap_or_else(|error| Err(error.into())),
        None => pending().await,
    }
}

async fn first(flying: &mut VecDeque<Sent>) -> Result<(), bus::Error> {
    match flying.front_mut() {
        Some(sent) => (&mut sent.delivery).await,
        None => pending().await,
    }
}
