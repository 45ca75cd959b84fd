//! The Secret `podometer-secrets`: made once, and never overwritten.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::{args::Overlay, load::Usage};

/// Its name.
pub(crate) const NAME: &str = "podometer-secrets";
/// Where tokens of orders on shared topics come from.
pub(crate) const SECRET: &str = "secret";
/// What people must show to the server of the page.
pub(crate) const SERVER_TOKEN: &str = "server-token";
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
    let mut wanted = BTreeMap::from([(SECRET, random()), (SERVER_TOKEN, random())]);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn has(keys: &[&str]) -> BTreeMap<String, String> {
        keys.iter()
            .map(|key| ((*key).to_owned(), "old".to_owned()))
            .collect()
    }

    fn add(overlay: Overlay, has: &BTreeMap<String, String>, given: &Given) -> Vec<String> {
        let mut number = 0;
        let random = || {
            number += 1;
            format!("random{number}")
        };
        let missing = missing(overlay, has, given, random).unwrap();
        missing
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect()
    }

    #[test]
    fn a_local_database_gets_a_password_once() {
        let nothing = Given::default();
        let first = [
            "database-password=random3",
            "database-url=postgres://postgres:random3@timescaledb:5432/postgres",
            "secret=random1",
            "server-token=random2",
        ];
        assert_eq!(add(Overlay::Local, &has(&[]), &nothing), first);
        let all = has(&[SECRET, SERVER_TOKEN, PASSWORD, DATABASE_URL]);
        assert!(add(Overlay::Local, &all, &nothing).is_empty());
        // Whoever brings the password gets the address that fits.
        let url = "database-url=postgres://postgres:old@timescaledb:5432/postgres";
        assert_eq!(
            add(Overlay::Local, &has(&[SECRET, SERVER_TOKEN, PASSWORD]), &nothing),
            [url]
        );
    }

    #[test]
    fn a_production_database_is_named_by_people() {
        let nothing = Given::default();
        let unsaid = missing(Overlay::Production, &has(&[SECRET]), &nothing, random);
        assert!(matches!(unsaid, Err(Usage::NoDatabaseOnCluster)));
        assert_eq!(
            add(Overlay::Production, &has(&[DATABASE_URL]), &nothing),
            ["secret=random1", "server-token=random2"]
        );
        let given = Given {
            database_url: Some("postgres://db".to_owned()),
            kafka: Some("acks=all".to_owned()),
        };
        let all = [
            "database-url=postgres://db",
            "kafka.properties=acks=all",
            "secret=random1",
            "server-token=random2",
        ];
        assert_eq!(add(Overlay::Production, &has(&[]), &given), all);
        let some = has(&[SECRET, SERVER_TOKEN, DATABASE_URL]);
        assert_eq!(
            add(Overlay::Production, &some, &given),
            ["kafka.properties=acks=all"]
        );
        assert_eq!(kept(&some, &given), [DATABASE_URL]);
    }

    #[test]
    fn chance_is_long_and_fits_into_an_address() {
        let (one, other) = (random(), random());
        assert_ne!(one, other);
        assert!(one.len() == 64 && one.chars().all(|c| c.is_ascii_hexdigit()));
    }
}
