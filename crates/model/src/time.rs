//! Instants: whole microseconds since the Unix epoch, UTC.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// An instant in whole microseconds since 1970-01-01T00:00:00Z. It prints and parses as RFC 3339;
/// messages carry the number.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Seconds from `earlier` to `self`, negative if `self` is the earlier one.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / 1e6
    }

    /// The instant as RFC 3339 in UTC, or `None` outside of the years -9999 to 9999.
    pub fn to_rfc3339(self) -> Option<String> {
        jiff::Timestamp::from_microsecond(self.0)
            .ok()
            .map(|t| format!("{t:.6}"))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_rfc3339() {
            Some(text) => f.pad(&text),
            None => write!(f, "{} us", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;
    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse::<jiff::Timestamp>()
            .map(|t| Self(t.as_microsecond()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prints_rfc3339() {
        assert_eq!(
            Timestamp(1_700_000_000_000_001).to_string(),
            "2023-11-14T22:13:20.000001Z"
        );
    }

    proptest! {
        #[test]
        fn prints_and_parses_back(us in -1_000_000_000_000_000i64..4_000_000_000_000_000) {
            prop_assert_eq!(Timestamp(us).to_string().parse::<Timestamp>().unwrap(), Timestamp(us));
        }

        #[test]
        fn any_number_prints(us in any::<i64>()) {
            let _ = Timestamp(us).to_string();
        }
    }
}
