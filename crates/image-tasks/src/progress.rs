//! What the earlier tasks of the order have left, and where the picture is.

use serde::Deserialize;
use serde_json::{Map, Value};

/// One line of `PODOMETER_PROGRESS`: the output of an earlier task.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Earlier {
    /// The task's place in the order, from 0.
    pub position: u32,
    /// The task's name.
    pub task: String,
    /// The try that succeeded, from 1.
    #[serde(default)]
    pub attempt: u32,
    /// What the task said; any text, `null` if nothing.
    #[serde(default)]
    pub output: Option<String>,
}

/// The outputs of the earlier tasks, oldest first. Outputs that are not one line of JSON
/// (other people's tasks) count as having said nothing about pictures.
#[derive(Clone, Debug, Default)]
pub struct Progress(Vec<(Earlier, Map<String, Value>)>);

impl Progress {
    /// Reads a JSON array of [`Earlier`]; empty text is an empty array.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut earlier: Vec<Earlier> = serde_json::from_str(text)?;
        earlier.sort_by_key(|e| (e.position, e.attempt));
        Ok(Self(
            earlier
                .into_iter()
                .map(|e| {
                    let fields = fields(&e);
                    (e, fields)
                })
                .collect(),
        ))
    }

    /// The place that follows the last earlier task, if there is one.
    pub(crate) fn next_position(&self) -> Option<u32> {
        self.0
            .last()
            .map(|(earlier, _)| earlier.position.saturating_add(1))
    }

    /// The newest picture. With `clean`, where that one is an annotated one, the picture
    /// that was annotated: lines and letters are not to be measured.
    pub(crate) fn picture(&self, clean: bool) -> Option<&str> {
        let (_, newest) = self
            .0
            .iter()
            .rev()
            .find(|(_, f)| text(f, "image").is_some())?;
        let original = text(newest, "annotates").filter(|_| clean);
        original.or_else(|| text(newest, "image"))
    }

    /// The newest leaf mask that still belongs to the current picture: a `camera` after it
    /// has made another picture (other sizes are noticed when the mask is read).
    pub(crate) fn mask(&self) -> Option<&str> {
        let mut since_camera = self.0.iter().rev().take_while(|(e, _)| e.task != "camera");
        since_camera.find_map(|(_, f)| text(f, "mask"))
    }

    /// The map of the newest diagnosis, if it was made of `picture`.
    pub(crate) fn diagnosis(&self, picture: &str) -> Option<&str> {
        let (_, newest) = self
            .0
            .iter()
            .rev()
            .find(|(_, f)| text(f, "map").is_some())?;
        text(newest, "map").filter(|_| text(newest, "image") == Some(picture))
    }
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name)?.as_str().filter(|s| !s.is_empty())
}

fn fields(earlier: &Earlier) -> Map<String, Value> {
    let last_line = earlier
        .output
        .as_deref()
        .and_then(|o| o.trim().lines().last());
    match last_line.map(serde_json::from_str) {
        Some(Ok(Value::Object(fields))) => fields,
        _ => Map::new(),
    }
}
