//! Options of the Java client, and what to write instead.

/// Options that librdkafka doesn't know (with a dot at the end: all that begin so), and what to do.
pub(super) const JAVA: &[(&str, &str)] = &[
    (
        "sasl.jaas.config",
        "write its username and password as sasl.username and sasl.password",
    ),
    (
        "sasl.login.",
        "for tokens write sasl.oauthbearer.method=oidc with its sasl.oauthbearer.* options",
    ),
    ("sasl.client.callback.handler.class", "leave it out"),
    (
        "ssl.truststore.location",
        "export the certificates (keytool -list -rfc -keystore FILE > ca.pem) and write ssl.ca.location=ca.pem",
    ),
    (
        "ssl.truststore.certificates",
        "write ssl.ca.pem with the same text",
    ),
    (
        "ssl.truststore.",
        "leave it out: the PEM file of ssl.ca.location has neither password nor type",
    ),
    (
        "ssl.keystore.type",
        "leave it out: ssl.keystore.location takes a PKCS#12 file",
    ),
    ("ssl.keystore.key", "write ssl.key.pem with the same text"),
    (
        "ssl.keystore.certificate.chain",
        "write ssl.certificate.pem with the same text",
    ),
    ("ssl.keymanager.algorithm", "leave it out"),
    ("ssl.trustmanager.algorithm", "leave it out"),
    (
        "ssl.enabled.protocols",
        "leave it out: TLS 1.2 and 1.3 are spoken",
    ),
    ("ssl.protocol", "leave it out: TLS 1.2 and 1.3 are spoken"),
    ("ssl.provider", "leave it out"),
    ("ssl.secure.random.implementation", "leave it out"),
    ("ssl.engine.factory.class", "leave it out"),
    (
        "key.serializer",
        "leave it out: Podometer writes its records itself",
    ),
    (
        "value.serializer",
        "leave it out: Podometer writes its records itself",
    ),
    (
        "key.deserializer",
        "leave it out: Podometer reads its records itself",
    ),
    (
        "value.deserializer",
        "leave it out: Podometer reads its records itself",
    ),
    ("interceptor.classes", "leave it out"),
    ("metric.reporters", "leave it out"),
    ("metrics.", "leave it out"),
    (
        "partitioner.class",
        "leave it out: the order decides the partition",
    ),
    (
        "config.providers",
        "write the values themselves, secrets as variables PODOMETER_KAFKA_OPTION_...",
    ),
    ("security.providers", "leave it out"),
    ("max.request.size", "write message.max.bytes"),
    ("buffer.memory", "write queue.buffering.max.kbytes (in KiB)"),
    ("fetch.max.wait.ms", "write fetch.wait.max.ms"),
    ("receive.buffer.bytes", "write socket.receive.buffer.bytes"),
    ("send.buffer.bytes", "write socket.send.buffer.bytes"),
    ("max.poll.records", "leave it out"),
    ("max.block.ms", "leave it out"),
    ("default.api.timeout.ms", "leave it out"),
];
