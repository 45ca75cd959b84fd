//! What is published faster than it is stored.

mod common;

use std::time::Duration;

use bus::{Event, Reader, Start};
use common::{backlog, embedded, recv, soon};
use model::{Envelope, Message};

/// About 10 KB.
fn bulk(seq: u64) -> Envelope {
    backlog(seq, 110)
}

async fn read(reader: &Reader, topic: &str, count: u64, pause: Duration) {
    for seq in 0..count {
        let incoming = recv(reader).await;
        assert_eq!(incoming.offset, seq as i64);
        let Event::Message(Envelope {
            message: Message::Backlog(body),
            ..
        }) = incoming.event
        else {
            panic!("not what was sent");
        };
        assert_eq!(body.readings[0].seq, seq);
        if seq % 50 == 49 {
            tokio::time::sleep(pause).await;
            reader.stored(topic, incoming.partition, incoming.offset + 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_loses_nothing() {
    let (bus, topics) = embedded("leaf-1").await;
    let (publisher, reader) = (bus.publisher().unwrap(), bus.reader("test").unwrap());
    reader.add(&topics.resource, Start::Earliest).unwrap();
    let size = bulk(0).encode().unwrap().value.len() as u64;
    let count = (20 << 20) / size / 50 * 50 + 50;
    let topic = topics.resource.clone();
    let sending = tokio::spawn(async move {
        let mut deliveries = Vec::new();
        for seq in 0..count {
            deliveries.push(publisher.enqueue(&topic, &bulk(seq)).await.unwrap());
        }
        for delivery in deliveries {
            delivery.await.unwrap();
        }
    });
    read(&reader, &topics.resource, count, Duration::from_millis(20)).await;
    soon("publishing", sending).await.unwrap();
}

/// Publishes 8 MB onto a topic that nobody stores; ready when the broker has it all.
#[allow(clippy::unwrap_used, reason = "part of tests")]
async fn eight_megabytes(bus: &bus::Bus, topic: &str) -> tokio::task::JoinHandle<()> {
    let publisher = bus.publisher().unwrap();
    let topic = topic.to_owned();
    let sending = tokio::spawn(async move {
        for seq in 0..800 {
            publisher.publish(&topic, &bulk(seq)).await.unwrap();
        }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!sending.is_finished(), "it should wait for the reader");
    sending
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_reader_holds_nobody_up() {
    let (bus, topics) = embedded("leaf-1").await;
    let reader = bus.reader("test").unwrap();
    reader.add(&topics.resource, Start::Earliest).unwrap();
    let sending = eight_megabytes(&bus, &topics.resource).await;
    drop(reader);
    soon("publishing", sending).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_topic_holds_nobody_up() {
    let (bus, topics) = embedded("leaf-1").await;
    let reader = bus.reader("test").unwrap();
    reader.add(&topics.resource, Start::Earliest).unwrap();
    let sending = eight_megabytes(&bus, &topics.resource).await;
    reader.remove(&topics.resource);
    soon("publishing", sending).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_topic_holds_nobody_up() {
    let (bus, topics) = embedded("leaf-1").await;
    let sending = eight_megabytes(&bus, &topics.resource).await;
    bus.close_topic(&topics.resource);
    soon("publishing", sending).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_dropped_is_skipped() {
    let (bus, topics) = embedded("leaf-1").await;
    let publisher = bus.publisher().unwrap();
    // The task topic isn't controlled: nothing holds 12 MB up, and the broker keeps 5.
    for seq in 0..1200 {
        soon("publish", publisher.publish(&topics.task, &bulk(seq)))
            .await
            .unwrap();
    }
    let reader = bus.reader("test").unwrap();
    reader.add(&topics.task, Start::Earliest).unwrap();
    let first = recv(&reader).await.offset;
    assert!(first > 0, "{first}");
    for offset in first + 1..1200 {
        assert_eq!(recv(&reader).await.offset, offset);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_ends_says_so() {
    let (bus, topics) = embedded("leaf-1").await;
    let publisher = bus.publisher().unwrap();
    let mut deliveries = Vec::new();
    for seq in 0..400 {
        let delivery = publisher.enqueue(&topics.resource, &bulk(seq)).await;
        deliveries.push(delivery.unwrap());
    }
    drop((publisher, bus));
    let mut failed = 0;
    for delivery in deliveries {
        failed += usize::from(soon("delivery", delivery).await.is_err());
    }
    assert!(failed > 0);
}
