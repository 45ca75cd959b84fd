//! What an image's configuration says of how it is run. Pure.

use std::path::PathBuf;

use model::{Task, order::Messages};
use serde::{Deserialize, Serialize};

/// A longer command than anybody writes into an image, bytes: it stands in the order's ConfigMap.
const MAX_COMMAND: usize = 16 << 10;

/// How an image is run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// `sha256:...`, of its index where it is made for several platforms.
    pub digest: String,
    /// The program and its first arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// The arguments where nobody gives others; without an entrypoint they begin with the program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// Where it is run, if not in the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<PathBuf>,
    /// Who it is run as, where that is a number that isn't root's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
}

/// Somebody who isn't root, by number: names are known to the image alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The user.
    pub uid: u32,
    /// The group; the one that the image's own list of users says if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
}

/// Why a configuration is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It isn't one.
    #[error("its configuration can't be read: {0}")]
    Json(#[from] serde_json::Error),
    /// Nobody can mean it.
    #[error("its command has {0} bytes, which is more than {MAX_COMMAND}")]
    TooLong(usize),
}

#[derive(Deserialize)]
struct ConfigFile {
    #[serde(default)]
    config: Option<Config>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    working_dir: Option<PathBuf>,
    user: Option<String>,
}

impl Image {
    /// Reads an image's configuration (JSON, as OCI and Docker write it).
    ///
    /// # Errors
    /// It is none.
    pub fn parse(digest: String, config: &[u8]) -> Result<Self, ConfigError> {
        let file: ConfigFile = serde_json::from_slice(config)?;
        let config = file.config.unwrap_or_default();
        let (entrypoint, cmd) = (
            config.entrypoint.unwrap_or_default(),
            config.cmd.unwrap_or_default(),
        );
        let bytes = entrypoint.iter().chain(&cmd).map(String::len).sum();
        if bytes > MAX_COMMAND {
            return Err(ConfigError::TooLong(bytes));
        }
        let folder = config
            .working_dir
            .filter(|folder| folder.parent().is_some());
        Ok(Self {
            digest,
            entrypoint,
            cmd,
            working_dir: folder,
            user: config.user.as_deref().and_then(user),
        })
    }

    /// The entrypoint with a task's arguments, or with the image's own if it has none.
    fn argv(&self, task: &Task) -> Vec<String> {
        // What a plain-text task gets from Podometer are arguments, too.
        let replaced = !task.args.is_empty() || task.messages == Messages::Task;
        // Where there is no entrypoint, the program stands in the arguments: Podometer's own never replace it.
        let keeps = !replaced || (task.args.is_empty() && self.entrypoint.is_empty());
        let cmd = if keeps { self.cmd.as_slice() } else { &[] };
        [self.entrypoint.as_slice(), cmd, &task.args].concat()
    }
}

/// What a task runs in its container: its command, or its image's; `None` if there is neither.
pub(in super::super) fn argv(task: &Task, image: Option<&Image>) -> Option<Vec<String>> {
    let argv = if task.command.is_empty() {
        image?.argv(task)
    } else {
        [task.command.as_slice(), &task.args].concat()
    };
    Some(argv).filter(|argv| !argv.is_empty())
}

/// `1000`, `1000:1000`, `app:app`, nothing.
fn user(text: &str) -> Option<User> {
    let (uid, gid) = text
        .split_once(':')
        .map_or((text, None), |(uid, gid)| (uid, Some(gid)));
    // Kubernetes takes no larger ones.
    let number = |text: &str| {
        text.parse::<i32>()
            .ok()
            .filter(|n| *n > 0)
            .map(i32::cast_unsigned)
    };
    Some(User {
        uid: number(uid)?,
        gid: gid.and_then(number),
    })
}

#[cfg(test)]
#[path = "image_tests.rs"]
mod tests;
