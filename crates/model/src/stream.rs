//! The runner's TCP stream: JSON lines in both directions.
//!
//! The reader begins with [`Hello`]. The runner answers with [`Frame::Base`], the last acknowledged
//! reading if there is one, so that the next rate has its base; then with a [`Frame::Reading`] for
//! each one that isn't acknowledged, and [`Frame::End`] when no more will come. The reader sends an
//! [`Ack`] for what is safe: the broker has confirmed it, or it is on the reader's disk.
//!
//! A runner that was made ready ahead waits there for [`Go`], the only line of a connection of its own,
//! which it answers with a [`Heard`]. The first GO counts; all others are answered as that one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{AttemptKey, Reading, attempt::Token};

/// The longest line that either side accepts, bytes.
pub const MAX_LINE: usize = 64 * 1024;

/// The longest line with a [`Go`], bytes: what a task is told of earlier ones may be long.
pub const MAX_GO: usize = 1024 * 1024;

/// The orchestrator's word to a runner that waits: start the command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Go {
    /// The order's token.
    pub token: Token,
    /// The attempt that is meant.
    pub key: AttemptKey,
    /// What was not known when the runner was started.
    pub go: Given,
}

/// What a command gets beside what the runner's spec says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Given {
    /// Further variables; they win over the spec's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Further arguments, behind the spec's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub argv_tail: Vec<String>,
}

/// The runner's answer to [`Go`]. Whichever of the first two it is, the attempt's messages follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Heard {
    /// The command was started.
    Started,
    /// The command could not be started, and why.
    Failed(String),
    /// The token or the attempt is not the runner's.
    Refused,
}

/// The reader's first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The order's token.
    pub token: Token,
    /// The attempt that the reader means.
    pub key: AttemptKey,
}

/// A line from the runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all are the large one, and none is kept"
)]
pub enum Frame {
    /// The last acknowledged reading: some reader has seen to it already, this one included.
    Base(Reading),
    /// A reading as it was taken.
    Reading(Reading),
    /// The token or the attempt is not the runner's; the connection ends.
    Refused,
    /// The attempt has ended and this was the last reading.
    End,
}

/// All readings up to this sequence number are safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The sequence number.
    pub ack: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_and_its_answers() {
        let text = r#"{"token":"t","key":{"order_uid":"0198c5d2-0000-7000-8000-000000000000","position":1,"attempt":2},"go":{}}"#;
        let go: Go = serde_json::from_str(text).unwrap();
        assert_eq!(
            (go.go.clone(), go.token.0.as_str()),
            (Given::default(), "t")
        );
        assert_eq!(serde_json::to_string(&go).unwrap(), text);
        let said = |heard| serde_json::to_string(&heard).unwrap();
        assert_eq!(said(Heard::Started), r#""started""#);
        assert_eq!(said(Heard::Failed("x".to_owned())), r#"{"failed":"x"}"#);
        assert_eq!(
            said(Heard::Refused),
            serde_json::to_string(&Frame::Refused).unwrap()
        );
        assert!(
            serde_json::from_str::<Hello>(text).is_ok(),
            "GO is looked for first"
        );
    }
}
