//! What can be wrong with an order or a catalogue, and where.

use std::fmt;

use thiserror::Error;

use crate::TaskName;

/// One problem of one file, at its place.
#[derive(Debug, Clone, PartialEq, Error)]
pub struct OrderError {
    /// The file as the user named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The field, `tasks[2].timeout` say; empty for the file as a whole.
    pub path: String,
    /// What is wrong.
    #[source]
    pub problem: OrderProblem,
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        self.problem.fmt(f)
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum OrderProblem {
    /// No JSON, a wrong type, an unknown or missing field: in the JSON reader's words.
    #[error("{0}")]
    Json(String),
    /// The list of tasks is empty.
    #[error("an order needs at least one task")]
    NoTasks,
    /// More tasks than anybody means.
    #[error("{0} tasks are too many; an order takes at most {max}", max = super::check::MAX_TASKS)]
    TooManyTasks(usize),
    /// The object of a task has no name.
    #[error("a task needs a \"name\"")]
    NoName,
    /// The name stands in no catalogue, and the task brings nothing to run.
    #[error(
        "no task \"{name}\" in the catalogue, which has: {known}; \
         name one of these, give the task an \"image\" or a \"command\", or add it with --catalog FILE"
    )]
    UnknownTask {
        /// The unknown name.
        name: TaskName,
        /// The known ones.
        known: String,
    },
    /// The task can't run on this machine.
    #[error(
        "task \"{0}\" can't run on this machine: it has an image only; \
         give it \"local\": [\"COMMAND\", ...], or run the order on a cluster"
    )]
    NotLocal(TaskName),
    /// It can't run on a cluster.
    #[error(
        "the task {0} has no image; give it \"image\": \"...\", or run the order on this machine"
    )]
    NoImage(TaskName),
    /// It has a part of a pod that isn't its to say.
    #[error("{0} of a pod is Podometer's own; leave it out")]
    PodPart(String),
    /// A command without a program.
    #[error("must name a program: write [\"PROGRAM\", \"ARGUMENT\", ...]")]
    EmptyCommand,
    /// A text that no process can be given.
    #[error("contains a NUL character, which no process can be given")]
    Nul,
    /// No name of an environment variable.
    #[error(
        "{0:?} is not the name of an environment variable: it must not be empty or contain '='"
    )]
    EnvName(String),
    /// A variable that Podometer itself sets.
    #[error("{0:?} is set by Podometer itself; choose a name that doesn't begin with PODOMETER_")]
    ReservedEnv(String),
    /// An image with blanks, or an empty one.
    #[error("{0:?} is not an image reference: write one like \"registry.example/name:1.0\"")]
    Image(String),
    /// More asked for than allowed.
    #[error(
        "the request of {request} is above the limit of {limit}; raise the limit or lower the request"
    )]
    RequestAboveLimit {
        /// What is requested.
        request: String,
        /// What is allowed.
        limit: String,
    },
    /// More retries than anybody means.
    #[error("{0} retries are too many; at most {max}", max = super::check::MAX_RETRIES)]
    TooManyRetries(u32),
    /// The input can't be read.
    #[error("{0}")]
    Input(String),
    /// An entry of a catalogue names itself.
    #[error("the entry's name is its key; remove the field \"name\"")]
    NameInCatalogue,
}
