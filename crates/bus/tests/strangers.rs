//! Records that aren't ours: plain text of tasks, and what nobody can read.

mod common;

use bus::{DEAD_LETTER, Event, Start, Unreadable};
use common::{LONG, embedded, halt, message, recv, soon};
use model::{message::WireError, text, text::TextMessage};
use rdkafka::{
    ClientConfig,
    producer::{FutureProducer, FutureRecord},
};

/// Key and value as they stand in a record.
type Raw<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

#[allow(clippy::unwrap_used, reason = "part of tests")]
async fn strange(servers: &str, topic: &str, records: &[Raw<'_>]) {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .create()
        .unwrap();
    for (key, value) in records {
        let mut record: FutureRecord<[u8], [u8]> = FutureRecord::to(topic);
        record.key = *key;
        record.payload = *value;
        soon("send", producer.send(record, LONG)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_text_arrives_as_text() {
    let (bus, topics) = embedded("leaf-1").await;
    let reader = bus.reader("test").unwrap();
    reader.add(&topics.orchestrator, Start::Earliest).unwrap();
    let servers = bus.address(&topics).bootstrap_servers;
    let records: [Raw<'_>; 4] = [
        (Some(b"ORDER"), Some(b"['a', 'b']:a:leaf-1")),
        (
            Some(b"PROGRESS"),
            Some(b"leaf-1.0.1:first:second:with:colons"),
        ),
        (Some(b"HALT"), Some(b"HALT")),
        (Some(b"STOP"), Some(b"STOP")),
    ];
    strange(&servers, &topics.orchestrator, &records).await;
    for (key, value) in records {
        match recv(&reader).await.event {
            Event::Text { key: k, value: v } => assert_eq!((Some(&*k), Some(&*v)), (key, value)),
            other => panic!("no text: {other:?}"),
        }
    }
    let parsed = text::parse(records[1].0, records[1].1.unwrap(), |_, _, _| {
        Some("leaf-1.0.1:first".to_owned())
    });
    assert!(matches!(
        parsed,
        Some(TextMessage::Progress { output, .. }) if output == "second:with:colons"
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_unreadable_goes_aside_and_stops_nobody() {
    let (bus, topics) = embedded("leaf-1").await;
    let (publisher, reader) = (bus.publisher().unwrap(), bus.reader("test").unwrap());
    reader.add(&topics.task, Start::Earliest).unwrap();
    let servers = bus.address(&topics).bootstrap_servers;
    let later = br#"{"v":99,"order":"a","order_uid":"00000000-0000-0000-0000-000000000007"}"#;
    let rubbish: [Raw<'_>; 7] = [
        (None, Some(b"no key")),
        (Some(b"HALT"), None),
        (Some(b"HALT"), Some(b"{")),
        (Some(b"HALT"), Some(later)),
        (Some(b"NEWS"), Some(b"{}")),
        (Some(&[0xff, 0xfe]), Some(b"{}")),
        (Some(b"PROGRESS"), Some(&[0xff; 300])),
    ];
    strange(&servers, &topics.task, &rubbish).await;
    soon("publish", publisher.publish(&topics.task, &halt(1)))
        .await
        .unwrap();

    let mut reasons = Vec::new();
    for (key, value) in rubbish {
        let incoming = recv(&reader).await;
        let Event::Unreadable(Unreadable {
            key: k,
            value: v,
            error,
        }) = incoming.event
        else {
            panic!("readable: {:?}", incoming.event);
        };
        assert_eq!((k.as_deref(), &*v), (key, value.unwrap_or_default()));
        let reason = error.to_string();
        let aside = publisher.dead_letter(&incoming.topic, k.as_deref(), &v, &reason);
        soon("dead_letter", aside).await.unwrap();
        reasons.push(error);
    }
    assert!(matches!(reasons[0], WireError::NoKey));
    assert!(matches!(reasons[3], WireError::Version { v: 99, .. }));
    assert!(matches!(reasons[4], WireError::UnknownKey(_)));
    assert_eq!(message(&reader).await, halt(1));

    let dead = bus.reader("dead").unwrap();
    dead.add(DEAD_LETTER, Start::Earliest).unwrap();
    for (key, value) in rubbish {
        match recv(&dead).await.event {
            Event::Unreadable(Unreadable {
                key: k, value: v, ..
            }) => {
                assert_eq!((k.as_deref(), &*v), (key, value.unwrap_or_default()));
            }
            other => panic!("readable: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_reason_is_cut_between_characters() {
    let (bus, _topics) = embedded("leaf-1").await;
    let publisher = bus.publisher().unwrap();
    let reason = "ä".repeat(5000);
    let aside = publisher.dead_letter("taskleaf-1", None, b"x", &reason);
    soon("dead_letter", aside).await.unwrap();
}
