//! Members of a group: each record is stored once, whoever comes and goes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bus::{Bus, GroupEvent, GroupReader, Start, TopicSettings};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    common::{of_uid, sample, soon},
    server::{self, how},
};

/// What a database would hold: for each partition the offset expected next, and the offsets of
/// all rows.
#[derive(Default)]
struct Store(Mutex<HashMap<i32, (i64, Vec<i64>)>>);

impl Store {
    fn next(&self, partition: i32) -> i64 {
        self.0.lock().unwrap().entry(partition).or_default().0
    }

    /// Whether it was stored: not if somebody else has stored it, or stores before it.
    fn insert(&self, partition: i32, offset: i64) -> bool {
        let mut rows = self.0.lock().unwrap();
        let (next, offsets) = rows.entry(partition).or_default();
        let fits = *next == offset;
        if fits {
            *next = offset + 1;
            offsets.push(offset);
        }
        fits
    }

    fn len(&self) -> usize {
        let rows = self.0.lock().unwrap();
        rows.values().map(|(_, offsets)| offsets.len()).sum()
    }
}

/// A member that stores what it reads until it is told to go. Returns how many rows were fenced.
fn member(bus: &Bus, topic: &str, store: &Arc<Store>) -> (oneshot::Sender<()>, JoinHandle<usize>) {
    let reader = bus.group_reader("test", &[topic]).unwrap();
    let (topic, store) = (topic.to_owned(), Arc::clone(store));
    let (go, mut going) = oneshot::channel();
    let work = tokio::spawn(async move {
        let mut fenced = 0;
        loop {
            tokio::select! {
                event = reader.recv_batch(50) => fenced += serve(&reader, &topic, &store, event.unwrap()),
                _ = &mut going => return fenced,
            }
        }
    });
    (go, work)
}

