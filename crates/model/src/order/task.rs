//! A task of an order.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{HumanDuration, Resources, TaskName};

/// A task's fields as they are written, in an order or (without the name) in a catalogue. Whatever
/// is omitted is taken from the catalogue's entry, field by field.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "camelCase",
    expecting = "an object that describes a task"
)]
pub struct TaskFields {
    /// The name: a DNS label.
    pub name: Option<TaskName>,
    /// The container image.
    pub image: Option<String>,
    /// The program and its first arguments, instead of the image's entrypoint.
    pub command: Option<Vec<String>>,
    /// Arguments: after the command's, or instead of those that the image gives its entrypoint.
    pub args: Option<Vec<String>>,
    /// The command on this machine, instead of image and command.
    pub local: Option<Vec<String>>,
    /// Environment variables.
    pub env: Option<BTreeMap<String, String>>,
    /// The working folder.
    pub working_dir: Option<String>,
    /// What is requested and what is allowed.
    pub resources: Option<Resources>,
    /// How often a failed task is tried again; 0 if omitted.
    pub retries: Option<u32>,
    /// How long it may run, from the command's start; without end if omitted.
    pub timeout: Option<HumanDuration>,
    /// Who reports the task's end: Podometer's runner, or the task itself in plain text.
    pub messages: Option<Messages>,
    /// A partial pod spec for the cluster.
    pub pod: Option<Map<String, Value>>,
}

impl TaskFields {
    /// These fields, and for those that are missing the other's.
    pub(crate) fn or(self, other: &Self) -> Self {
        Self {
            name: self.name.or_else(|| other.name.clone()),
            image: self.image.or_else(|| other.image.clone()),
            command: self.command.or_else(|| other.command.clone()),
            args: self.args.or_else(|| other.args.clone()),
            local: self.local.or_else(|| other.local.clone()),
            env: self.env.or_else(|| other.env.clone()),
            working_dir: self.working_dir.or_else(|| other.working_dir.clone()),
            resources: self.resources.or_else(|| other.resources.clone()),
            retries: self.retries.or(other.retries),
            timeout: self.timeout.or(other.timeout),
            messages: self.messages.or(other.messages),
            pod: self.pod.or_else(|| other.pod.clone()),
        }
    }
}

/// Who reports a task's end and output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Messages {
    /// The runner alone.
    #[default]
    Runner,
    /// The task sends plain-text messages itself; the runner reports beside it.
    Task,
}

/// What an order is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// A file, relative to the order file.
    Path(String),
    /// A text (a JSON value that was no string).
    Text(String),
}

/// A complete task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its name.
    pub name: TaskName,
    /// The container image.
    pub image: Option<String>,
    /// The program and its first arguments in the container; empty for the image's entrypoint.
    pub command: Vec<String>,
    /// Arguments after the command's.
    pub args: Vec<String>,
    /// The command on this machine.
    pub local: Option<Vec<String>>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// The working folder; the order's workspace if `None`.
    pub working_dir: Option<String>,
    /// What is requested and what is allowed.
    pub resources: Resources,
    /// How often it is tried again.
    pub retries: u32,
    /// How long it may run.
    pub timeout: Option<HumanDuration>,
    /// Who reports.
    pub messages: Messages,
    /// A partial pod spec.
    pub pod: Option<Map<String, Value>>,
}

impl Task {
    /// The command and arguments for a process of this machine; `None` if there is nothing to run
    /// here.
    pub fn local_argv(&self) -> Option<Vec<String>> {
        let bare = || Some(self.command.clone()).filter(|c| self.image.is_none() && !c.is_empty());
        let mut argv = self.local.clone().or_else(bare)?;
        argv.extend(self.args.iter().cloned());
        Some(argv)
    }
}
