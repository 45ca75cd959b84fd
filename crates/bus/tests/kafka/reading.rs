//! Reading: in order, in batches, from where it should.

use std::time::Duration;

use bus::{Event, GroupEvent, RunnerProducer, Start, TopicSettings, partition_of};
use model::{OrderUid, attempt::BusAddress};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
};
use uuid::Uuid;

use crate::{
    common::{every_kind, halt, message, of_uid, recv, sample, soon},
    server::{self, how, with_order},
};

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_comes_back() {
    let Some((bus, topics)) = with_order().await else {
        return;
    };
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
async fn batches_come_in_order() {
    let Some((bus, topics)) = with_order().await else {
        return;
    };
    let publisher = bus.publisher().unwrap();
    let mut deliveries = Vec::new();
    for seq in 0..20_000 {
        let delivery = publisher.enqueue(&topics.resource, &sample(seq)).await;
        deliveries.push(delivery.unwrap());
    }
    for delivery in deliveries {
        soon("delivery", delivery).await.unwrap();
    }
    let reader = bus.reader("test").unwrap();
    reader.add(&topics.resource, Start::Earliest).unwrap();
    let mut next = 0;
    while next < 20_000 {
        let batch = soon("recv_batch", reader.recv_batch(700)).await.unwrap();
        assert!((1..=700).contains(&batch.len()));
        for incoming in batch {
            assert_eq!(incoming.offset, next);
            let Event::Message(envelope) = incoming.event else {
                panic!("no message: {incoming:?}")
            };
            assert_eq!(envelope, sample(next as u64));
            next += 1;
        }
    }
    let lag = reader.lag();
    assert_eq!((lag.len(), lag[0].next, lag[0].records()), (1, 20_000, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_has_one_partition_for_all() {
    let how = TopicSettings {
        partitions: 5,
        ..how()
    };
    let Some(bus) = server::bus(&how) else { return };
    let topics = soon("create_shared", bus.create_shared()).await.unwrap();
    // One that has made nothing asks.
    let other = server::bus(&how).unwrap();
    let publishers = [bus.publisher().unwrap(), other.publisher().unwrap()];
    let runner = RunnerProducer::connect(&bus.address(&topics)).unwrap();
    let reader = other.reader("test").unwrap();
    reader.add(&topics.task, Start::Earliest).unwrap();
    for uid in 0..12 {
        let envelope = of_uid(uid, halt(uid as u64));
        for publisher in &publishers {
            soon("publish", publisher.publish(&topics.task, &envelope))
                .await
                .unwrap();
        }
        runner.send(&topics.task, &envelope).unwrap();
        let left = tokio::task::block_in_place(|| runner.flush(Duration::from_secs(20)));
        assert_eq!(left, 0);
        for _ in 0..3 {
            let partition = recv(&reader).await.partition;
            let expected = partition_of(OrderUid(Uuid::from_u128(uid)), 5);
            assert_eq!(partition, expected, "order {uid}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_read_again_from_where_it_is_asked_for() {
    let Some((bus, topics)) = with_order().await else {
        return;
    };
    let publisher = bus.publisher().unwrap();
    let publish = async |seq| publisher.publish(&topics.task, &halt(seq)).await.unwrap();
    let reader = bus.reader("test").unwrap();
    for seq in 0..5 {
        publish(seq).await;
    }
    reader.add_at(&topics.task, &[1]).unwrap();
    for seq in 1..5 {
        assert_eq!(message(&reader).await, halt(seq));
    }
    reader.add_at(&topics.task, &[3]).unwrap();
    for seq in 3..5 {
        assert_eq!(message(&reader).await, halt(seq));
    }
    // It isn't past that.
    reader.add_at(&topics.task, &[9]).unwrap();
    publish(5).await;
    assert_eq!(message(&reader).await, halt(5));
    assert_eq!(reader.dropped(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_is_not_there_is_the_oldest() {
    let Some((bus, topics)) = with_order().await else {
        return;
    };
    let publisher = bus.publisher().unwrap();
    for seq in 0..3 {
        let sent = publisher.publish(&topics.task, &halt(seq)).await;
        sent.unwrap();
    }
    let reader = bus.reader("test").unwrap();
    reader.add(&topics.task, Start::Offset(900)).unwrap();
    for seq in 0..3 {
        assert_eq!(message(&reader).await, halt(seq));
    }
    let member = bus.group_reader("test", &[&topics.task]).unwrap();
    loop {
        match soon("recv_batch", member.recv_batch(9)).await.unwrap() {
            GroupEvent::Assigned(partitions) => {
                assert_eq!(partitions, [(topics.task.as_str().into(), 0)]);
                assert!(member.begin(&topics.task, 0, Start::Offset(901)).unwrap());
            }
            GroupEvent::Records(batch) => {
                assert_eq!(batch[0].offset, 0);
                return;
            }
            GroupEvent::Revoked(_) => panic!("nobody else is there"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_dropped_is_counted() {
    let Some((bus, topics)) = with_order().await else {
        return;
    };
    let publisher = bus.publisher().unwrap();
    for seq in 0..10 {
        let sent = publisher.publish(&topics.task, &halt(seq)).await;
        sent.unwrap();
    }
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", server::servers().unwrap())
        .create()
        .unwrap();
    let mut before = TopicPartitionList::new();
    before
        .add_partition_offset(&topics.task, 0, Offset::Offset(7))
        .unwrap();
    admin
        .delete_records(&before, &AdminOptions::new())
        .await
        .unwrap();
    let reader = bus.reader("test").unwrap();
    reader.add(&topics.task, Start::Offset(2)).unwrap();
    assert_eq!(message(&reader).await, halt(7));
    assert_eq!(reader.dropped(), 5);
    // A runner's address without partitions, as an older orchestrator writes it, is read.
    let text = serde_json::to_string(&bus.address(&topics)).unwrap();
    let back: BusAddress = serde_json::from_str(&text).unwrap();
    assert_eq!(back.topics, topics);
}
