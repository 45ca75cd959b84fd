//! Logins of registries, as Docker's `config.json` has them. Pure.

use std::{collections::BTreeMap, fmt};

use k8s_openapi::ByteString;
use serde::Deserialize;

/// How Docker has always called its own registry.
const DOCKER: [&str; 4] = [
    "docker.io",
    "index.docker.io",
    "registry-1.docker.io",
    "registry.docker.io",
];

/// Logins by what they are for: a registry, or some of its repositories.
#[derive(Debug, Default)]
pub(super) struct Logins(BTreeMap<String, Login>);

/// A name and what proves it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({}, ***)", self.user)
    }
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    username: Option<String>,
    password: Option<String>,
    /// `USER:PASSWORD`, in base64.
    auth: Option<ByteString>,
}

impl Entry {
    fn login(self) -> Option<Login> {
        if let (Some(user), Some(password)) = (self.username, self.password) {
            return Some(Login { user, password });
        }
        let text = String::from_utf8(self.auth?.0).ok()?;
        let (user, password) = text.trim_end_matches(['\0', '\n']).split_once(':')?;
        Some(Login {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }
}

impl Logins {
    /// Reads a `config.json`.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let file: File = serde_json::from_str(text)?;
        let logins = file
            .auths
            .into_iter()
            .filter_map(|(name, entry)| Some((place(&name), entry.login()?)));
        Ok(Self(logins.collect()))
    }

    /// The login for a repository of a registry: the one that is most its own.
    pub(super) fn of(&self, registry: &str, repository: &str) -> Option<&Login> {
        let wanted = place(&format!("{registry}/{repository}"));
        let fits = |place: &str| {
            let rest = wanted.strip_prefix(place);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let all = self.0.iter().filter(|(place, _)| fits(place));
        all.max_by_key(|(place, _)| place.len())
            .map(|(_, login)| login)
    }
}

/// `https://registry.example/v2/` and `registry.example` are one and the same.
fn place(name: &str) -> String {
    let name = name.split_once("://").map_or(name, |(_, rest)| rest);
    let name = name.trim_end_matches('/');
    let name = ["/v1", "/v2"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name);
    let (host, path) = name.split_at(name.find('/').unwrap_or(name.len()));
    let host = if DOCKER.contains(&host) {
        DOCKER[0]
    } else {
        host
    };
    format!("{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{ "auths": {
        "https://index.docker.io/v1/": { "auth": "aHViOmh1Yi1wYXNz" },
        "registry.example:5000": { "username": "all", "password": "p:q", "email": "x@example" },
        "https://registry.example:5000/team/v2/": { "username": "team", "password": "p" },
        "empty.example": {}
    }, "credsStore": "other" }"#;

    fn user<'a>(logins: &'a Logins, registry: &str, repository: &str) -> Option<&'a str> {
        let login = logins.of(registry, repository)?;
        Some(&login.user)
    }

    #[test]
    fn the_longest_place_that_fits() {
        let logins = Logins::parse(FILE).unwrap();
        let own = "registry.example:5000";
        assert_eq!(user(&logins, own, "x"), Some("all"));
        assert_eq!(user(&logins, own, "teams/x"), Some("all"));
        assert_eq!(user(&logins, own, "team/x"), Some("team"));
        assert_eq!(user(&logins, "registry.example", "team/x"), None);
        assert_eq!(user(&logins, "empty.example", "x"), None);
    }

    #[test]
    fn dockers_own_by_any_of_its_names() {
        let logins = Logins::parse(FILE).unwrap();
        let login = logins.of("docker.io", "library/busybox").unwrap();
        assert_eq!((&*login.user, &*login.password), ("hub", "hub-pass"));
        assert!(!format!("{logins:?}").contains("hub-pass"));
    }

    #[test]
    fn a_file_without_logins_and_one_that_is_none() {
        assert!(Logins::parse("{}").unwrap().0.is_empty());
        assert!(Logins::parse("no").is_err());
    }
}
