//! The server that all tests share.

use std::{
    env,
    sync::atomic::{AtomicU32, Ordering},
};

use bus::{Bus, Settings, TopicSettings};
use model::OrderTopics;

use crate::common::soon;

/// The address of a Kafka of one node; `None` if the tests are to do without.
pub(crate) fn servers() -> Option<String> {
    if let Some(servers) = env::var("PODOMETER_TEST_BOOTSTRAP_SERVERS")
        .ok()
        .filter(|servers| !servers.is_empty())
    {
        return Some(servers);
    }
    assert!(
        env::var("PODOMETER_TEST_FAST").is_ok_and(|fast| fast == "1"),
        "run ./test.sh, or start tests/stack/kafka.sh and set PODOMETER_TEST_BOOTSTRAP_SERVERS"
    );
    println!("not run: PODOMETER_TEST_FAST=1 and no PODOMETER_TEST_BOOTSTRAP_SERVERS");
    None
}

/// A prefix that no other test has, nor an earlier run of this one.
pub(crate) fn prefix() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let id = uuid::Uuid::now_v7().simple().to_string();
    format!("t{}-{count}-", &id[4..16])
}

/// Settings of topics with a prefix of their own.
pub(crate) fn how() -> TopicSettings {
    TopicSettings {
        prefix: prefix(),
        ..TopicSettings::default()
    }
}

/// A bus on the shared server.
pub(crate) fn bus(how: &TopicSettings) -> Option<Bus> {
    let settings = Settings::new(&servers()?).unwrap();
    Some(Bus::external(&settings, how.clone()).unwrap())
}

/// A bus on the shared server, with the topics of one order.
pub(crate) async fn with_order() -> Option<(Bus, OrderTopics)> {
    let how = how();
    let bus = bus(&how)?;
    let topics = OrderTopics::own(&how.prefix, &"leaf-1".parse().unwrap());
    soon("create_topics", bus.create_topics(&topics))
        .await
        .unwrap();
    Some((bus, topics))
}
