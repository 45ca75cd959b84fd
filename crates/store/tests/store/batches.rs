//! Batches of many orders and logs, and what can be wrong with them.

use model::{Attempt, Reading, Resource, Sample, Status, Timestamp, Values};
use proptest::{
    collection::vec, option, prelude::*, strategy::ValueTree as _, test_runner::TestRunner,
};
use store::{Advance, Batch, Ingested, Item, Log};

use crate::given::*;

/// A batch of the samples of two orders, read from two partitions of a shared topic.
fn shared(expected: [i64; 2]) -> Batch {
    let log = |partition| Log {
        bus: "cluster".to_owned(),
        topic: "shared-resource".to_owned(),
        partition,
        generation: "topic-1".to_owned(),
    };
    let advance = |n: usize| Advance {
        log: log(n as i32),
        expected: expected[n],
        next: expected[n] + 5,
    };
    let mut items: Vec<_> = (0..5)
        .map(|seq| sample(key(1, 0, 1), "resize", seq))
        .collect();
    items.extend((0..5).map(|seq| sample(key(2, 0, 1), "segment", seq)));
    Batch {
        advances: vec![advance(0), advance(1)],
        orders: [(uid(1), id("leaf-1")), (uid(2), id("leaf-2"))].into(),
        items,
    }
}

