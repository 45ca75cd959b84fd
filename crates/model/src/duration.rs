//! Durations as people write them: `30s`, `5m`, `1h30m`.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a duration: write one like \"30s\", \"5m\" or \"1h30m\", above zero")]
pub struct InvalidDuration(String);

/// A duration above zero, at most 100 years, with units from milliseconds to hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "String")]
pub struct HumanDuration(Duration);

/// A bare number counts seconds.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a duration: a text like \"30s\", \"5m\" or \"1h30m\""
)]
enum Raw {
    Text(String),
    Seconds(f64),
}

const MAX: Duration = Duration::from_hours(100 * 366 * 24);

impl HumanDuration {
    /// As the standard library's type.
    pub fn get(self) -> Duration {
        self.0
    }
}

impl TryFrom<Duration> for HumanDuration {
    type Error = InvalidDuration;
    fn try_from(duration: Duration) -> Result<Self, InvalidDuration> {
        if duration.is_zero() || duration > MAX {
            return Err(InvalidDuration(format!("{duration:?}")));
        }
        Ok(Self(duration))
    }
}

impl FromStr for HumanDuration {
    type Err = InvalidDuration;
    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let invalid = || InvalidDuration(text.to_owned());
        let parsed: SignedDuration = text.trim().parse().map_err(|_| invalid())?;
        Duration::try_from(parsed)
            .map_err(|_| invalid())
            .and_then(|d| Self::try_from(d).map_err(|_| invalid()))
    }
}

impl TryFrom<Raw> for HumanDuration {
    type Error = InvalidDuration;
    fn try_from(raw: Raw) -> Result<Self, InvalidDuration> {
        match raw {
            Raw::Text(text) => text.parse(),
            Raw::Seconds(seconds) => Duration::try_from_secs_f64(seconds)
                .map_err(|_| InvalidDuration(seconds.to_string()))
                .and_then(Self::try_from),
        }
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SignedDuration::try_from(self.0) {
            Ok(signed) => write!(f, "{signed:#}"),
            Err(_) => write!(f, "{:?}", self.0),
        }
    }
}

impl From<HumanDuration> for String {
    fn from(duration: HumanDuration) -> String {
        duration.to_string()
    }
}

impl JsonSchema for HumanDuration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "number"],
            "description": "A duration like \"30s\", \"5m\" or \"1h30m\"; a bare number is seconds",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        let seconds = |t: &str| t.parse::<HumanDuration>().unwrap().get().as_secs_f64();
        assert!((seconds("5m") - 300.0).abs() < 1e-9);
        assert!((seconds("1h30m") - 5400.0).abs() < 1e-9);
        assert!((seconds("500ms") - 0.5).abs() < 1e-9);
        for bad in ["", "5", "5 parsecs", "-5s", "0s", "5mm", "999999999999h"] {
            assert!(bad.parse::<HumanDuration>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn wire_form_parses_back(ms in 1u64..10_000_000_000) {
            let duration = HumanDuration::try_from(Duration::from_millis(ms)).unwrap();
            let wire = serde_json::to_string(&duration).unwrap();
            prop_assert_eq!(serde_json::from_str::<HumanDuration>(&wire).unwrap(), duration);
        }

        #[test]
        fn never_panics(text in ".*", number in any::<f64>()) {
            let _ = text.parse::<HumanDuration>();
            let _ = HumanDuration::try_from(Raw::Seconds(number));
        }
    }
}
