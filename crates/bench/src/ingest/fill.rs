//! Fills the shared resource topic with samples, as fast as the broker takes them.

use std::{collections::VecDeque, time::Duration};

use anyhow::Result;
use bus::{Bus, Delivery};
use model::{
    Attempt, AttemptKey, Envelope, Message, OrderId, OrderTopics, OrderUid, Position, Reading,
    Resource, Sample, TaskName, Timestamp, Values,
    message::Header,
    reading::{Counters, Gauges},
};
use uuid::Uuid;

/// Values of a sample: what a process tree on a laptop has.
pub(crate) const VALUES: usize = 14;
/// How many deliveries are waited for at a time.
const IN_FLIGHT: usize = 10_000;

/// An order that samples are made up for.
#[derive(Debug, Clone)]
pub(crate) struct Orders {
    pub(crate) all: Vec<(OrderId, OrderUid)>,
    task: TaskName,
    next: u64,
    begin_us: i64,
}

impl Orders {
    /// So many new ones.
    pub(crate) fn new(tag: &str, count: usize) -> Result<Self> {
        let name = |n: usize| Ok((format!("{tag}-{n}").parse()?, OrderUid(Uuid::now_v7())));
        Ok(Self {
            all: (0..count).map(name).collect::<Result<_>>()?,
            task: "load".parse()?,
            next: 0,
            begin_us: now_us(),
        })
    }

    /// The next sample: each order in its turn.
    pub(crate) fn envelope(&mut self, at_us: Option<i64>) -> Envelope {
        let count = self.all.len() as u64;
        let (order, uid) = &self.all[(self.next % count) as usize];
        let seq = self.next / count;
        self.next += 1;
        let key = AttemptKey {
            order_uid: *uid,
            position: Position(0),
            attempt: Attempt(1),
        };
        let time = at_us.unwrap_or(self.begin_us + seq as i64 * 1000);
        Envelope {
            header: Header::attempt(order.clone(), key, self.task.clone()),
            message: Message::Sample(Box::new(sample(seq, time))),
        }
    }

    /// Publishes so many samples.
    pub(crate) async fn publish(
        &mut self,
        bus: &Bus,
        topics: &OrderTopics,
        samples: u64,
    ) -> Result<()> {
        let publisher = bus.publisher()?;
        let mut flying: VecDeque<Delivery> = VecDeque::with_capacity(IN_FLIGHT);
        for _ in 0..samples {
            if flying.len() >= IN_FLIGHT
                && let Some(first) = flying.pop_front()
            {
                first.await?;
            }
            let envelope = self.envelope(None);
            flying.push_back(publisher.enqueue(&topics.resource, &envelope).await?);
        }
        for delivery in flying {
            delivery.await?;
        }
        Ok(())
    }

    /// Publishes so many samples a second for some seconds, each with the time at which it is sent.
    pub(crate) async fn trickle(
        &mut self,
        bus: &Bus,
        topics: &OrderTopics,
        a_second: u64,
        seconds: u64,
    ) -> Result<()> {
        let publisher = bus.publisher()?;
        let mut ticks = tokio::time::interval(Duration::from_micros(1_000_000 / a_second));
        for _ in 0..a_second * seconds {
            ticks.tick().await;
            let envelope = self.envelope(Some(now_us()));
            drop(publisher.enqueue(&topics.resource, &envelope).await?);
        }
        Ok(())
    }
}

pub(crate) fn now_us() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap_or_default().as_micros() as i64
}

fn sample(seq: u64, time_us: i64) -> Sample {
    let mut values = Values::default();
    for (place, resource) in Resource::ALL
        .iter()
        .filter(|r| is_measured(**r))
        .enumerate()
    {
        values.set(*resource, Some((seq % 997) as f64 * 1.737 + place as f64));
    }
    let n = Some(seq * 1_000_003);
    Sample {
        reading: Reading {
            seq,
            time_us: Timestamp(time_us),
            step_us: 1000,
            counters: Counters {
                cpu_usage_nsec: n,
                cpu_user_nsec: n,
                cpu_system_nsec: n,
                io_read_bytes: n,
                io_write_bytes: n,
                read_chars: n,
                write_chars: n,
                major_faults: Some(0),
                monitor_cpu_nsec: n,
                ..Counters::default()
            },
            gauges: Gauges {
                memory_bytes: n,
                memory_anon_bytes: n,
                memory_file_bytes: n,
                swap_bytes: Some(0),
                processes: Some(2),
                threads: Some(9),
                monitor_memory_bytes: Some(8_000_000),
                ..Gauges::default()
            },
            ..Reading::default()
        },
        values,
        missed_before: 0,
    }
}

/// Neither quota nor network nor pressure.
fn is_measured(resource: Resource) -> bool {
    !matches!(
        resource,
        Resource::CpuThrottled
            | Resource::NetRx
            | Resource::NetTx
            | Resource::CpuPressure
            | Resource::MemoryPressure
            | Resource::IoPressure
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_its_values() {
        assert_eq!(sample(5, 0).values.iter().count(), VALUES);
    }
}