fn serve(reader: &GroupReader, topic: &str, store: &Store, event: GroupEvent) -> usize {
    let mut fenced = 0;
    match event {
        GroupEvent::Assigned(partitions) => {
            for (_, partition) in partitions {
                let start = Start::Offset(store.next(partition));
                reader.begin(topic, partition, start).unwrap();
            }
        }
        GroupEvent::Records(batch) => {
            let mut ends = BTreeMap::new();
            for record in batch {
                if !store.insert(record.partition, record.offset) {
                    fenced += 1;
                }
                ends.insert(record.partition, record.offset + 1);
            }
            for (partition, next) in ends {
                reader.commit(topic, partition, next);
            }
        }
        GroupEvent::Revoked(_) => {}
    }
    fenced
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(
            start.elapsed() < crate::common::LONG,
            "{what} took too long"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_and_go_and_nothing_is_lost_or_stored_twice() {
    let Some(bus) = server::bus(&how()) else {
        return;
    };
    let topics = soon("create_shared", bus.create_shared()).await.unwrap();
    let topic = topics.resource.clone();
    let publisher = bus.publisher().unwrap();
    let sending = tokio::spawn({
        let topic = topic.clone();
        async move {
            for seq in 0..3000u64 {
                let envelope = of_uid(u128::from(seq % 40), sample(seq));
                drop(publisher.enqueue(&topic, &envelope).await.unwrap());
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        }
    });
    let store = Arc::new(Store::default());
    let (first_goes, first) = member(&bus, &topic, &store);
    until("the first member", || store.len() > 300).await;
    let (_second_goes, second) = member(&bus, &topic, &store);
    until("the second member", || store.len() > 1500).await;
    drop(first_goes);
    let fenced = soon("the first member's end", first).await.unwrap();
    soon("sending", sending).await.unwrap();
    until("the rest", || store.len() == 3000).await;
    for (partition, (next, offsets)) in &*store.0.lock().unwrap() {
        assert!(
            offsets.iter().copied().eq(0..*next),
            "partition {partition}"
        );
    }
    println!("{fenced} rows of the first member were fenced");
    second.abort();
}

/// Serves until a member has so many partitions; nothing is begun.
async fn assigned(reader: &GroupReader, count: usize) -> Vec<(Arc<str>, i32)> {
    let mut ours = Vec::new();
    while ours.len() != count {
        match soon("recv_batch", reader.recv_batch(9)).await.unwrap() {
            GroupEvent::Assigned(more) => ours.extend(more),
            GroupEvent::Revoked(less) => ours.retain(|partition| !less.contains(partition)),
            GroupEvent::Records(batch) => panic!("nothing was begun: {batch:?}"),
        }
    }
    ours
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_read_before_it_is_begun_or_while_it_is_paused() {
    let how = TopicSettings {
        partitions: 2,
        ..how()
    };
    let Some(bus) = server::bus(&how) else { return };
    let topics = soon("create_shared", bus.create_shared()).await.unwrap();
    let (topic, publisher) = (topics.resource.as_str(), bus.publisher().unwrap());
    for seq in 0..40 {
        let envelope = of_uid(u128::from(seq), sample(seq));
        publisher.publish(topic, &envelope).await.unwrap();
    }
    let reader = bus.group_reader("test", &[topic]).unwrap();
    let ours = assigned(&reader, 2).await;
    let nothing = tokio::time::timeout(Duration::from_secs(2), reader.recv_batch(9)).await;
    assert!(nothing.is_err(), "{nothing:?}");

    assert!(
        !reader.begin(topic, 7, Start::Earliest).unwrap(),
        "not ours"
    );
    assert!(reader.begin(topic, 1, Start::Offset(3)).unwrap());
    assert!(
        !reader.begin(topic, 1, Start::Offset(4)).unwrap(),
        "begun already"
    );
    let GroupEvent::Records(batch) = soon("recv_batch", reader.recv_batch(1)).await.unwrap() else {
        panic!("a record was expected");
    };
    assert_eq!((batch[0].partition, batch[0].offset), (1, 3));

    reader.pause(&ours).unwrap();
    // What was on its way may come, in order; then nothing does, and the group is kept.
    let mut next = 4;
    while let Ok(event) = tokio::time::timeout(Duration::from_secs(2), reader.recv_batch(1)).await {
        let GroupEvent::Records(batch) = event.unwrap() else {
            panic!("the group was left");
        };
        assert_eq!(batch[0].offset, next);
        next += 1;
    }
    let end = bus.end_offsets(topic).await.unwrap()[1];
    let late = (0u64..99).find(|n| {
        bus::partition_of(model::OrderUid(uuid::Uuid::from_u128(u128::from(*n))), 2) == 1
    });
    let late = of_uid(u128::from(late.unwrap()), sample(99));
    publisher.publish(topic, &late).await.unwrap();
    let nothing = tokio::time::timeout(Duration::from_secs(1), reader.recv_batch(9)).await;
    assert!(nothing.is_err(), "{nothing:?}");
    reader.resume(&ours).unwrap();
    while next <= end {
        let event = soon("recv_batch", reader.recv_batch(9)).await.unwrap();
        let GroupEvent::Records(batch) = event else {
            panic!("the group was left");
        };
        for record in batch {
            assert_eq!((record.partition, record.offset), (1, next));
            next += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_can_be_seen() {
    let how = TopicSettings {
        partitions: 1,
        ..how()
    };
    let Some(bus) = server::bus(&how) else { return };
    let topics = soon("create_shared", bus.create_shared()).await.unwrap();
    let topic = topics.resource.as_str();
    let publisher = bus.publisher().unwrap();
    publisher.publish(topic, &sample(0)).await.unwrap();
    let reader = bus.group_reader("test", &[topic]).unwrap();
    assigned(&reader, 1).await;
    reader.begin(topic, 0, Start::Earliest).unwrap();
    soon("recv_batch", reader.recv_batch(1)).await.unwrap();
    reader.commit(topic, 0, 1);
    let group = format!("{}podometer-test", how.prefix);
    until("the offset", || committed(&group, topic) == Some(1)).await;
}

/// What a lag tool sees.
fn committed(group: &str, topic: &str) -> Option<i64> {
    use rdkafka::{
        ClientConfig, Offset, TopicPartitionList,
        consumer::{BaseConsumer, Consumer},
    };
    let tool: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", server::servers()?)
        .set("group.id", group)
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, 0);
    let found = tool.committed_offsets(list, Duration::from_secs(10)).ok()?;
    match found.elements()[0].offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    }
}
