//! Which options a person may not set, and what to write instead.

/// Options of the Java client that librdkafka doesn't know, with what to do instead.
const JAVA: &[(&str, &str)] = &[
    (
        "sasl.jaas.config",
        "it is the Java client's; write its username and password as sasl.username and sasl.password",
    ),
    (
        "sasl.login.",
        "it is the Java client's; for tokens write sasl.oauthbearer.method=oidc with its sasl.oauthbearer.* options",
    ),
    (
        "sasl.client.callback.handler.class",
        "it is the Java client's; leave it out",
    ),
    (
        "ssl.truststore.location",
        "it is the Java client's; export the certificates (keytool -list -rfc -keystore FILE > ca.pem) and write ssl.ca.location=ca.pem",
    ),
    (
        "ssl.truststore.certificates",
        "it is the Java client's; write ssl.ca.pem with the same text",
    ),
    (
        "ssl.truststore.",
        "it is the Java client's; leave it out: the PEM file of ssl.ca.location has neither password nor type",
    ),
    (
        "ssl.keystore.type",
        "it is the Java client's; leave it out: ssl.keystore.location takes a PKCS#12 file",
    ),
    (
        "ssl.keystore.key",
        "it is the Java client's; write ssl.key.pem with the same text",
    ),
    (
        "ssl.keystore.certificate.chain",
        "it is the Java client's; write ssl.certificate.pem with the same text",
    ),
    (
        "ssl.keymanager.algorithm",
        "it is the Java client's; leave it out",
    ),
    (
        "ssl.trustmanager.algorithm",
        "it is the Java client's; leave it out",
    ),
    (
        "ssl.enabled.protocols",
        "it is the Java client's; leave it out: TLS 1.2 and 1.3 are spoken",
    ),
    (
        "ssl.protocol",
        "it is the Java client's; leave it out: TLS 1.2 and 1.3 are spoken",
    ),
    ("ssl.provider", "it is the Java client's; leave it out"),
    (
        "ssl.secure.random.implementation",
        "it is the Java client's; leave it out",
    ),
    (
        "ssl.engine.factory.class",
        "it is the Java client's; leave it out",
    ),
    (
        "key.serializer",
        "it is the Java client's; leave it out: Podometer writes its records itself",
    ),
    (
        "value.serializer",
        "it is the Java client's; leave it out: Podometer writes its records itself",
    ),
    (
        "key.deserializer",
        "it is the Java client's; leave it out: Podometer reads its records itself",
    ),
    (
        "value.deserializer",
        "it is the Java client's; leave it out: Podometer reads its records itself",
    ),
    (
        "interceptor.classes",
        "it is the Java client's; leave it out",
    ),
    ("metric.reporters", "it is the Java client's; leave it out"),
    ("metrics.", "it is the Java client's; leave it out"),
    (
        "partitioner.class",
        "it is the Java client's; leave it out: the order decides the partition",
    ),
    (
        "config.providers",
        "it is the Java client's; write the values themselves, secrets as variables PODOMETER_KAFKA_OPTION_...",
    ),
    (
        "security.providers",
        "it is the Java client's; leave it out",
    ),
    (
        "max.request.size",
        "it is the Java client's; write message.max.bytes",
    ),
    (
        "buffer.memory",
        "it is the Java client's; write queue.buffering.max.kbytes (in KiB)",
    ),
    (
        "fetch.max.wait.ms",
        "it is the Java client's; write fetch.wait.max.ms",
    ),
    (
        "receive.buffer.bytes",
        "it is the Java client's; write socket.receive.buffer.bytes",
    ),
    (
        "send.buffer.bytes",
        "it is the Java client's; write socket.send.buffer.bytes",
    ),
    ("max.poll.records", "it is the Java client's; leave it out"),
    ("max.block.ms", "it is the Java client's; leave it out"),
    (
        "default.api.timeout.ms",
        "it is the Java client's; leave it out",
    ),
];

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
pub(super) fn refusal(key: &str, value: &str) -> Option<&'static str> {
    let java = JAVA
        .iter()
        .find(|(name, _)| key == *name || (name.ends_with('.') && key.starts_with(name)));
    if let Some((_, instead)) = java {
        return Some(instead);
    }
    if key == "ssl.keystore.location" && value.ends_with(".jks") {
        return Some(
            "a JKS file can't be read; convert it (keytool -importkeystore -srckeystore FILE \
             -destkeystore FILE.p12 -deststoretype PKCS12) and name the new one",
        );
    }
    let ours = OURS.iter().find(|(name, _, _)| *name == key);
    ours.filter(|(_, allowed, _)| !allowed.iter().any(|v| v.eq_ignore_ascii_case(value)))
        .map(|(_, _, why)| *why)
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
