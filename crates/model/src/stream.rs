//! The runner's TCP stream: JSON lines in both directions.
//!
//! The reader begins with [`Hello`]. The runner answers with [`Frame::Base`], the last acknowledged
//! reading if there is one, so that the next rate has its base; then with a [`Frame::Reading`] for
//! each one that isn't acknowledged, and [`Frame::End`] when no more will come. The reader sends an
//! [`Ack`] for what is safe: the broker has confirmed it, or it is on the reader's disk.

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
