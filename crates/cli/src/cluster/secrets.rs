//! The Secret `podometer-secrets`: made once, and never overwritten.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::{args::Overlay, load::Usage};

/// Its name.
pub(crate) const NAME: &str = "podometer-secrets";
/// Where tokens of orders on shared topics come from.
pub(crate) const SECRET: &str = "secret";
/// The password of the database in the cluster.
pub(crate) const PASSWORD: &str = "database-password";
/// Where the database is, with the password.
pub(crate) const DATABASE_URL: &str = "database-url";
/// Options of the Kafka clients.
pub(crate) const KAFKA: &str = "kafka.properties";

/// What was given for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    /// Where the database is.
    pub(crate) database_url: Option<String>,
    /// The text of a properties file.
    pub(crate) kafka: Option<String>,
}

/// What is to be added to what it has. `random` makes passwords.
///
/// # Errors
/// If the address of the database is needed and nobody said it.
pub(crate) fn missing(
    overlay: Overlay,
    has: &BTreeMap<String, String>,
    given: &Given,
    mut random: impl FnMut() -> String,
) -> Result<BTreeMap<&'static str, String>, Usage> {
    let mut wanted = BTreeMap::from([(SECRET, random())]);
    match overlay {
        Overlay::Local => {
            let password = has.get(PASSWORD).cloned().unwrap_or_else(&mut random);
            let url = format!("postgres://postgres:{password}@timescaledb:5432/postgres");
            wanted.insert(PASSWORD, password);
            wanted.insert(DATABASE_URL, url);
        }
        Overlay::Production => {
            if let Some(url) = &given.database_url {
                wanted.insert(DATABASE_URL, url.clone());
            } else if !has.contains_key(DATABASE_URL) {
                return Err(Usage::NoDatabaseOnCluster);
            }
            if let Some(text) = &given.kafka {
                wanted.insert(KAFKA, text.clone());
            }
        }
    }
    wanted.retain(|key, _| !has.contains_key(*key));
    Ok(wanted)
}

/// What was given but stays as it is, because it is there.
pub(crate) fn kept(has: &BTreeMap<String, String>, given: &Given) -> Vec<&'static str> {
    let all = [
        (DATABASE_URL, given.database_url.is_some()),
        (KAFKA, given.kafka.is_some()),
    ];
    let kept = all
        .into_iter()
        .filter(|(key, given)| *given && has.contains_key(*key));
    kept.map(|(key, _)| key).collect()
}

/// 244 bits of the system's randomness, in characters that a URL takes as they are.
pub(crate) fn random() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}
