//! Brokers that are killed: nothing is lost, nothing comes twice.

use std::time::{Duration, Instant};

use bus::{Bus, Delivery, Reader, Settings, Start};
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer},
};

use crate::{
    common::{recv, sample, soon},
    nodes::Cluster,
    server,
};

/// Reads offsets and sequence numbers 0 to `count`, each once and in order.
async fn all_came(reader: &Reader, count: u64) {
    let mut seen = Vec::new();
    for _ in 0..count {
        let incoming = recv(reader).await;
        let bus::Event::Message(envelope) = incoming.event else {
            panic!("no message");
        };
        let model::Message::Sample(sample) = envelope.message else {
            panic!("no sample");
        };
        seen.push(sample.reading.seq);
    }
    assert!(seen.iter().copied().eq(0..count), "{seen:?}");
    let more = tokio::time::timeout(Duration::from_secs(1), reader.recv()).await;
    assert!(more.is_err(), "something came twice: {more:?}");
}

async fn enqueue(bus: &Bus, topic: &str, seqs: std::ops::Range<u64>) -> Vec<Delivery> {
    let publisher = bus.publisher().unwrap();
    let mut deliveries = Vec::new();
    for seq in seqs {
        deliveries.push(publisher.enqueue(topic, &sample(seq)).await.unwrap());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    deliveries
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_and_comes_back_has_everything() {
    if server::servers().is_none() {
        return;
    }
    let mut cluster = Cluster::start(1, |_, _| Vec::new());
    let settings = Settings::new(&cluster.servers()).unwrap();
    let (bus, topics) = cluster.ready(&settings).await;
    let reader = bus.reader("test").unwrap();
    reader.add(&topics.resource, Start::Earliest).unwrap();
    let mut deliveries = enqueue(&bus, &topics.resource, 0..200).await;
    cluster.kill(0);
    deliveries.extend(enqueue(&bus, &topics.resource, 200..400).await);
    let start = Instant::now();
    while !bus.is_away() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "it should be missed"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    cluster.start_node(0);
    for delivery in deliveries {
        soon("delivery", delivery).await.unwrap();
    }
    assert!(!bus.is_away());
    all_came(&reader, 400).await;
}

/// The port of the broker that leads a topic.
fn leader(servers: &str, topic: &str) -> u16 {
    let client: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .create()
        .unwrap();
    let metadata = client.fetch_metadata(Some(topic), Duration::from_secs(10));
    let metadata = metadata.unwrap();
    let leader = metadata.topics()[0].partitions()[0].leader();
    let broker = metadata.brokers().iter().find(|b| b.id() == leader);
    broker.unwrap().port() as u16
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_of_three_that_is_killed_is_survived() {
    if server::servers().is_none() {
        return;
    }
    let mut cluster = Cluster::start(3, |_, _| Vec::new());
    let settings = Settings::new(&cluster.servers()).unwrap();
    let (bus, topics) = cluster.ready(&settings).await;
    let reader = bus.reader("test").unwrap();
    reader.add(&topics.resource, Start::Earliest).unwrap();
    let mut deliveries = enqueue(&bus, &topics.resource, 0..500).await;
    let node = cluster.node_at(leader(&cluster.servers(), &topics.resource));
    let killed = {
        // Killed while records are on their way.
        let sending = enqueue(&bus, &topics.resource, 500..1500);
        let killing = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            cluster.kill(node);
        };
        tokio::join!(sending, killing).0
    };
    deliveries.extend(killed);
    for delivery in deliveries {
        soon("delivery", delivery).await.unwrap();
    }
    all_came(&reader, 1500).await;
}
