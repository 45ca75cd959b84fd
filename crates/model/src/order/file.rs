//! The order file as it is written.

use schemars::{JsonSchema, Schema, schema_for};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Value, json};

use super::{
    OrderError, OrderProblem, TaskFields,
    locate::{line_column, offset, steps},
};
use crate::{OrderId, TaskName};

/// An order: an id, an input and the tasks to be run one after another.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "an order: an object with \"id\" and \"tasks\""
)]
#[schemars(title = "A Podometer order", transform = other_names)]
pub struct OrderFile {
    /// What names this execution of the order.
    #[serde(alias = "orderID")]
    pub id: OrderId,
    /// The input picture, relative to this file; anything that isn't a string is handed on as text.
    #[serde(default)]
    pub input: Option<Value>,
    /// The tasks, in order; a task may stand in it more than once.
    #[serde(alias = "required_tasks")]
    #[schemars(length(min = 1))]
    pub tasks: Vec<TaskEntry>,
    /// On a cluster: while a task runs, the next one's pod is made ready and waits, so that the gap between
    /// tasks falls to the time of a message. Meanwhile it holds what it requests.
    #[serde(default)]
    pub prewarm: bool,
    /// Accepted and ignored.
    #[serde(default, rename = "completed_tasks")]
    #[schemars(with = "Value")]
    _completed_tasks: Option<IgnoredAny>,
    /// Accepted and ignored.
    #[serde(default, rename = "done")]
    #[schemars(with = "Value")]
    _done: Option<IgnoredAny>,
}

/// A task: its name in the catalogue, or an object that takes what it omits from there.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum TaskEntry {
    /// The name of a task of the catalogue.
    Name(TaskName),
    /// A task with fields of its own.
    Fields(Box<TaskFields>),
}

// By hand, so that an error keeps its place: derived untagged enums lose it.
impl<'de> Deserialize<'de> for TaskEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entry;
        impl<'de> Visitor<'de> for Entry {
            type Value = TaskEntry;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the name of a task or an object that describes one")
            }
            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<TaskEntry, E> {
                name.parse().map(TaskEntry::Name).map_err(E::custom)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TaskEntry, A::Error> {
                TaskFields::deserialize(MapAccessDeserializer::new(map))
                    .map(|fields| TaskEntry::Fields(Box::new(fields)))
            }
        }
        deserializer.deserialize_any(Entry)
    }
}

/// `orderID` and `required_tasks` in the schema, which schemars doesn't take from serde's aliases.
fn other_names(schema: &mut Schema) {
    for (name, other) in [("id", "orderID"), ("tasks", "required_tasks")] {
        let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
            return;
        };
        if let Some(property) = properties.get(name).cloned() {
            properties.insert(other.to_owned(), property);
        }
    }
    schema.remove("required");
    schema.insert(
        "allOf".to_owned(),
        json!([
            { "oneOf": [{ "required": ["id"] }, { "required": ["orderID"] }] },
            { "oneOf": [{ "required": ["tasks"] }, { "required": ["required_tasks"] }] },
        ]),
    );
}

/// The JSON Schema of an order file.
pub fn schema() -> Value {
    schema_for!(OrderFile).to_value()
}

/// A file's text with the name that errors give it.
#[derive(Debug, Clone)]
pub struct OrderSource {
    /// The name as the user gave it.
    pub file: String,
    /// The text.
    pub text: String,
}

impl OrderSource {
    /// Reads the text as JSON of a known form.
    pub(crate) fn read<'de, T: Deserialize<'de>>(&'de self) -> Result<T, OrderError> {
        let text = self.text.strip_prefix('\u{feff}').unwrap_or(&self.text);
        let mut json = serde_json::Deserializer::from_str(text);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            self.json_error(path.trim_end_matches(['?', '.']), error.inner())
        })?;
        json.end().map_err(|error| self.json_error("", &error))?;
        Ok(value)
    }

    /// An error at a field.
    pub fn error(&self, path: &str, problem: OrderProblem) -> OrderError {
        let (line, column) =
            offset(&self.text, &steps(path)).map_or((1, 1), |at| line_column(&self.text, at));
        OrderError {
            file: self.file.clone(),
            line,
            column,
            path: path.to_owned(),
            problem,
        }
    }

    /// The first of some fields that the file has, so that an error uses the file's own name for it.
    pub(super) fn first_of<'a>(&self, names: &[&'a str]) -> &'a str {
        let top = offset(&self.text, &[]);
        let found = names
            .iter()
            .find(|name| offset(&self.text, &steps(name)) != top);
        found.or(names.first()).copied().unwrap_or_default()
    }

    fn json_error(&self, path: &str, error: &serde_json::Error) -> OrderError {
        let full = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let problem = OrderProblem::Json(full.strip_suffix(&place).unwrap_or(&full).to_owned());
        if error.is_data() && !path.is_empty() && offset(&self.text, &[]).is_some() {
            return self.error(path, problem);
        }
        let (line, column) = (error.line().max(1), error.column().max(1));
        OrderError {
            file: self.file.clone(),
            line,
            column,
            path: path.to_owned(),
            problem,
        }
    }
}
