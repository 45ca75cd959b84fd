//! The one place where the time is read.

use std::time::{SystemTime, UNIX_EPOCH};

use model::Timestamp;

/// Tells the time.
pub type Clock = fn() -> Timestamp;

/// The machine's wall clock.
pub fn system() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(since.as_micros() as i64)
}
