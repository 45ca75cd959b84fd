//! The termination log: what stands of an attempt when its runner can't say anything any more.

use serde::{Deserialize, Serialize};

use crate::{AttemptKey, Timestamp, Totals, run::RunEnd};

/// The largest termination log that Kubernetes keeps, bytes.
pub const MAX_BYTES: usize = 4096;

/// Rewritten by the runner at every sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TerminationLog {
    /// The form's version.
    pub v: u32,
    /// Whose it is.
    pub key: AttemptKey,
    /// When the command was started; `None` before.
    pub started_at: Option<Timestamp>,
    /// When it was last written.
    pub written_at: Timestamp,
    /// The last reading's sequence number.
    pub last_seq: u64,
    /// Totals up to then.
    pub totals: Totals,
    /// How the command ended, once it has.
    pub end: Option<RunEnd>,
    /// Whether the broker confirmed all messages.
    pub delivered: bool,
    /// The output, if it is short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The process group of the command, for whoever has to end it.
    pub process_group: Option<i32>,
}

impl TerminationLog {
    /// The text to be written: at most [`MAX_BYTES`], without the output where it doesn't fit.
    ///
    /// # Errors
    /// None that data can cause: all of it can be written as JSON.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        let text = serde_json::to_string(self)?;
        if text.len() <= MAX_BYTES {
            return Ok(text);
        }
        let mut short = Self {
            output: None,
            ..self.clone()
        };
        if let Some(end) = &mut short.end {
            end.message = end.message.take().map(|m| m.chars().take(200).collect());
        }
        serde_json::to_string(&short)
    }
}
