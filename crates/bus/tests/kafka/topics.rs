//! Topics: made with what was asked for, deleted, told apart.

use std::{collections::BTreeMap, time::Duration};

use bus::{Bus, Error, Settings, Start, TopicSettings};
use model::OrderTopics;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, ResourceSpecifier},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
};

use crate::{
    common::{message, of_uid, progress, soon},
    server::{self, how, with_order},
};

fn partitions(topic: &str) -> usize {
    let client: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", server::servers().unwrap())
        .create()
        .unwrap();
    let metadata = client.fetch_metadata(Some(topic), Duration::from_secs(10));
    metadata.unwrap().topics()[0].partitions().len()
}

async fn option(topic: &str, name: &str) -> String {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", server::servers().unwrap())
        .create()
        .unwrap();
    let topic = [ResourceSpecifier::Topic(topic)];
    let found = admin.describe_configs(&topic, &AdminOptions::new()).await;
    let found = found.unwrap().remove(0).unwrap();
    found.get(name).unwrap().value.clone().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_made_as_asked_for() {
    let how = TopicSettings {
        partitions: 3,
        retention: Some(Duration::from_hours(1)),
        configs: BTreeMap::from([("max.message.bytes".to_owned(), "500000".to_owned())]),
        ..how()
    };
    let Some(bus) = server::bus(&how) else { return };
    let shared = soon("create_shared", bus.create_shared()).await.unwrap();
    let own = OrderTopics::own(&how.prefix, &"leaf-1".parse().unwrap());
    soon("create_topics", bus.create_topics(&own))
        .await
        .unwrap();
    for topic in [&shared.task, &shared.resource, &shared.orchestrator] {
        assert_eq!(partitions(topic), 3, "{topic}");
    }
    let letters = format!("{}{}", how.prefix, bus::DEAD_LETTER);
    for topic in [&own.task, &own.resource, &letters] {
        assert_eq!(partitions(topic), 1, "{topic}");
    }
    assert_eq!(option(&shared.task, "retention.ms").await, "3600000");
    assert_eq!(option(&own.task, "max.message.bytes").await, "500000");
    // Another one finds them as they are.
    let other = server::bus(&TopicSettings {
        partitions: 5,
        ..how
    })
    .unwrap();
    soon("create_shared", other.create_shared()).await.unwrap();
    let told = other.address(&shared).partitions;
    assert!(
        told.values().all(|count| *count == 3) && told.len() == 3,
        "{told:?}"
    );
    assert_eq!(bus.instance(), other.instance());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_has_another_generation() {
    let Some((bus, topics)) = with_order().await else {
        return;
    };
    let first = bus.generation(&topics.task).await.unwrap();
    assert_eq!(first, bus.generation(&topics.task).await.unwrap());
    assert_ne!(first, bus.generation(&topics.resource).await.unwrap());
    let publisher = bus.publisher().unwrap();
    publisher
        .publish(&topics.task, &progress("old"))
        .await
        .unwrap();

    soon("delete", bus.delete_topics(&topics)).await.unwrap();
    soon("delete again", bus.delete_topics(&topics))
        .await
        .unwrap();
    let gone = bus.generation(&topics.task).await.unwrap_err();
    assert!(matches!(gone, Error::NoTopic { .. }), "{gone}");
    let kept = bus.generation(&topics.orchestrator).await;
    assert!(kept.is_ok(), "what others use stays");

    soon("create_topics", bus.create_topics(&topics))
        .await
        .unwrap();
    assert_ne!(first, bus.generation(&topics.task).await.unwrap());
    let reader = bus.reader("test").unwrap();
    reader.add(&topics.task, Start::Earliest).unwrap();
    publisher
        .publish(&topics.task, &progress("new"))
        .await
        .unwrap();
    assert_eq!(message(&reader).await, progress("new"));
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_topics_are_not_deleted() {
    let how = how();
    let Some(bus) = server::bus(&how) else { return };
    let shared = soon("create_shared", bus.create_shared()).await.unwrap();
    soon("delete", bus.delete_topics(&shared)).await.unwrap();
    assert!(bus.generation(&shared.task).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_made_says_why() {
    let Some(servers) = server::servers() else {
        return;
    };
    let mut said = Vec::new();
    let config = |key: &str| BTreeMap::from([(key.to_owned(), "x".to_owned())]);
    for how in [
        TopicSettings {
            replication: 3,
            ..how()
        },
        TopicSettings {
            configs: config("no.such.option"),
            ..how()
        },
    ] {
        let settings = Settings::new(&servers).unwrap();
        let bus = Bus::external(&settings, how.clone()).unwrap();
        let error = soon("create_shared", bus.create_shared())
            .await
            .unwrap_err();
        assert!(error.is_unreachable() && !error.is_retriable());
        let text = error.to_string().replace(&how.prefix, "PREFIX-");
        said.push(text.replace(&servers, "SERVERS"));
    }
    for how in [
        TopicSettings {
            prefix: "a b".to_owned(),
            ..how()
        },
        TopicSettings {
            partitions: 0,
            ..how()
        },
        TopicSettings {
            replication: 0,
            ..how()
        },
    ] {
        let error = Bus::external(&Settings::new(&servers).unwrap(), how).unwrap_err();
        assert!(error.is_bad_input());
        said.push(error.to_string());
    }
    insta::assert_snapshot!(said.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_begins_where_the_topic_ended() {
    let how = how();
    let Some(bus) = server::bus(&how) else { return };
    let topics = soon("create_shared", bus.create_shared()).await.unwrap();
    let topic = &topics.orchestrator;
    assert_eq!(bus.end_offsets(topic).await.unwrap(), [0; 8]);
    let publisher = bus.publisher().unwrap();
    for uid in 0..20 {
        let old = of_uid(uid, progress("old"));
        publisher.publish(topic, &old).await.unwrap();
    }
    let ends = bus.end_offsets(topic).await.unwrap();
    assert_eq!(ends.iter().sum::<i64>(), 20);
    let (noted, here) = (bus.reader("noted").unwrap(), bus.reader("here").unwrap());
    here.add(topic, Start::End).unwrap();
    for uid in 0..20 {
        let new = of_uid(uid, progress("new"));
        publisher.publish(topic, &new).await.unwrap();
    }
    noted.add_at(topic, &ends).unwrap();
    for _ in 0..20 {
        let (a, b) = (message(&noted).await, message(&here).await);
        for envelope in [a, b] {
            let uid = envelope.header.order_uid.0.as_u128();
            assert_eq!(envelope, of_uid(uid, progress("new")));
        }
    }
    assert!(
        noted.lag().iter().all(|lag| lag.records() == 0),
        "{:?}",
        noted.lag()
    );
}
