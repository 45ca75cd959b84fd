//! Asks registries, by OCI's distribution protocol.

use std::{error::Error, fs, io, path::Path, time::Duration};

use oci_client::{
    Client, ParseError, Reference, RegistryOperation,
    client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol},
    errors::{OciDistributionError, OciErrorCode},
    secrets::RegistryAuth,
};

use super::{
    image::{ConfigError, Image},
    logins::Logins,
};

/// How long a registry may be silent.
const SILENCE: Duration = Duration::from_secs(10);
/// No configuration of an image is larger, bytes.
const MAX_CONFIG: i64 = 8 << 20;

/// Whom an orchestrator trusts, and who trusts it.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'a> {
    /// A folder with Docker's `config.json`, where there are logins.
    pub logins: &'a Path,
    /// A folder with a `ca.crt` (PEM), where registries have an authority of their own.
    pub authority: &'a Path,
    /// Registries (`HOST:PORT`) that speak HTTP without TLS.
    pub plain_http: &'a [String],
}

/// Registries, as one process asks them.
#[derive(Clone)]
pub struct Registry {
    client: Client,
    logins: std::sync::Arc<Logins>,
}

/// Why an image could not be looked up.
#[derive(Debug, thiserror::Error)]
pub enum LookUpError {
    /// What stands there is no image.
    #[error("that is no image reference: {0}")]
    Reference(#[from] ParseError),
    /// The registry wants to know who asks.
    #[error("{registry} has no such image for who asks ({why}); {advice}")]
    Login {
        /// The registry.
        registry: String,
        /// What it says.
        why: String,
        /// What to do.
        advice: &'static str,
    },
    /// The registry doesn't have it.
    #[error("{registry} has no such image; is the name right, and was it pushed?")]
    NotThere {
        /// The registry.
        registry: String,
    },
    /// It has it for other machines.
    #[error("{registry} has it for other platforms than linux/{platform}")]
    Platform {
        /// The registry.
        registry: String,
        /// This machine's.
        platform: &'static str,
    },
    /// Nobody answers, or not as a registry would.
    #[error("{registry} can't be asked: {why}")]
    Unreachable {
        /// The registry.
        registry: String,
        /// In words, from the outside to the cause.
        why: String,
        /// Whether it may be otherwise soon.
        passing: bool,
    },
    /// It took too long.
    #[error("there was no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// What the image says can't be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What this process was given can't be used.
    #[error("{what} can't be used: {why}")]
    Given {
        /// Which.
        what: String,
        /// In words.
        why: String,
    },
}

impl LookUpError {
    /// Whether asking again may help.
    pub(super) fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { passing: true, .. } | Self::TimedOut(_)
        )
    }
}

/// What to do about a login.
const NO_LOGIN: &str = "if it is private, put its login into the Secret podometer-registry: \
    kubectl create secret docker-registry podometer-registry --docker-server=... --docker-username=... \
    --docker-password=...";
const OWN_AUTHORITY: &str = "; an authority of its own belongs into the ConfigMap podometer-registry-ca: \
    kubectl create configmap podometer-registry-ca --from-file=ca.crt";
const BAD_LOGIN: &str = "is its login in the Secret podometer-registry right?";

