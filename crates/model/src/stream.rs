//! The runner's TCP stream: JSON lines in both directions.
//!
//! The reader begins with [`Hello`]; the runner answers with a [`Frame`] for each reading, the
//! unacknowledged ones first, beginning with the last acknowledged one (so that the next rate has
//! its base), and [`Frame::End`] when no more will come. The reader sends an [`Ack`] for what the
//! broker has confirmed.

use serde::{Deserialize, Serialize};

use crate::{AttemptKey, Reading, attempt::Token};

/// The longest line that either side accepts, bytes.
pub const MAX_LINE: usize = 64 * 1024;

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
