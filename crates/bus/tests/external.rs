//! The ways of a Kafka that somebody runs, shown on the in-memory broker, which speaks its
//! protocol, and on an address where nobody is.

mod common;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bus::{Bus, Error, RunnerProducer, Settings, Start, TopicSettings};
use common::{embedded, halt, message, soon};
use model::{OrderTopics, attempt::BusAddress};

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_found_by_address_serves_as_well() {
    let (here, topics) = embedded("leaf-1").await;
    let servers = here.address(&topics).bootstrap_servers;
    let bus = Bus::external(&Settings::new(&servers).unwrap(), TopicSettings::default()).unwrap();
    assert!(!bus.is_embedded());
    soon("create_topics", bus.create_topics(&topics))
        .await
        .unwrap();
    assert!(!bus.instance().is_empty());
    let (publisher, reader) = (bus.publisher().unwrap(), bus.reader("test").unwrap());
    reader.add(&topics.task, Start::Earliest).unwrap();
    for seq in 0..20 {
        soon("publish", publisher.publish(&topics.task, &halt(seq)))
            .await
            .unwrap();
        assert_eq!(message(&reader).await, halt(seq));
    }
}

/// A port that was just free, and on which nobody listens.
#[allow(clippy::unwrap_used, reason = "part of tests")]
fn nobody() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().to_string()
}

#[test]
fn a_runner_without_a_broker_ends_all_the_same() {
    let address = BusAddress {
        bootstrap_servers: nobody(),
        options: BTreeMap::new(),
        topics: OrderTopics::own("", &"leaf-1".parse().unwrap()),
        partitions: BTreeMap::new(),
    };
    let start = Instant::now();
    let runner = RunnerProducer::connect(&address).unwrap();
    runner.send(&address.topics.task, &halt(1)).unwrap();
    assert_eq!(runner.flush(Duration::from_millis(300)), 1);
    assert_eq!(runner.undelivered(), 1);
    drop(runner);
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_reader_wants_a_runtime() {
    let bus = Bus::embedded().unwrap();
    assert!(matches!(bus.reader("test"), Err(Error::NoRuntime)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_not_there_is_named() {
    let servers = nobody();
    let bus = Bus::external(&Settings::new(&servers).unwrap(), TopicSettings::default()).unwrap();
    let topics = OrderTopics::own("", &"leaf-1".parse().unwrap());
    let start = Instant::now();
    let error = soon("create_topics", bus.create_topics(&topics))
        .await
        .unwrap_err();
    assert!(start.elapsed().as_secs() < 30);
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains(&servers) && text.contains("check the address"),
        "{text}"
    );
}
