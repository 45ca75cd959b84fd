//! Brokers that want to know who one is.

use std::time::{Duration, Instant};

use bus::{Bus, Error, Settings, Start, TopicSettings};

use crate::{
    common::{halt, message, soon},
    nodes::Cluster,
    server,
};

/// A node that lets in `reader` with the password `hunter2`.
fn guarded() -> Cluster {
    Cluster::start(1, |broker, controller| {
        let module = "org.apache.kafka.common.security.plain.PlainLoginModule required";
        [
            format!(
                "listeners=SASL_PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}"
            ),
            "listener.security.protocol.map=CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT"
                .to_owned(),
            "inter.broker.listener.name=SASL_PLAINTEXT".to_owned(),
            "sasl.enabled.mechanisms=PLAIN".to_owned(),
            "sasl.mechanism.inter.broker.protocol=PLAIN".to_owned(),
            format!(
                "listener.name.sasl_plaintext.plain.sasl.jaas.config={module} username=\"reader\" \
                 password=\"hunter2\" user_reader=\"hunter2\";"
            ),
        ]
        .into()
    })
}

fn settings(servers: &str, password: &str) -> Settings {
    let mut settings = Settings::new(servers).unwrap();
    let text = format!(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username=reader\n\
         sasl.password={password}\n"
    );
    settings.read_properties("kafka.properties", &text).unwrap();
    settings
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_lets_in_and_a_wrong_one_ends_soon() {
    if server::servers().is_none() {
        return;
    }
    let cluster = guarded();
    let good = settings(&cluster.servers(), "hunter2");
    let (bus, topics) = cluster.ready(&good).await;
    let (publisher, reader) = (bus.publisher().unwrap(), bus.reader("test").unwrap());
    reader.add(&topics.task, Start::Earliest).unwrap();
    soon("publish", publisher.publish(&topics.task, &halt(1)))
        .await
        .unwrap();
    assert_eq!(message(&reader).await, halt(1));

    let wrong = settings(&cluster.servers(), "hunter3");
    let fresh = || Bus::external(&wrong, TopicSettings::default()).unwrap();
    let start = Instant::now();
    let member = fresh().group_reader("test", &[&topics.task]).unwrap();
    let errors = [
        soon("create", fresh().create_topics(&topics))
            .await
            .unwrap_err(),
        soon("generation", fresh().generation(&topics.task))
            .await
            .unwrap_err(),
        soon(
            "publish",
            fresh().publisher().unwrap().publish(&topics.task, &halt(2)),
        )
        .await
        .unwrap_err(),
        soon("recv_batch", member.recv_batch(1)).await.unwrap_err(),
    ];
    assert!(
        start.elapsed() < Duration::from_secs(45),
        "{:?}",
        start.elapsed()
    );
    for error in errors {
        assert!(matches!(error, Error::Refused { .. }), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains("sasl.password") && text.contains("uthentication"),
            "{text}"
        );
        assert!(
            !format!("{text} {error:?} {wrong:?}").contains("hunter"),
            "{text}"
        );
        assert!(error.is_unreachable() && !error.is_retriable());
    }
}

#[test]
fn every_build_has_tls_sasl_and_zstd() {
    let mut settings = Settings::default();
    for (key, value) in [
        ("security.protocol", "ssl"),
        ("sasl.mechanism", "SCRAM-SHA-256"),
        ("sasl.mechanism", "OAUTHBEARER"),
        ("compression.type", "zstd"),
    ] {
        settings.set_option(key, value).unwrap();
    }
}
