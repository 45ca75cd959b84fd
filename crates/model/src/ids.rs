//! Ids that can't be mixed up: each prints itself and parses back.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// Why a text is no name of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{text:?} is not a valid {kind}: write 1 to {max} characters of a-z, 0-9 and '-', \
     beginning and ending with a letter or digit"
)]
pub struct InvalidName {
    kind: &'static str,
    text: String,
    max: usize,
}

fn is_dns_label(text: &str, max: usize) -> bool {
    let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
    (1..=max).contains(&text.len())
        && text.bytes().all(|b| inner(&b))
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A DNS label (RFC 1123) of limited length as a type of its own.
macro_rules! dns_label {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The longest allowed text, in characters.
            pub const MAX: usize = $max;

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                if is_dns_label(&text, $max) {
                    Ok(Self(text))
                } else {
                    Err(InvalidName { kind: $kind, text, max: $max })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                    "maxLength": $max,
                })
            }
        }
    };
}

dns_label! {
    /// The id that a person gives an order; it names one execution.
    OrderId, "order id", 34
}
dns_label! {
    /// The name of a task.
    TaskName, "task name", 63
}

impl OrderId {
    /// The `n`th name made from this one (`leaf-1` -> `leaf-1-2`), shortened where it would grow
    /// past [`OrderId::MAX`].
    #[must_use]
    pub fn numbered(&self, n: u32) -> Self {
        let suffix = format!("-{n}");
        let stem = &self.0[..self.0.len().min(Self::MAX - suffix.len())];
        Self(format!("{}{suffix}", stem.trim_end_matches('-')))
    }
}

/// What makes one execution of an order unlike every other one: a UUID of version 7.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct OrderUid(#[schemars(with = "String")] pub Uuid);

impl fmt::Display for OrderUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for OrderUid {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

/// A counted thing as a type of its own.
macro_rules! count {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
            JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

count! {
    /// A task's place in its order, from 0.
    Position
}
count! {
    /// One try of a task, from 1.
    Attempt
}

/// What names one attempt of one task of one execution, everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AttemptKey {
    /// The execution of the order.
    pub order_uid: OrderUid,
    /// The task's place.
    pub position: Position,
    /// The try.
    pub attempt: Attempt,
}

impl fmt::Display for AttemptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.order_uid, self.position, self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_dns_labels() {
        for good in ["a", "leaf-1", "0", &"x".repeat(34)] {
            assert_eq!(good.parse::<OrderId>().unwrap().to_string(), good);
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a b", "ä", &"x".repeat(35)] {
            assert!(bad.parse::<OrderId>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_parses_or_errs(text in ".*") {
            if let Ok(name) = text.parse::<TaskName>() {
                prop_assert_eq!(name.as_str(), text);
            }
        }

        #[test]
        fn numbered_ids_are_ids(text in "[a-z0-9]([-a-z0-9]{0,32}[a-z0-9])?", n in 1u32..) {
            let id: OrderId = text.parse().unwrap();
            let next = id.numbered(n);
            prop_assert!(next.as_str().parse::<OrderId>().is_ok(), "{}", next);
        }
    }
}
