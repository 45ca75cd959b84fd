//! A broker that speaks TLS only, and wants a name and a password by SCRAM.

use std::{path::Path, process::Command};

use bus::{Error, Settings, Start};

use crate::{
    common::{halt, message, soon},
    nodes::Cluster,
    server,
};

/// A key and a certificate for 127.0.0.1 that vouches for itself; the certificate is also `ca.pem`.
fn certificate(folder: &Path) {
    let keytool = |arguments: &[&str]| {
        let mut command = Command::new("keytool");
        command
            .args(arguments)
            .args(["-keystore", "key.p12", "-storepass", "changeit"]);
        let output = command
            .current_dir(folder)
            .output()
            .expect("keytool, of the JDK");
        assert!(output.status.success(), "{output:?}");
    };
    keytool(&[
        "-genkeypair",
        "-alias",
        "broker",
        "-keyalg",
        "EC",
        "-storetype",
        "PKCS12",
        "-dname",
        "CN=test",
        "-ext",
        "SAN=ip:127.0.0.1",
        "-ext",
        "bc:c",
        "-validity",
        "30",
    ]);
    keytool(&["-exportcert", "-alias", "broker", "-rfc", "-file", "ca.pem"]);
}

fn guarded(folder: &Path) -> Cluster {
    let key = folder.join("key.p12");
    let scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
    let options = |broker: u16, controller: u16| {
        [
            format!("listeners=SASL_SSL://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}"),
            "listener.security.protocol.map=CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL".to_owned(),
            "inter.broker.listener.name=SASL_SSL".to_owned(),
            "sasl.enabled.mechanisms=SCRAM-SHA-512".to_owned(),
            "sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512".to_owned(),
            format!("listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={scram}"),
            format!("ssl.keystore.location={}", key.display()),
            "ssl.keystore.password=changeit".to_owned(),
            "ssl.keystore.type=PKCS12".to_owned(),
            format!(
                "ssl.truststore.location={}",
                folder.join("ca.pem").display()
            ),
            "ssl.truststore.type=PEM".to_owned(),
        ]
        .into()
    };
    let user = "--add-scram SCRAM-SHA-512=[name=reader,password=hunter2]";
    Cluster::start_formatted(1, user, options)
}

fn settings(servers: &str, password: &str, ca: &Path) -> Settings {
    let mut settings = Settings::new(servers).unwrap();
    let text = format!(
        "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\nsasl.username=reader\n\
         sasl.password={password}\nssl.ca.location={}\ncompression.type=zstd\n",
        ca.display()
    );
    settings.read_properties("kafka.properties", &text).unwrap();
    settings
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_and_scram() {
    if server::servers().is_none() {
        return;
    }
    let (folder, others) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    certificate(folder.path());
    certificate(others.path());
    let (ca, wrong_ca) = (folder.path().join("ca.pem"), others.path().join("ca.pem"));
    let cluster = guarded(folder.path());
    let good = settings(&cluster.servers(), "hunter2", &ca);
    let (bus, topics) = cluster.ready(&good).await;
    let (publisher, reader) = (bus.publisher().unwrap(), bus.reader("test").unwrap());
    reader.add(&topics.task, Start::Earliest).unwrap();
    soon("publish", publisher.publish(&topics.task, &halt(1)))
        .await
        .unwrap();
    assert_eq!(message(&reader).await, halt(1));
    for (wrong, said) in [
        (
            settings(&cluster.servers(), "hunter3", &ca),
            "uthentication",
        ),
        (
            settings(&cluster.servers(), "hunter2", &wrong_ca),
            "certificate",
        ),
    ] {
        let bus = bus::Bus::external(&wrong, server::how()).unwrap();
        let error = soon("create", bus.create_topics(&topics))
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(text.contains(said) && !text.contains("hunter"), "{text}");
        assert!(
            matches!(error, Error::Refused { .. } | Error::Unreachable { .. }),
            "{error:?}"
        );
    }
}
