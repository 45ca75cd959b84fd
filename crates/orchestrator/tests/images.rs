//! Images are looked up in a real registry.
#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(clippy::needless_pass_by_value, reason = "`json!` makes values")]

#[path = "support/registry.rs"]
mod registry;

use std::fs;

use orchestrator::kubernetes::images::{Image, LookUpError, Registry, Trust, User};
use registry::{PASSWORD, TestRegistry, architecture, registry};
use serde_json::json;

/// Who asks, and whom it trusts.
struct Asker {
    password: Option<&'static str>,
    trusts: bool,
    plain_http: bool,
}

const ASKER: Asker = Asker {
    password: Some(PASSWORD),
    trusts: true,
    plain_http: false,
};

async fn ask(registry: &TestRegistry, image: &str, asker: Asker) -> Result<Image, LookUpError> {
    let folder = tempfile::tempdir().unwrap();
    if let Some(password) = asker.password {
        let file = folder.path().join("config.json");
        fs::write(file, registry.config_json(password)).unwrap();
    }
    if asker.trusts {
        fs::write(folder.path().join("ca.crt"), registry.authority()).unwrap();
    }
    let plain_http = asker.plain_http.then(|| registry.address.clone());
    let asker = Registry::new(&Trust {
        logins: folder.path(),
        authority: folder.path(),
        plain_http: &Vec::from_iter(plain_http),
    });
    asker.unwrap().look_up(image).await
}

/// Why it doesn't know, with the registry's address as HOST.
async fn why(registry: &TestRegistry, image: &str, asker: Asker) -> String {
    let why = ask(registry, image, asker).await.unwrap_err();
    why.to_string().replace(&registry.address, "HOST")
}

#[tokio::test]
async fn what_an_image_says() {
    let Some(registry) = registry() else { return };
    let config = json!({
        "Entrypoint": ["/bin/busybox", "echo"], "Cmd": ["one"], "User": "1234:5678", "WorkingDir": "/app",
    });
    let digest = registry.push("look/says:1", config, &[]).await;
    let image = Image {
        digest: digest.clone(),
        entrypoint: ["/bin/busybox", "echo"].map(str::to_owned).to_vec(),
        cmd: vec!["one".to_owned()],
        working_dir: Some("/app".into()),
        user: Some(User {
            uid: 1234,
            gid: Some(5678),
        }),
    };
    for name in ["look/says:1".to_owned(), format!("look/says@{digest}")] {
        let found = ask(&registry, &registry.image(&name), ASKER).await;
        assert_eq!(found.unwrap(), image);
    }
}

#[tokio::test]
async fn of_several_platforms_the_own_one_counts_and_the_index_is_named() {
    let Some(registry) = registry() else { return };
    for name in ["own", "other"] {
        let config = json!({ "Entrypoint": [format!("/{name}")] });
        registry
            .push(&format!("look/index:{name}"), config, &[])
            .await;
    }
    let (own, other) = (
        (architecture(), "look/index:own"),
        ("s390x", "look/index:other"),
    );
    let digest = registry.push_index("look/index:1", &[other, own]).await;
    let image = registry.image("look/index:1");
    let found = ask(&registry, &image, ASKER).await.unwrap();
    assert_eq!(
        (found.digest, found.entrypoint),
        (digest, vec!["/own".to_owned()])
    );
    registry.push_index("look/index:2", &[other]).await;
    let why = why(&registry, &registry.image("look/index:2"), ASKER).await;
    assert!(why.contains("other platforms"), "{why}");
}

#[tokio::test]
async fn what_is_wrong_is_said_with_what_to_do() {
    let Some(registry) = registry() else { return };
    registry.push("look/private:1", json!({}), &[]).await;
    let image = registry.image("look/private:1");
    let nobody = Asker {
        password: None,
        ..ASKER
    };
    insta::assert_snapshot!(why(&registry, &image, nobody).await, @"HOST has no such image for who asks (unauthorized); if it is private, put its login into the Secret podometer-registry: kubectl create secret docker-registry podometer-registry --docker-server=... --docker-username=... --docker-password=...");
    let wrong = Asker {
        password: Some("wrong"),
        ..ASKER
    };
    insta::assert_snapshot!(why(&registry, &image, wrong).await, @"HOST has no such image for who asks (unauthorized); is its login in the Secret podometer-registry right?");
    let strange = Asker {
        trusts: false,
        ..ASKER
    };
    insta::assert_snapshot!(why(&registry, &image, strange).await, @"HOST can't be asked: error sending request for url (https://HOST/v2/): client error (Connect): invalid peer certificate: UnknownIssuer; an authority of its own belongs into the ConfigMap podometer-registry-ca: kubectl create configmap podometer-registry-ca --from-file=ca.crt");
    let plain = Asker {
        plain_http: true,
        ..ASKER
    };
    insta::assert_snapshot!(why(&registry, &image, plain).await, @"HOST can't be asked: Server error: url http://HOST/v2/look/private/manifests/1, code: 400, message: Client sent an HTTP request to an HTTPS server.");
    let none = registry.image("look/none:1");
    insta::assert_snapshot!(why(&registry, &none, ASKER).await, @"HOST has no such image; is the name right, and was it pushed?");
    insta::assert_snapshot!(why(&registry, "127.0.0.1:1/look/none:1", ASKER).await, @"127.0.0.1:1 can't be asked: error sending request for url (https://127.0.0.1:1/v2/): client error (Connect): tcp connect error: Connection refused (os error 111)");
    insta::assert_snapshot!(why(&registry, "No/Image", ASKER).await, @"that is no image reference: invalid reference format");
}
