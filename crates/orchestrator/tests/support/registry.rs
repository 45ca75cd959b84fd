//! The registry of test.sh, and images for it.
#![allow(dead_code, unreachable_pub, reason = "each test program uses its part")]

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use oci_client::{
    Client, Reference,
    client::{Certificate, CertificateEncoding, ClientConfig, Config, ImageLayer},
    manifest::OciManifest,
    secrets::RegistryAuth,
};
use serde_json::{Value, json};

/// Who the registry lets in.
pub const USER: &str = "podometer";
/// What proves it.
pub const PASSWORD: &str = "not-a-secret";

/// A registry that wants a login, with TLS of an authority of its own.
pub struct TestRegistry {
    /// `HOST:PORT`.
    pub address: String,
    folder: PathBuf,
    client: Client,
}

/// The registry; `None` where only what needs no server is tested.
pub fn registry() -> Option<TestRegistry> {
    const VARIABLE: &str = "PODOMETER_TEST_REGISTRY";
    if std::env::var_os("PODOMETER_TEST_FAST").is_some() {
        eprintln!("NOT RUN: what needs a registry (PODOMETER_TEST_FAST is set)");
        return None;
    }
    let folder = std::env::var_os(VARIABLE).map_or_else(
        || panic!("{VARIABLE} is not set: run ./test.sh, or name the folder of tests/stack/registry.sh by it"),
        PathBuf::from,
    );
    let _ = rustls::crypto::ring::default_provider().install_default();
    let address = fs::read_to_string(folder.join("address")).unwrap();
    let certificate = Certificate {
        encoding: CertificateEncoding::Pem,
        data: fs::read(folder.join("ca.crt")).unwrap(),
    };
    let config = ClientConfig {
        extra_root_certificates: vec![certificate],
        ..ClientConfig::default()
    };
    Some(TestRegistry {
        address: address.trim().to_owned(),
        folder,
        client: Client::try_from(config).unwrap(),
    })
}

impl TestRegistry {
    /// Its authority, PEM.
    pub fn authority(&self) -> String {
        fs::read_to_string(self.folder.join("ca.crt")).unwrap()
    }

    /// A `config.json` with a login for it.
    pub fn config_json(&self, password: &str) -> String {
        json!({ "auths": { &self.address: { "username": USER, "password": password } } })
            .to_string()
    }

    /// An image of it: `name:tag`.
    pub fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    /// Gives it an image: what its configuration says of how it is run, and the places at which it has a
    /// `BusyBox`, which are all that it has. Its digest.
    pub async fn push(&self, name: &str, config: Value, programs: &[&str]) -> String {
        let layer = ImageLayer::oci_v1(self.layer(programs), None);
        let file = json!({
            "os": "linux",
            "architecture": architecture(),
            "config": config,
            "rootfs": { "type": "layers", "diff_ids": [layer.sha256_digest()] },
        });
        let config = Config::oci_v1(file.to_string().into_bytes(), None);
        let (image, auth) = (self.reference(name), auth());
        self.client
            .push(&image, &[layer], config, &auth, None)
            .await
            .unwrap();
        self.client
            .fetch_manifest_digest(&image, &auth)
            .await
            .unwrap()
    }

    /// Gives it an index of images that it has: architectures and names. Its digest.
    pub async fn push_index(&self, name: &str, images: &[(&str, &str)]) -> String {
        let mut manifests = Vec::new();
        for (architecture, image) in images {
            let image = self.reference(image);
            let kind = ["application/vnd.oci.image.manifest.v1+json"];
            let (bytes, digest) = self
                .client
                .pull_manifest_raw(&image, &auth(), &kind)
                .await
                .unwrap();
            manifests.push(json!({
                "mediaType": kind[0], "digest": digest, "size": bytes.len(),
                "platform": { "os": "linux", "architecture": architecture },
            }));
        }
        let index: OciManifest = serde_json::from_value(json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": manifests,
        }))
        .unwrap();
        let image = self.reference(name);
        self.client.push_manifest(&image, &index).await.unwrap();
        self.client
            .fetch_manifest_digest(&image, &auth())
            .await
            .unwrap()
    }

    fn reference(&self, name: &str) -> Reference {
        self.image(name).parse().unwrap()
    }

    /// A layer with the programs, as `tar` writes it.
    fn layer(&self, programs: &[&str]) -> Vec<u8> {
        let root = tempfile::tempdir().unwrap();
        for program in programs {
            let path = root.path().join(program.trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::copy(self.folder.join("busybox"), &path).unwrap();
        }
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut tar = Command::new("tar");
        tar.args(["--owner=0", "--group=0", "--numeric-owner", "-c", "."]);
        let made = tar.current_dir(root.path()).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        made.stdout
    }
}

fn auth() -> RegistryAuth {
    RegistryAuth::Basic(USER.to_owned(), PASSWORD.to_owned())
}

/// This machine's, as images name it.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
