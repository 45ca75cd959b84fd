//! Publishing: what is refused, and how.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bus::{Bus, Error, RunnerProducer, Settings, Start, TopicSettings};
use model::OrderTopics;

use crate::{
    common::{halt, message, progress, soon},
    server::{self, how, with_order},
};

#[tokio::test(flavor = "multi_thread")]
async fn too_large_a_message_is_named_with_its_limit() {
    let how = TopicSettings {
        configs: BTreeMap::from([("max.message.bytes".to_owned(), "2000".to_owned())]),
        ..how()
    };
    let Some(bus) = server::bus(&how) else { return };
    let topics = OrderTopics::own(&how.prefix, &"leaf-1".parse().unwrap());
    soon("create_topics", bus.create_topics(&topics))
        .await
        .unwrap();
    let publisher = bus.publisher().unwrap();
    let mut said = Vec::new();
    // Noise, so that compression doesn't make it small.
    let noise = |count: usize| {
        let words = (0..count).map(|_| uuid::Uuid::new_v4().to_string());
        progress(&words.collect::<Vec<_>>().join(" "))
    };
    for envelope in [noise(500), noise(40_000)] {
        let sent = publisher.publish(&topics.orchestrator, &envelope);
        let error = soon("publish", sent).await.unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
        assert!(!error.is_retriable());
        said.push(error.to_string().replace(&how.prefix, "PREFIX-"));
    }
    insta::assert_snapshot!(said.join("\n\n"));
    // The topic goes on.
    publisher
        .publish(&topics.orchestrator, &progress("small"))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_keeps_to_a_smaller_limit() {
    let Some((bus, topics)) = with_order().await else {
        return;
    };
    let mut address = bus.address(&topics);
    let limit = model::attempt::Token("20000".to_owned());
    address
        .options
        .insert("message.max.bytes".to_owned(), limit);
    let runner = RunnerProducer::connect(&address).unwrap();
    let bytes = runner.max_backlog_bytes();
    assert!((10_000..20_000).contains(&bytes), "{bytes}");
    let error = runner
        .send(&topics.task, &progress(&"x".repeat(20_000)))
        .unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
    runner
        .send(&topics.task, &progress(&"x".repeat(bytes - 200)))
        .unwrap();
    let left = tokio::task::block_in_place(|| runner.flush(Duration::from_secs(20)));
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_not_there_is_named_soon() {
    let Some(bus) = server::bus(&how()) else {
        return;
    };
    let start = Instant::now();
    let publisher = bus.publisher().unwrap();
    let error = soon("publish", publisher.publish("no-such-topic", &halt(1))).await;
    let error = error.unwrap_err();
    assert!(matches!(error, Error::NoTopic { .. }), "{error:?}");
    assert!(!error.is_retriable() && start.elapsed() < Duration::from_secs(30));
    let reader = bus.reader("test").unwrap();
    let error = reader.add("no-such-topic", Start::Earliest).unwrap_err();
    assert!(matches!(error, Error::NoTopic { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_compression_is_read() {
    let Some(servers) = server::servers() else {
        return;
    };
    for compression in ["none", "gzip", "snappy", "lz4"] {
        let how = how();
        let mut settings = Settings::new(&servers).unwrap();
        settings
            .set_option("compression.codec", compression)
            .unwrap();
        let bus = Bus::external(&settings, how.clone()).unwrap();
        let topics = OrderTopics::own(&how.prefix, &"leaf-1".parse().unwrap());
        soon("create_topics", bus.create_topics(&topics))
            .await
            .unwrap();
        let (publisher, reader) = (bus.publisher().unwrap(), bus.reader("test").unwrap());
        reader.add(&topics.task, Start::Earliest).unwrap();
        let long = progress(&"words ".repeat(2000));
        soon("publish", publisher.publish(&topics.task, &long))
            .await
            .unwrap();
        assert_eq!(message(&reader).await, long, "{compression}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_have_the_prefix() {
    let how = how();
    let Some(bus) = server::bus(&how) else { return };
    let topics = soon("create_shared", bus.create_shared()).await.unwrap();
    let (publisher, reader) = (bus.publisher().unwrap(), bus.reader("test").unwrap());
    let letters = format!("{}{}", how.prefix, bus::DEAD_LETTER);
    reader.add(&letters, Start::Earliest).unwrap();
    let sent = publisher.dead_letter(&topics.task, Some(b"NEWS"), b"?", "why");
    soon("dead_letter", sent).await.unwrap();
    let incoming = crate::common::recv(&reader).await;
    assert_eq!((&*incoming.topic, incoming.offset), (letters.as_str(), 0));
}
