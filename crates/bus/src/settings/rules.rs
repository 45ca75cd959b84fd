//! Which options a person may not set, and what to write instead.

use std::{ffi::OsStr, path::Path};

use super::java::JAVA;

/// Options on which our promises rest: with the values that they may have, and why.
const OURS: &[(&str, &[&str], &str)] = &[
    (
        "enable.auto.commit",
        &["false"],
        "offsets are kept in the database together with the rows; leave it out",
    ),
    (
        "auto.commit.enable",
        &["false"],
        "offsets are kept in the database together with the rows; leave it out",
    ),
    (
        "enable.auto.offset.store",
        &["false"],
        "offsets are kept in the database together with the rows; leave it out",
    ),
    (
        "auto.commit.interval.ms",
        &[],
        "offsets are kept in the database together with the rows; leave it out",
    ),
    (
        "auto.offset.reset",
        &["earliest", "smallest", "beginning"],
        "what was sent before a reader came would be lost; leave it out",
    ),
    (
        "group.id",
        &[],
        "the services name their groups; tell installations apart by --topic-prefix",
    ),
    (
        "group.instance.id",
        &[],
        "the readers of one process would push each other out; leave it out",
    ),
    (
        "group.protocol",
        &["classic"],
        "partitions are handed over by the classic protocol; leave it out",
    ),
    (
        "partition.assignment.strategy",
        &["cooperative-sticky"],
        "partitions are handed over one by one; leave it out",
    ),
    (
        "enable.idempotence",
        &["true"],
        "samples could be stored twice or in the wrong order; leave it out",
    ),
    (
        "acks",
        &["all", "-1"],
        "what a broker confirmed could be lost with it; leave it out",
    ),
    (
        "request.required.acks",
        &["all", "-1"],
        "what a broker confirmed could be lost with it; leave it out",
    ),
    (
        "transactional.id",
        &[],
        "nothing here is transactional; leave it out",
    ),
    (
        "partitioner",
        &[],
        "the order decides the partition, for readers in every language; leave it out",
    ),
    (
        "enable.partition.eof",
        &["false"],
        "readers wait at a partition's end; leave it out",
    ),
    (
        "allow.auto.create.topics",
        &["false"],
        "topics are made with their partitions before use; leave it out",
    ),
    (
        "message.send.max.retries",
        &[],
        "a broker that moves would lose messages; leave it out, message.timeout.ms says how long is tried",
    ),
    (
        "retries",
        &[],
        "a broker that moves would lose messages; leave it out, message.timeout.ms says how long is tried",
    ),
    (
        "consume.callback.max.messages",
        &[],
        "it concerns a way of reading that is not used; leave it out",
    ),
    (
        "statistics.interval.ms",
        &[],
        "lag is counted without it; leave it out",
    ),
    (
        "log.queue",
        &["false"],
        "the log would get lost; leave it out",
    ),
    (
        "test.mock.num.brokers",
        &[],
        "it would replace the broker; leave the address out to use the embedded one",
    ),
];

/// Why an option may not be set like this, if it may not.
pub(super) fn refusal(key: &str, value: &str) -> Option<String> {
    let java = JAVA
        .iter()
        .find(|(name, _)| key == *name || (name.ends_with('.') && key.starts_with(name)));
    if let Some((_, instead)) = java {
        return Some(format!("it is the Java client's; {instead}"));
    }
    let jks = |end: &OsStr| end.eq_ignore_ascii_case("jks");
    if key == "ssl.keystore.location" && Path::new(value).extension().is_some_and(jks) {
        let instead = "a JKS file can't be read; convert it (keytool -importkeystore -srckeystore \
                       FILE -destkeystore FILE.p12 -deststoretype PKCS12) and name the new one";
        return Some(instead.to_owned());
    }
    let ours = OURS.iter().find(|(name, _, _)| *name == key);
    ours.filter(|(_, allowed, _)| !allowed.iter().any(|v| v.eq_ignore_ascii_case(value)))
        .map(|(_, _, why)| (*why).to_owned())
}

/// Whether what it holds must not be shown.
pub(super) fn is_secret(key: &str) -> bool {
    [
        "password",
        "passphrase",
        "secret",
        "key.pem",
        "jaas",
        "keystore.key",
    ]
    .iter()
    .any(|part| key.contains(part))
}

/// Whether an option is given as allowed, but is not to be handed on: it is ours to set.
pub(super) fn is_ours(key: &str) -> bool {
    OURS.iter().any(|(name, _, _)| *name == key)
}

/// Other names of options that have a default here, which must be set under one name.
const ALIASES: &[(&str, &str)] = &[
    ("compression.codec", "compression.type"),
    ("queue.buffering.max.ms", "linger.ms"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
    ("delivery.timeout.ms", "message.timeout.ms"),
    ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
    ("sasl.mechanisms", "sasl.mechanism"),
];

/// The one name of an option that may have several.
pub(super) fn canonical(key: &str) -> &str {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == key);
    alias.map_or(key, |(_, name)| name)
}
