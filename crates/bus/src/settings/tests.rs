//! What options are taken, and what is said of those that aren't.

use std::fmt::Write;

use super::*;

fn value<'a>(settings: &'a Settings, key: &str) -> Option<&'a str> {
    settings.options.get(key).map(|token| token.0.as_str())
}

#[test]
fn later_wins() {
    let mut settings = Settings::default();
    let text = "bootstrap.servers = a:1, b:2\nclient.id=file\nsasl.username=u\nsasl.password=p\n";
    settings.read_properties("kafka.properties", text).unwrap();
    assert_eq!(settings.bootstrap_servers(), Some("a:1,b:2"));
    let variables = [
        ("PODOMETER_KAFKA_OPTION_CLIENT_ID", "variable"),
        ("PODOMETER_KAFKA_OPTION_SASL_PASSWORD", "q"),
        ("PODOMETER_KAFKA", "nothing"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    settings.read_environment(variables).unwrap();
    assert_eq!(value(&settings, "client.id"), Some("variable"));
    assert_eq!(value(&settings, "sasl.password"), Some("q"));
    settings.set_option("client.id", "flag").unwrap();
    settings.set_bootstrap_servers("c:3").unwrap();
    assert_eq!(value(&settings, "client.id"), Some("flag"));
    assert_eq!(settings.bootstrap_servers(), Some("c:3"));
    let shown = format!("{settings:?}");
    assert!(
        !shown.contains("\"q\"") && !shown.contains("flag"),
        "{shown}"
    );
}

#[test]
fn what_is_ours_already_may_be_said() {
    let mut settings = Settings::default();
    for (key, value) in [
        ("acks", "all"),
        ("enable.idempotence", "true"),
        ("enable.auto.commit", "false"),
        ("auto.offset.reset", "earliest"),
    ] {
        settings.set_option(key, value).unwrap();
    }
    assert_eq!(settings, Settings::default());
}

#[test]
fn bad_options_say_what_to_write() {
    let options = [
        ("no.such.option", "1"),
        ("socket.timeout.ms", "soon"),
        ("security.protocol", "carrier-pigeon"),
        ("sasl.jaas.config", "hunter2"),
        ("sasl.login.callback.handler.class", "org.example.Handler"),
        ("ssl.truststore.location", "/trust.jks"),
        ("ssl.truststore.password", "hunter2"),
        ("ssl.truststore.type", "JKS"),
        ("ssl.keystore.location", "/key.jks"),
        ("ssl.keystore.type", "JKS"),
        ("ssl.keystore.key", "hunter2"),
        ("key.serializer", "org.apache.kafka.StringSerializer"),
        ("value.deserializer", "org.apache.kafka.StringDeserializer"),
        ("interceptor.classes", "org.example.Spy"),
        ("max.request.size", "9"),
        ("enable.auto.commit", "true"),
        ("auto.offset.reset", "latest"),
        ("group.id", "mine"),
        ("enable.idempotence", "false"),
        ("acks", "1"),
        ("acks", "0"),
        ("partitioner", "random"),
        ("transactional.id", "t"),
        ("sasl.password", "hunter2"),
        ("ssl.key.password", "hunter2"),
        ("ssl.keystore.password", "hunter2"),
        ("sasl.oauthbearer.client.secret", "hunter2"),
        ("bootstrap.servers", "a:1,,b:2"),
        ("bootstrap.servers", "a:99999"),
    ];
    let mut said = String::new();
    for (key, value) in options {
        let error = Settings::default().set_option(key, value).unwrap_err();
        assert!(error.is_bad_input());
        let debug = format!("{error:?}");
        assert!(!debug.contains("hunter2"), "{debug}");
        writeln!(said, "{key}={value}\n  => {error}\n").unwrap();
    }
    for text in ["a=b\n=c", "\n\nclient.id=\\u12", "\n# x\nacks=\\\n  1"] {
        let error = Settings::default().read_properties("kafka.properties", text);
        let error = error.unwrap_err();
        assert!(error.is_bad_input());
        writeln!(said, "{text:?}\n  => {error}\n").unwrap();
    }
    insta::assert_snapshot!(said);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Settings::default().read_file(Path::new("no-such.properties"));
    let error = error.unwrap_err();
    assert!(error.is_bad_input());
    assert!(error.to_string().contains("no-such.properties"), "{error}");
}
