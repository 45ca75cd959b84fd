//! What is published arrives as it was, in order, whenever the reader came.

mod common;

use std::collections::HashMap;

use bus::{Bus, Event, RunnerProducer, Start};
use common::{
    LONG, backlog, embedded, every_kind, halt, message, order, progress, recv, sample, soon,
};
use model::{Envelope, Message, OrderTopics};
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{Consumer, StreamConsumer},
    message::Headers,
};

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_comes_back() {
    let (bus, topics) = embedded("leaf-1").await;
    let (publisher, reader) = (bus.publisher().unwrap(), bus.reader("test").unwrap());
    reader.add(&topics.task, Start::Earliest).unwrap();
    for envelope in every_kind() {
        soon("publish", publisher.publish(&topics.task, &envelope))
            .await
            .unwrap();
        assert_eq!(message(&reader).await, envelope);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_carry_the_identity() {
    let (bus, topics) = embedded("leaf-1").await;
    let publisher = bus.publisher().unwrap();
    soon("publish", publisher.publish(&topics.task, &halt(4)))
        .await
        .unwrap();

    // Seen by a client that isn't ours.
    let plain: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", bus.address(&topics).bootstrap_servers)
        .set("group.id", "plain")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&topics.task, 0, Offset::Beginning)
        .unwrap();
    plain.assign(&list).unwrap();
    let record = soon("a plain client's recv", plain.recv()).await.unwrap();
    let headers: HashMap<String, String> = record
        .headers()
        .unwrap()
        .iter()
        .map(|h| {
            (
                h.key.to_owned(),
                String::from_utf8(h.value.unwrap().to_vec()).unwrap(),
            )
        })
        .collect();
    assert_eq!(record.key(), Some("HALT".as_bytes()));
    let expected = [
        ("order", "leaf-1"),
        ("order_uid", "00000000-0000-0000-0000-000000000007"),
        ("position", "3"),
        ("attempt", "2"),
        ("task", "resize"),
    ];
    let expected = expected.map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(headers, HashMap::from(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_keeps_its_order() {
    let (bus, topics) = embedded("leaf-1").await;
    let reader = bus.reader("test").unwrap();
    reader.add(&topics.task, Start::Earliest).unwrap();
    reader.add(&topics.orchestrator, Start::Earliest).unwrap();
    let mut sent = vec![order()];
    sent.extend((0..20).map(|n| backlog(n * 100, 100)));
    sent.push(halt(2000));

    let (address, to_send, task) = (bus.address(&topics), sent.clone(), topics.task.clone());
    let orchestrator = topics.orchestrator.clone();
    let runner = tokio::task::spawn_blocking(move || {
        let runner = RunnerProducer::connect(&address).unwrap();
        for envelope in &to_send {
            runner.send(&task, envelope).unwrap();
            runner.poll();
        }
        runner.send(&orchestrator, &progress("out")).unwrap();
        assert!(runner.undelivered() <= to_send.len() + 1);
        assert_eq!(runner.flush(LONG), 0);
        assert_eq!(runner.undelivered(), 0);
    });
    let mut seen = Vec::new();
    while seen.len() <= sent.len() {
        seen.push(message(&reader).await);
    }
    let of_task = |e: &Envelope| !matches!(e.message, Message::Progress(_));
    let seen: Vec<_> = seen.into_iter().filter(of_task).collect();
    assert_eq!(seen, sent);
    runner.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_reader_sees_all() {
    let (bus, topics) = embedded("leaf-1").await;
    let publisher = bus.publisher().unwrap();
    let early = bus.reader("early").unwrap();
    early.add(&topics.task, Start::Earliest).unwrap();
    for seq in 0..50 {
        soon("publish", publisher.publish(&topics.task, &halt(seq)))
            .await
            .unwrap();
    }
    let late = bus.reader("late").unwrap();
    late.add(&topics.task, Start::Earliest).unwrap();
    let middle = bus.reader("middle").unwrap();
    middle.add(&topics.task, Start::Offset(30)).unwrap();
    let astray = bus.reader("astray").unwrap();
    astray.add(&topics.task, Start::Offset(1000)).unwrap();
    for (reader, first) in [(&early, 0), (&late, 0), (&middle, 30), (&astray, 0)] {
        for seq in first..50 {
            let incoming = recv(reader).await;
            assert_eq!(incoming.offset, seq as i64);
            assert!(matches!(incoming.event, Event::Message(e) if e == halt(seq)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_topic_is_silent_and_can_come_again() {
    let (bus, topics) = embedded("leaf-1").await;
    let (publisher, reader) = (bus.publisher().unwrap(), bus.reader("test").unwrap());
    for topic in [&topics.task, &topics.resource] {
        reader.add(topic, Start::Earliest).unwrap();
        reader.add(topic, Start::Earliest).unwrap();
    }
    soon("publish", publisher.publish(&topics.task, &halt(0)))
        .await
        .unwrap();
    assert_eq!(message(&reader).await, halt(0));
    reader.remove(&topics.task);
    soon("publish", publisher.publish(&topics.task, &halt(1)))
        .await
        .unwrap();
    soon("publish", publisher.publish(&topics.resource, &sample(0)))
        .await
        .unwrap();
    assert_eq!(message(&reader).await, sample(0));
    reader.add(&topics.task, Start::Offset(1)).unwrap();
    assert_eq!(message(&reader).await, halt(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_recv_loses_nothing() {
    let (bus, topics) = embedded("leaf-1").await;
    let (publisher, reader) = (bus.publisher().unwrap(), bus.reader("test").unwrap());
    reader.add(&topics.resource, Start::Earliest).unwrap();
    let sending = tokio::spawn({
        let topic = topics.resource.clone();
        async move {
            for seq in 0..300 {
                publisher.publish(&topic, &sample(seq)).await.unwrap();
            }
        }
    });
    let mut seen = Vec::new();
    let mut cancelled = 0;
    soon("300 samples", async {
        while seen.len() < 300 {
            let wait = std::time::Duration::from_micros(seen.len() as u64 * 37 % 700);
            match tokio::time::timeout(wait, reader.recv()).await {
                Ok(incoming) => seen.push(incoming.unwrap().offset),
                Err(_) => cancelled += 1,
            }
        }
    })
    .await;
    assert_eq!(seen, (0..300).collect::<Vec<_>>());
    assert!(cancelled > 0);
    sending.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_orders_share_one_broker() {
    let bus = Bus::embedded().unwrap();
    let (publisher, reader) = (bus.publisher().unwrap(), bus.reader("test").unwrap());
    let before = bus.topics_used();
    let orders: Vec<OrderTopics> = (0..100)
        .map(|n| OrderTopics::own("p-", &format!("order-{n}").parse().unwrap()))
        .collect();
    for topics in &orders {
        soon("create_topics", bus.create_topics(topics))
            .await
            .unwrap();
        soon("create_topics again", bus.create_topics(topics))
            .await
            .unwrap();
        reader.add(&topics.task, Start::Earliest).unwrap();
        reader.add(&topics.resource, Start::Earliest).unwrap();
    }
    assert_eq!(bus.topics_used() - before, 202);
    for (n, topics) in orders.iter().enumerate() {
        for envelope in [order(), halt(n as u64)] {
            drop(publisher.enqueue(&topics.task, &envelope).await.unwrap());
        }
        let sample = sample(n as u64);
        drop(publisher.enqueue(&topics.resource, &sample).await.unwrap());
    }
    let mut seen: HashMap<String, Vec<Envelope>> = HashMap::new();
    for _ in 0..300 {
        let incoming = recv(&reader).await;
        if let Event::Message(envelope) = incoming.event {
            seen.entry(incoming.topic.to_string())
                .or_default()
                .push(envelope);
        }
    }
    for (n, topics) in orders.iter().enumerate() {
        assert_eq!(seen[&topics.task], [order(), halt(n as u64)]);
        assert_eq!(seen[&topics.resource], [sample(n as u64)]);
    }
}