impl Registry {
    /// Reads logins and authorities, where they are. Blocks.
    ///
    /// # Errors
    /// They can't be read.
    pub fn new(trust: &Trust<'_>) -> Result<Self, LookUpError> {
        let given = |what: &str, why: &dyn std::fmt::Display| LookUpError::Given {
            what: what.to_owned(),
            why: why.to_string(),
        };
        // The HTTP client takes the process's own cryptography; who was first doesn't matter.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let logins = read(&trust.logins.join("config.json"))
            .map_err(|why| given("the Secret podometer-registry", &why))?;
        let logins = Logins::parse(logins.as_deref().unwrap_or("{}"))
            .map_err(|why| given("the Secret podometer-registry", &why))?;
        let authority = read(&trust.authority.join("ca.crt"))
            .map_err(|why| given("the ConfigMap podometer-registry-ca", &why))?;
        let certificates = authority.as_deref().map(certificates).unwrap_or_default();
        let config = ClientConfig {
            protocol: ClientProtocol::HttpsExcept(trust.plain_http.to_vec()),
            extra_root_certificates: certificates,
            connect_timeout: Some(SILENCE),
            read_timeout: Some(SILENCE),
            user_agent: concat!("podometer/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let client = Client::try_from(config)
            .map_err(|why| given("what registries are trusted by", &chain(&why)))?;
        Ok(Self {
            client,
            logins: logins.into(),
        })
    }

    /// Looks an image up.
    ///
    /// # Errors
    /// Why that is not possible.
    pub async fn look_up(&self, image: &str) -> Result<Image, LookUpError> {
        let reference: Reference = image.parse()?;
        let login = self.logins.of(reference.registry(), reference.repository());
        let auth = login.map_or(RegistryAuth::Anonymous, |login| {
            RegistryAuth::Basic(login.user.clone(), login.password.clone())
        });
        let found = self.ask(&reference, &auth).await;
        let (digest, config) = found.map_err(|why| in_words(&reference, login.is_some(), why))?;
        Ok(Image::parse(digest, &config)?)
    }

    /// The digest and the configuration.
    async fn ask(
        &self,
        image: &Reference,
        auth: &RegistryAuth,
    ) -> Result<(String, Vec<u8>), OciDistributionError> {
        self.client
            .auth(image, auth, RegistryOperation::Pull)
            .await?;
        let (manifest, digest, index) = self
            .client
            .pull_image_manifest_and_list_digest(image, auth)
            .await?;
        if manifest.config.size > MAX_CONFIG {
            let what = format!("a configuration of {} bytes", manifest.config.size);
            return Err(OciDistributionError::SpecViolationError(what));
        }
        let mut config = Vec::new();
        self.client
            .pull_blob(image, &manifest.config, &mut config)
            .await?;
        Ok((index.unwrap_or(digest), config))
    }
}

/// By its digest, an image stays what was looked up.
pub(in super::super) fn pinned(image: &str, digest: &str) -> String {
    match image.parse::<Reference>() {
        Ok(image) => format!("{}/{}@{digest}", image.registry(), image.repository()),
        Err(_) => image.to_owned(),
    }
}

/// The digest by which a reference names its image, where it does.
pub(in super::super) fn digest(image: &str) -> Option<String> {
    let image = image.parse::<Reference>().ok()?;
    image.digest().map(str::to_owned)
}

/// The text of a file that need not be there.
fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Each of the certificates of a PEM file.
fn certificates(pem: &str) -> Vec<Certificate> {
    const END: &str = "-----END CERTIFICATE-----";
    let parts = pem.split_inclusive(END).filter(|part| part.ends_with(END));
    parts
        .map(|part| Certificate {
            encoding: CertificateEncoding::Pem,
            data: part.as_bytes().to_vec(),
        })
        .collect()
}

fn in_words(image: &Reference, has_login: bool, error: OciDistributionError) -> LookUpError {
    use OciDistributionError as E;
    let registry = image.registry().to_owned();
    let login = |registry, why: String| LookUpError::Login {
        registry,
        why,
        advice: if has_login { BAD_LOGIN } else { NO_LOGIN },
    };
    match error {
        E::AuthenticationFailure(why) => login(registry, why.trim().to_owned()),
        E::UnauthorizedError { .. } => login(registry, "unauthorized".to_owned()),
        E::RegistryError { envelope, .. } => {
            let has = |codes: &[OciErrorCode]| {
                envelope
                    .errors
                    .iter()
                    .any(|error| codes.contains(&error.code))
            };
            if has(&[OciErrorCode::Unauthorized, OciErrorCode::Denied]) {
                login(registry, envelope.to_string())
            } else if has(&NOT_THERE) {
                LookUpError::NotThere { registry }
            } else {
                let passing = has(&[OciErrorCode::Toomanyrequests]);
                let why = envelope.to_string();
                LookUpError::Unreachable {
                    registry,
                    why,
                    passing,
                }
            }
        }
        E::ServerError { code: 404, .. } => LookUpError::NotThere { registry },
        E::ImageManifestNotFoundError(_) => LookUpError::Platform {
            registry,
            platform: std::env::consts::ARCH,
        },
        error => unreachable(registry, &error),
    }
}

fn unreachable(registry: String, error: &OciDistributionError) -> LookUpError {
    let mut why = chain(error);
    // As rustls says it.
    let is_strange = why.contains("invalid peer certificate");
    if is_strange {
        why.push_str(OWN_AUTHORITY);
    }
    let passing = match error {
        OciDistributionError::RequestError(_) => !is_strange,
        OciDistributionError::ServerError { code, .. } => *code >= 500 || *code == 429,
        _ => false,
    };
    LookUpError::Unreachable {
        registry,
        why,
        passing,
    }
}

/// How registries say that something isn't there.
const NOT_THERE: [OciErrorCode; 4] = [
    OciErrorCode::ManifestUnknown,
    OciErrorCode::NameUnknown,
    OciErrorCode::NotFound,
    OciErrorCode::NameInvalid,
];

/// An error with its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_by_its_digest() {
        let digest_of_it = format!("sha256:{}", "0".repeat(64));
        let by = |image| pinned(image, &digest_of_it);
        assert_eq!(
            by("busybox"),
            format!("docker.io/library/busybox@{digest_of_it}")
        );
        let own = format!("registry.example:5000/a/b@{digest_of_it}");
        assert_eq!(by("registry.example:5000/a/b:1"), own);
        assert_eq!(by(&own), own);
        assert_eq!(digest(&own), Some(digest_of_it));
        assert_eq!(digest("registry.example:5000/a/b:1"), None);
    }

    #[test]
    fn each_certificate_of_a_file() {
        let one = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
        assert_eq!(certificates(&one.repeat(2)).len(), 2);
        assert!(certificates("").is_empty());
    }
}
