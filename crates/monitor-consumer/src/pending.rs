//! What was read of one order and isn't stored yet.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use model::{AttemptKey, Message, OrderHandle, Run, Sample, TaskName, message::Stop};
use store::{Advance, Batch, Item, Log};

use crate::events::Event;

/// An order with what waits to be stored.
pub(crate) struct Pending {
    pub(crate) handle: OrderHandle,
    pub(crate) folder: PathBuf,
    /// The offset that the store expects next.
    pub(crate) expected: i64,
    next: i64,
    items: Vec<Item>,
    events: Vec<Event>,
    attempts: HashMap<AttemptKey, Sequence>,
    /// STOP and its offset, once it has been read.
    pub(crate) stop: Option<(Stop, i64)>,
    /// Samples that are stored.
    pub(crate) samples: u64,
}

/// How far an attempt's sequence numbers have come.
#[derive(Debug, Default)]
struct Sequence {
    next: Option<u64>,
    lost: u64,
}

impl Sequence {
    /// Notes a sample; how many were lost on the way to here, for which nobody else has accounted.
    fn note(&mut self, sample: &Sample) -> u64 {
        let seq = sample.reading.seq;
        let skipped = self.next.map_or(0, |next| seq.saturating_sub(next));
        let lost = skipped.saturating_sub(sample.missed_before);
        self.next = Some(self.next.unwrap_or(0).max(seq + 1));
        self.lost += lost;
        lost
    }
}

impl Pending {
    pub(crate) fn new(handle: OrderHandle, folder: PathBuf, offset: Option<i64>) -> Self {
        let expected = offset.unwrap_or(0);
        Self {
            handle,
            folder,
            expected,
            next: expected,
            items: Vec::new(),
            events: Vec::new(),
            attempts: HashMap::new(),
            stop: None,
            samples: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is anything to be stored, be it an offset.
    pub(crate) fn is_due(&self) -> bool {
        self.next > self.expected
    }

    /// Takes a message that was read at `offset`.
    pub(crate) fn take(
        &mut self,
        of: Option<(AttemptKey, TaskName)>,
        message: Message,
        offset: i64,
    ) {
        if offset < self.next {
            return;
        }
        match (message, of) {
            (Message::Sample(sample), Some((key, task))) => self.sample(key, task, &sample),
            (Message::Run(run), Some((key, task))) => self.run(key, task, *run),
            (Message::Stop(stop), _) => {
                // Its own offset is noted only when TERMINATE has been sent.
                self.items.push(status(&self.handle, &stop));
                self.stop.get_or_insert((stop, offset));
            }
            _ => {}
        }
        self.next = if self.stop.is_some() {
            self.next.max(offset)
        } else {
            offset + 1
        };
    }

    fn sample(&mut self, key: AttemptKey, task: TaskName, sample: &Sample) {
        let lost = self.attempts.entry(key).or_default().note(sample);
        if lost > 0 {
            tracing::warn!(order = %self.handle.order, %task, lost, "samples were lost on the bus");
        }
        self.events.push(Event::Sample {
            key,
            task: task.clone(),
            time: sample.reading.time_us,
            values: Box::new(sample.values),
        });
        self.items.push(Item::Sample {
            key,
            task,
            sample: *sample,
        });
    }

    fn run(&mut self, key: AttemptKey, task: TaskName, mut run: Run) {
        if run.end.is_some() {
            run.quality.missed_samples += self.attempts.get(&key).map_or(0, |s| s.lost);
        }
        let shared = Arc::new(run.clone());
        self.events.push(Event::Run {
            key,
            task: task.clone(),
            run: shared,
        });
        self.items.push(Item::Run { key, task, run });
    }

    /// All that waits, as one batch.
    pub(crate) fn batch(&mut self, bus: &str) -> Batch {
        Batch {
            advances: vec![Advance {
                log: log(bus, &self.handle),
                expected: self.expected,
                next: self.next,
            }],
            orders: [(self.handle.order_uid, self.handle.order.clone())].into(),
            items: std::mem::take(&mut self.items),
        }
    }

    /// Notes that the batch is stored; what is to be told of it.
    pub(crate) fn stored(&mut self, next: i64) -> Vec<Event> {
        self.expected = next;
        std::mem::take(&mut self.events)
    }

    /// Notes that STOP itself is over and done with.
    pub(crate) fn over(&mut self) {
        if let Some((_, offset)) = self.stop {
            self.next = offset + 1;
        }
    }
}

/// The order's own topic, as the store names it.
pub(crate) fn log(bus: &str, handle: &OrderHandle) -> Log {
    Log {
        bus: bus.to_owned(),
        topic: handle.topics.resource.clone(),
        partition: 0,
        generation: handle.order_uid.to_string(),
    }
}

fn status(handle: &OrderHandle, stop: &Stop) -> Item {
    Item::Status {
        order_uid: handle.order_uid,
        status: stop.status,
        message: stop.message.clone(),
        at: stop.ended_at,
        storing_complete: stop.undrained.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use model::{Reading, Values};

    use super::*;

    fn sample(seq: u64, missed_before: u64) -> Sample {
        let reading = Reading {
            seq,
            ..Reading::default()
        };
        Sample {
            reading,
            values: Values::default(),
            missed_before,
        }
    }

    #[test]
    fn gaps_that_nobody_accounts_for_are_lost() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.note(&sample(0, 0)), 0);
        assert_eq!(sequence.note(&sample(1, 0)), 0);
        assert_eq!(sequence.note(&sample(1, 0)), 0, "a repetition is no gap");
        assert_eq!(sequence.note(&sample(5, 3)), 0, "the producer has said so");
        assert_eq!(sequence.note(&sample(9, 1)), 2);
        assert_eq!(sequence.lost, 2);
    }

    #[test]
    fn a_consumer_that_starts_in_the_middle_claims_no_gap() {
        assert_eq!(Sequence::default().note(&sample(70, 0)), 0);
    }
}