on_both! {
async fn many_orders_and_logs_are_one_transaction(given) {
    let store = &given.store;
    assert_eq!(store.ingest(&shared([0, 0])).await.unwrap(), stored(10, 0));
    let one_is_late = store.ingest(&shared([5, 0])).await.unwrap();
    assert_eq!(one_is_late, Ingested::Fenced { logs: vec![(1, 5)] });
    assert_eq!(store.ingest(&shared([5, 5])).await.unwrap(), stored(0, 10));
    let mut logs: Vec<_> = shared([0, 0]).advances.into_iter().map(|a| a.log).collect();
    "topic-2".clone_into(&mut logs[1].generation);
    assert_eq!(store.offsets(&logs).await.unwrap(), [Some(10), None]);
}

async fn an_order_that_nobody_registered_becomes_known(given) {
    let store = &given.store;
    store.register(order("leaf-1", 7)).await.unwrap();
    store.ingest(&shared([0, 0])).await.unwrap();
    let row = store.order_by_uid(uid(1)).await.unwrap().unwrap();
    assert_eq!(row.name, id("leaf-1-2"), "the id is another execution's");
    assert_eq!((row.launcher, row.tasks, row.status), (None, None, Status::Running));
    // 2024-07-24, as its uid says.
    assert_eq!(row.created_at.to_string(), "2024-07-24T02:44:14.976000Z");
    assert_eq!(store.register(order("leaf-1", 1)).await.unwrap(), id("leaf-1-2"));
    let row = store.order_by_uid(uid(1)).await.unwrap().unwrap();
    assert_eq!((row.tasks, row.created_at), (Some(2), at(0)));
    assert_eq!(store.sample_count(uid(1)).await.unwrap(), 5);
}

async fn what_comes_twice_is_stored_once(given) {
    let given = given.with_order().await;
    let items = |seqs: &[u64]| -> Vec<Item> {
        seqs.iter().map(|seq| sample(key(1, 0, 1), "resize", *seq)).collect()
    };
    let within = given.store.ingest(&batch(1, 0, items(&[0, 1, 1, 2, 0]))).await.unwrap();
    assert_eq!(within, stored(3, 2));
    let across = given.store.ingest(&batch(1, 5, items(&[2, 3, 4]))).await.unwrap();
    assert_eq!(across, stored(2, 1));
    let all = given.store.ingest(&batch(1, 8, items(&[0, 1, 2]))).await.unwrap();
    assert_eq!(all, stored(0, 3));
    assert_eq!(given.store.sample_count(uid(1)).await.unwrap(), 5);
}

async fn what_no_database_can_hold_is_refused_and_the_rest_stored(given) {
    let given = given.with_order().await;
    let taken = |us: i64| {
        let mut item = sample(key(1, 0, 1), "resize", 1);
        if let Item::Sample { sample, .. } = &mut item {
            sample.reading.time_us = Timestamp(us);
        }
        item
    };
    let mut far = key(1, 0, 1);
    far.attempt = Attempt(u32::MAX);
    let items = vec![
        sample(key(1, 0, 1), "resize", 0),
        taken(-1),
        taken(i64::MAX),
        sample(far, "resize", 2),
        sample(key(9, 0, 1), "resize", 3),
        sample(key(1, 0, 1), "resize", 4),
    ];
    let Ingested::Stored { samples: 2, duplicates: 0, refused } =
        given.store.ingest(&batch(1, 0, items)).await.unwrap()
    else {
        panic!("two are good");
    };
    let lines: Vec<_> = refused.iter().map(|(n, why)| format!("{n}: {why}")).collect();
    let text = lines.join("\n");
    insta::allow_duplicates! { insta::assert_snapshot!(text, @r"
    1: its time, -1 microseconds since 1970, is outside of the years 1970 to 9999
    2: its time, 9223372036854775807 microseconds since 1970, is outside of the years 1970 to 9999
    3: its attempt 4294967295 is past 2147483647
    4: the batch doesn't say the id of its execution 0190e2a0-0000-7000-8000-000000000009
    ") };
    assert_eq!(offset(&given.store, 1).await, Some(6));
}

async fn gaps_count_whatever_producers_say(given) {
    let given = given.with_order().await;
    let mut items = whole_run(key(1, 0, 1), "resize");
    items.retain(|item| !matches!(item, Item::Sample { sample, .. } if sample.reading.seq == 2));
    for item in &mut items {
        match item {
            // One that began anew counts too few samples and too many gaps.
            Item::Run { run, .. } => (run.quality.samples, run.quality.missed_samples) = (2, 30),
            Item::Sample { sample, .. } if sample.reading.seq == 3 => sample.missed_before = 4,
            Item::Sample { .. } | Item::Status { .. } => {}
        }
    }
    ingest(&given.store, 1, items).await;
    let quality = |runs: Vec<store::RunRow>| (runs[0].quality.samples, runs[0].quality.missed_samples);
    assert_eq!(quality(given.store.runs(&id("leaf-1")).await.unwrap()), (4, 1));
    // It was only late.
    ingest(&given.store, 1, vec![sample(key(1, 0, 1), "resize", 2)]).await;
    assert_eq!(quality(given.store.runs(&id("leaf-1")).await.unwrap()), (5, 0));
}

async fn an_order_that_another_store_deleted_is_not_written_to_blindly(given) {
    let given = given.with_order().await;
    ingest(&given.store, 1, whole_run(key(1, 0, 1), "resize")).await;
    let other = given.another().await;
    other.set_status(uid(1), Status::Succeeded, None, at(9)).await.unwrap();
    assert!(other.delete(&id("leaf-1")).await.unwrap());
    let late = given.store.ingest(&batch(1, 7, vec![])).await.unwrap();
    assert_eq!(late, Ingested::Fenced { logs: vec![(0, -1)] });
    // Read from a shared topic it is a new order, whose samples can be found and deleted.
    ingest(&given.store, 1, vec![sample(key(1, 0, 1), "resize", 9)]).await;
    other.delete_older_than(at(1000)).await.unwrap();
    assert_eq!(given.store.sample_count(uid(1)).await.unwrap(), 1);
    let orphans = "select count(*) from sample_wide where order_id not in (select id from orders)";
    assert_eq!(given.rows(orphans).await, "0\n");
}

async fn texts_of_any_kind_come_back(given) {
    let given = given.with_order().await;
    let mut items = whole_run(key(1, 0, 1), "resize");
    let text = "a\u{0}b 'quoted' \\ \u{1F345}\n";
    if let Some(Item::Run { run, .. }) = items.last_mut() {
        run.output = Some(text.to_owned());
    }
    ingest(&given.store, 1, items).await;
    let runs = given.store.runs(&id("leaf-1")).await.unwrap();
    let expected = if given.is_server() { text.replace('\0', "\u{FFFD}") } else { text.to_owned() };
    assert_eq!(runs[0].output, Some(expected));
}

async fn any_sample_comes_back_as_it_was(given) {
    let given = given.with_order().await;
    let values = vec(option::of(any::<f64>()), Resource::COUNT);
    let flags = (any::<bool>(), any::<bool>(), 0..=i32::MAX as u64);
    let taken = (0..253_402_300_800_000_000i64, 0..=i64::MAX as u64);
    let samples = vec((values, flags, taken), 1..60);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(1));
    for round in 0..12 {
        let tree = samples.new_tree(&mut runner).unwrap();
        let mut sent: Vec<_> = tree.current().into_iter().map(one).collect();
        let of = key(1, round, 1);
        let items = sent.iter().map(|sample| Item::Sample {
            key: of,
            task: task("resize"),
            sample: Box::new(*sample),
        });
        ingest(&given.store, 1, items.collect()).await;
        sent.sort_by_key(|s| (s.reading.seq, s.reading.time_us));
        let back = given.store.samples(&id("leaf-1"), of.position, of.attempt).await.unwrap();
        let mut back: Vec<_> = back.into_iter().collect();
        back.sort_by_key(|s| (s.seq, s.time));
        assert_eq!(back.len(), sent.len());
        for (sent, back) in sent.iter().zip(&back) {
            let reading = &sent.reading;
            assert_eq!((back.time, back.seq), (reading.time_us, reading.seq));
            assert_eq!(back.flags.cpu_lower_bound, reading.cpu_lower_bound);
            assert_eq!(back.flags.is_final, reading.is_final);
            assert_eq!(back.flags.missed_before, sent.missed_before);
            assert_eq!(back.values, sent.values);
        }
    }
}
}

type Parts = (Vec<Option<f64>>, (bool, bool, u64), (i64, u64));

fn one((numbers, (cpu_lower_bound, is_final, missed_before), (time, seq)): Parts) -> Sample {
    let mut values = Values::default();
    for (resource, number) in Resource::ALL.iter().zip(numbers) {
        values.set(*resource, number);
    }
    Sample {
        reading: Reading {
            seq,
            time_us: Timestamp(time),
            cpu_lower_bound,
            is_final,
            ..Reading::default()
        },
        values,
        missed_before,
    }
}
