//! Orders: what a person writes, checked and completed from the catalogue.

mod check;
mod error;
mod file;
mod locate;
mod task;

pub(crate) use check::check_fields;
pub use error::{OrderError, OrderProblem};
pub use file::{OrderFile, OrderSource, TaskEntry, schema};
pub use task::{Input, Messages, Task, TaskFields};

use serde::{Deserialize, Serialize};

use crate::{Catalogue, OrderId};

/// An order that can be run: every task is complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// What names its execution.
    pub id: OrderId,
    /// What its first task is given.
    pub input: Option<Input>,
    /// Its tasks, in order; at least one.
    pub tasks: Vec<Task>,
    /// Whether the next task's pod is made ready while a task runs, on a cluster.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prewarm: bool,
}

impl Order {
    /// Reads an order file.
    ///
    /// # Errors
    /// The first thing that is wrong with it, with its place in the file.
    pub fn parse(source: &OrderSource, catalogue: &Catalogue) -> Result<Self, OrderError> {
        let file: OrderFile = source.read()?;
        check::complete(file, source, catalogue)
    }

    /// Says whether every task can run as a process of this machine.
    ///
    /// # Errors
    /// The first task that has neither `local` nor a bare `command`.
    pub fn check_local(&self, source: &OrderSource) -> Result<(), OrderError> {
        match self
            .tasks
            .iter()
            .position(|task| task.local_argv().is_none())
        {
            None => Ok(()),
            Some(position) => Err(source.error(
                &format!("tasks[{position}]"),
                OrderProblem::NotLocal(self.tasks[position].name.clone()),
            )),
        }
    }

    /// Says whether every task can run on a cluster.
    ///
    /// # Errors
    /// The first task that has no image, or that says what isn't its to say.
    pub fn check_cluster(&self, source: &OrderSource) -> Result<(), OrderError> {
        for (position, task) in self.tasks.iter().enumerate() {
            let path = format!("tasks[{position}]");
            if task.image.is_none() {
                return Err(source.error(&path, OrderProblem::NoImage(task.name.clone())));
            }
            let parts = task.pod.iter().flat_map(|pod| pod.keys());
            if let Some(part) = parts
                .into_iter()
                .find(|part| OWN_PARTS.contains(&part.as_str()))
            {
                let path = format!("{path}.pod.{part}");
                return Err(source.error(&path, OrderProblem::PodPart(part.clone())));
            }
        }
        Ok(())
    }
}

/// The parts of a pod spec that a task can't say: its containers and volumes are made from the order.
const OWN_PARTS: [&str; 6] = [
    "containers",
    "initContainers",
    "ephemeralContainers",
    "volumes",
    "restartPolicy",
    "activeDeadlineSeconds",
];

#[cfg(test)]
mod tests;
