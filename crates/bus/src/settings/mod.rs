//! The options that a person gives for a Kafka, from wherever they come.

mod java;
mod properties;
mod rules;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use model::attempt::{KAFKA_PROPERTIES_VARIABLE, Token};
use rdkafka::ClientConfig;

use crate::Error;

/// What the names of environment variables that hold an option begin with.
pub const VARIABLE_PREFIX: &str = "PODOMETER_KAFKA_OPTION_";

/// How to reach a Kafka: its address and the options of the clients. Later calls win over earlier
/// ones; a program calls them in the order files, environment, command line. Values are never
/// shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    servers: Option<String>,
    options: BTreeMap<String, Token>,
}

impl Settings {
    /// A Kafka at this address (`host:port`, with commas between several), without options.
    pub fn new(bootstrap_servers: &str) -> Result<Self, Error> {
        let mut settings = Self::default();
        settings.set_bootstrap_servers(bootstrap_servers)?;
        Ok(settings)
    }

    /// The settings of a service in a cluster: files, then the process's environment (the text of
    /// such a file in `PODOMETER_KAFKA_PROPERTIES`, then single options), then the address.
    pub fn of_service(servers: Option<&str>, files: &[PathBuf]) -> Result<Self, Error> {
        let mut settings = Self::default();
        for file in files {
            settings.read_file(file)?;
        }
        if let Ok(text) = std::env::var(KAFKA_PROPERTIES_VARIABLE) {
            settings.read_properties(KAFKA_PROPERTIES_VARIABLE, &text)?;
        }
        let text = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        settings.read_environment(std::env::vars_os().filter_map(text))?;
        if let Some(servers) = servers.map(str::trim).filter(|text| !text.is_empty()) {
            settings.set_bootstrap_servers(servers)?;
        }
        Ok(settings)
    }

    /// `bootstrap.servers`, where something has set it.
    pub fn bootstrap_servers(&self) -> Option<&str> {
        self.servers.as_deref()
    }

    /// Sets `bootstrap.servers`.
    pub fn set_bootstrap_servers(&mut self, list: &str) -> Result<(), Error> {
        self.take("--bootstrap-servers", "bootstrap.servers", list)
    }

    /// Takes the options of a properties file, as Kafka's own tools write them.
    pub fn read_file(&mut self, path: &Path) -> Result<(), Error> {
        let text = fs::read_to_string(path).map_err(|source| Error::OptionFile {
            path: path.to_owned(),
            source,
        })?;
        self.read_properties(&path.display().to_string(), &text)
    }

    /// Takes the options of a properties file with this name and content.
    pub fn read_properties(&mut self, file: &str, text: &str) -> Result<(), Error> {
        let entries = properties::parse(text).map_err(|broken| Error::Properties {
            file: file.to_owned(),
            line: broken.line,
            reason: broken.reason,
        })?;
        for entry in entries {
            let origin = format!("{file}, line {}", entry.line);
            self.take(&origin, &entry.key, &entry.value)?;
        }
        Ok(())
    }

    /// Takes the options of an environment: variables like `PODOMETER_KAFKA_OPTION_SASL_PASSWORD`,
    /// for `sasl.password`. All others are left alone.
    pub fn read_environment(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), Error> {
        for (name, value) in variables {
            let Some(key) = name.strip_prefix(VARIABLE_PREFIX) else {
                continue;
            };
            let key = match key {
                // The one option with an underscore.
                "LOG_LEVEL" => "log_level".to_owned(),
                key => key.to_ascii_lowercase().replace('_', "."),
            };
            self.take(&format!("the variable {name}"), &key, &value)?;
        }
        Ok(())
    }

    /// Takes an option of the command line, which everybody on the machine can read: no secrets.
    pub fn set_option(&mut self, key: &str, value: &str) -> Result<(), Error> {
        if rules::is_secret(key) && rules::refusal(key, value).is_none() {
            let variable = key.to_ascii_uppercase().replace('.', "_");
            let reason = format!(
                "everybody on this machine can read it there; put it into a file for --kafka-config \
                 or into the variable {VARIABLE_PREFIX}{variable}"
            );
            return Err(Error::option("--kafka-option", key, reason));
        }
        self.take("--kafka-option", key, value)
    }

    fn take(&mut self, origin: &str, key: &str, value: &str) -> Result<(), Error> {
        if matches!(key, "bootstrap.servers" | "metadata.broker.list") {
            let servers = servers(value).ok_or_else(|| {
                let reason = "write host:port, with commas between several".to_owned();
                Error::option(origin, key, reason)
            })?;
            self.servers = Some(servers);
            return Ok(());
        }
        if let Some(reason) = rules::refusal(key, value) {
            return Err(Error::option(origin, key, reason));
        }
        ClientConfig::new()
            .set(key, value)
            .create_native_config()
            .map_err(|error| Error::option(origin, key, reason(key, value, &error)))?;
        if !rules::is_ours(key) {
            let key = rules::canonical(key).to_owned();
            self.options.insert(key, Token(value.to_owned()));
        }
        Ok(())
    }

    /// The clients' options without the address, to be handed to a runner.
    pub fn into_options(self) -> BTreeMap<String, Token> {
        self.options
    }

    pub(crate) fn options(&self) -> &BTreeMap<String, Token> {
        &self.options
    }
}

/// A list of addresses without blanks; `None` if one is missing its host or port. Without a port
/// Kafka's own is meant.
fn servers(list: &str) -> Option<String> {
    let names: Vec<_> = list.split(',').map(str::trim).collect();
    let good = |name: &&str| match name.rsplit_once(':') {
        Some((host, port)) => !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0),
        None => !name.is_empty() && !name.contains(char::is_whitespace),
    };
    names.iter().all(good).then(|| names.join(","))
}

/// librdkafka's words, without the value where it is a secret.
fn reason(key: &str, value: &str, error: &rdkafka::error::KafkaError) -> String {
    let rdkafka::error::KafkaError::ClientConfig(_, text, ..) = error else {
        return error.to_string();
    };
    if text.contains("at build time") {
        return format!(
            "this Podometer was built without what it needs ({text}); use a build with TLS, or a \
             listener of the broker that does without"
        );
    }
    let text = if rules::is_secret(key) && !value.is_empty() {
        text.replace(value, "***")
    } else {
        text.clone()
    };
    format!("{text}; librdkafka's CONFIGURATION.md lists what it takes")
}

#[cfg(test)]
mod tests;
