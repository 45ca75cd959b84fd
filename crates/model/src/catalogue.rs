//! The task catalogue: what a task's name alone stands for.

use std::collections::BTreeMap;

use crate::{
    TaskName,
    order::{OrderError, OrderProblem, OrderSource, TaskFields},
};

/// Known tasks by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Catalogue(BTreeMap<TaskName, TaskFields>);

impl Catalogue {
    /// The example tasks, which the binary carries.
    ///
    /// # Errors
    /// None that a user can cause: a test reads the file.
    pub fn builtin() -> Result<Self, OrderError> {
        Self::parse(&OrderSource {
            file: "catalogue.json".to_owned(),
            text: include_str!("../catalogue.json").to_owned(),
        })
    }

    /// Reads a catalogue file: an object from a task's name to its fields.
    ///
    /// # Errors
    /// The first thing that is wrong with it, with its place in the file.
    pub fn parse(source: &OrderSource) -> Result<Self, OrderError> {
        let entries: BTreeMap<TaskName, TaskFields> = source.read()?;
        for (name, fields) in &entries {
            let problem = crate::order::check_fields(fields, name.as_str())
                .err()
                .or_else(|| {
                    let named = fields.name.is_some();
                    named.then(|| (format!("{name}.name"), OrderProblem::NameInCatalogue))
                });
            if let Some((path, problem)) = problem {
                return Err(source.error(&path, problem));
            }
        }
        Ok(Self(entries))
    }

    /// Adds the entries of another one; where both have a name, the other's fields go first and
    /// what they omit is kept.
    pub fn extend(&mut self, other: Self) {
        for (name, fields) in other.0 {
            let merged = match self.0.remove(&name) {
                Some(old) => fields.or(&old),
                None => fields,
            };
            self.0.insert(name, merged);
        }
    }

    /// A task's entry.
    pub fn get(&self, name: &TaskName) -> Option<&TaskFields> {
        self.0.get(name)
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(TaskName::as_str)
    }
}
