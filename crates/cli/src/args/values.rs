//! Values with a form of their own.

use std::{str::FromStr, time::Duration};

use jiff::{Span, SpanRelativeTo, Unit};
use model::{HumanDuration, attempt::Token};

/// An age: a duration that also takes days and weeks (`30d`), a day being 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Age(pub(crate) Duration);

impl FromStr for Age {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || "write an age like \"30d\", \"2w\" or \"12h\"".to_owned();
        let span: Span = text.trim().parse().map_err(|_| invalid())?;
        let days = SpanRelativeTo::days_are_24_hours();
        let seconds = span.total((Unit::Second, days)).map_err(|_| invalid())?;
        Duration::try_from_secs_f64(seconds)
            .map(Self)
            .map_err(|_| invalid())
    }
}

/// A sampling period, 0.1 s to 60 s.
pub(super) fn period(text: &str) -> Result<HumanDuration, String> {
    let period: HumanDuration = text.parse().map_err(|error| format!("{error}"))?;
    let range = Duration::from_millis(100)..=Duration::from_mins(1);
    if !range.contains(&period.get()) {
        return Err("a period is 100ms to 60s".to_owned());
    }
    Ok(period)
}

/// `KEY=VALUE`.
pub(super) fn key_value(text: &str) -> Result<(String, Token), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), Token(value.to_owned()))),
        _ => Err("write KEY=VALUE, with a name out of librdkafka's CONFIGURATION.md".to_owned()),
    }
}

/// The beginning of topics' names: what Kafka takes, and short enough to leave room.
pub(super) fn topic_prefix(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.len() > 100 || !text.chars().all(allowed) {
        return Err("a prefix has at most 100 characters of a-z, A-Z, 0-9, '.', '_', '-'".into());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        let days = |text: &str| text.parse::<Age>().unwrap().0.as_secs_f64() / 86_400.0;
        assert!((days("30d") - 30.0).abs() < 1e-9);
        assert!((days("2w") - 14.0).abs() < 1e-9);
        assert!((days("1d 12h") - 1.5).abs() < 1e-9);
        for bad in ["", "30", "d", "-3d", "1y", "a week"] {
            assert!(bad.parse::<Age>().is_err(), "{bad}");
        }
    }

    #[test]
    fn periods_have_bounds() {
        for good in ["100ms", "0.1s", "1s", "60s", "1m"] {
            assert!(period(good).is_ok(), "{good}");
        }
        for bad in ["99ms", "61s", "0s", "1", "-1s"] {
            assert!(period(bad).is_err(), "{bad}");
        }
    }
}
