//! Two consumers that read the same topic, fall back, overtake and get in each other's way.

use std::collections::BTreeMap;

use model::{Reason, Resource, Values};
use proptest::{collection::vec, prelude::*, sample::Index};
use store::{Ingested, Item, Store};

use crate::given::*;

/// What a consumer does next.
#[derive(Debug, Clone)]
enum Step {
    /// Reads so many records and stores them.
    Read { second: bool, records: usize },
    /// Begins again somewhere before, as after a restart with an old offset.
    FallBack { second: bool, to: Index },
    /// Dies and is started anew.
    Restart { second: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (any::<bool>(), 0usize..200)
            .prop_map(|(second, records)| Step::Read { second, records }),
        1 => (any::<bool>(), any::<Index>()).prop_map(|(second, to)| Step::FallBack { second, to }),
        1 => any::<bool>().prop_map(|second| Step::Restart { second }),
    ];
    vec(step, 0..40)
}

/// Numbers with all kinds of bits.
fn value(seq: u64) -> f64 {
    let any = f64::from_bits(seq.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    if any.is_finite() { any } else { seq as f64 }
}

/// A topic's records: the samples of two attempts, some of them twice, then their ends.
fn topic(sent: &[(bool, u64)]) -> Vec<Item> {
    let attempts = [key(1, 0, 1), key(1, 1, 1)];
    let mut items = Vec::new();
    for (second, seq) in sent {
        let mut values = Values::default();
        // The same sample always says the same.
        values.set(Resource::Cpu, Some(value(*seq)));
        items.push(sample_of(
            attempts[usize::from(*second)],
            "resize",
            *seq,
            &values,
        ));
    }
    for attempt in attempts {
        items.push(run(attempt, "resize", ended(Reason::Completed, Some(0))));
        items.push(run(attempt, "resize", ended(Reason::Lost, None)));
    }
    items
}

struct Consumer {
    store: Store,
    cursor: usize,
    new: u64,
}

impl Consumer {
    async fn read(&mut self, topic: &[Item], records: usize) {
        let end = (self.cursor + records).min(topic.len());
        let items = topic[self.cursor..end].to_vec();
        match self
            .store
            .ingest(&batch(1, self.cursor as i64, items))
            .await
            .unwrap()
        {
            Ingested::Stored { samples, .. } => {
                self.new += samples;
                self.cursor = end;
            }
            Ingested::Fenced { logs } => self.cursor = logs[0].1.max(0) as usize,
        }
    }
}

async fn check(given: Given, sent: Vec<(bool, u64)>, steps: Vec<Step>) {
    let given = given.with_order().await;
    let topic = topic(&sent);
    let mut pair = Vec::new();
    for _ in 0..2 {
        let store = given.another().await;
        pair.push(Consumer {
            store,
            cursor: 0,
            new: 0,
        });
    }
    for step in steps {
        match step {
            Step::Read { second, records } => {
                pair[usize::from(second)].read(&topic, records).await;
            }
            Step::FallBack { second, to } => {
                let consumer = &mut pair[usize::from(second)];
                consumer.cursor = to.index(consumer.cursor + 1);
            }
            Step::Restart { second } => {
                let consumer = &mut pair[usize::from(second)];
                consumer.store = given.another().await;
                let offset = offset(&consumer.store, 1).await;
                consumer.cursor = offset.unwrap_or(0) as usize;
            }
        }
    }
    // To the end, both at once.
    let (first, second) = pair.split_at_mut(1);
    let drain = async |consumer: &mut Consumer| {
        while consumer.cursor < topic.len() {
            consumer.read(&topic, 37).await;
        }
    };
    tokio::join!(drain(&mut first[0]), drain(&mut second[0]));

    let mut expected: BTreeMap<(usize, u64), u64> = BTreeMap::new();
    for (second, seq) in &sent {
        expected.insert((usize::from(*second), *seq), value(*seq).to_bits());
    }
    let mut stored = BTreeMap::new();
    for (position, attempt) in [key(1, 0, 1), key(1, 1, 1)].iter().enumerate() {
        let name = id("leaf-1");
        for sample in given
            .store
            .samples(&name, attempt.position, attempt.attempt)
            .await
            .unwrap()
        {
            let bits = sample.values.get(Resource::Cpu).unwrap().to_bits();
            assert!(
                stored.insert((position, sample.seq), bits).is_none(),
                "stored twice"
            );
        }
    }
    assert_eq!(stored, expected);
    assert_eq!(pair[0].new + pair[1].new, expected.len() as u64);
    let offset = offset(&given.store, 1).await;
    assert_eq!(offset, Some(topic.len() as i64));
    for (position, run) in given
        .store
        .runs(&id("leaf-1"))
        .await
        .unwrap()
        .iter()
        .enumerate()
    {
        assert_eq!(
            (run.reason, run.totals.cpu_seconds),
            (Some(Reason::Completed), Some(2.5))
        );
        let count = expected.keys().filter(|k| k.0 == position).count() as u64;
        assert_eq!(run.statistics.stored_samples, Some(count));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_sample_is_stored_exactly_once(
        sent in vec((any::<bool>(), 0u64..300), 1..400),
        steps in steps(),
    ) {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            check(Given::file().await, sent, steps).await;
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn on_a_server_too_every_sample_is_stored_exactly_once(
        sent in vec((any::<bool>(), 0u64..300), 1..400),
        steps in steps(),
    ) {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            if let Some(given) = Given::server().await {
                check(given, sent, steps).await;
            }
        });
    }
}
