//! Kubernetes quantities: `500m` processor, `128Mi` memory.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is no quantity.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidQuantity {
    /// Not of the form number plus suffix.
    #[error("{0:?} is not a quantity: write a number with an optional suffix, {1}")]
    Form(String, &'static str),
    /// Negative, or too large for any machine.
    #[error("{0:?} is out of range: write a positive quantity, {1}")]
    Range(String, &'static str),
}

/// The factors of <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.
fn suffix_factor(suffix: &str) -> Option<f64> {
    let binary = |power: i32| 1024f64.powi(power);
    Some(match suffix {
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        exponent => {
            let power = exponent.strip_prefix(['e', 'E'])?;
            10f64.powi(power.parse::<i32>().ok().filter(|p| p.abs() <= 30)?)
        }
    })
}

fn parse(text: &str, example: &'static str) -> Result<f64, InvalidQuantity> {
    let form = || InvalidQuantity::Form(text.to_owned(), example);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = unsigned
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(digits);
    if !number.bytes().any(|b| b.is_ascii_digit()) {
        return Err(form());
    }
    let number: f64 = number.parse().map_err(|_| form())?;
    let value = number * suffix_factor(suffix).ok_or_else(form)?;
    if text.starts_with('-') || value <= 0.0 || !value.is_finite() {
        return Err(InvalidQuantity::Range(text.to_owned(), example));
    }
    Ok(value)
}

/// One kind of quantity, which keeps the text that it was written as.
macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $example:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(try_from = "Raw", into = "String")]
        pub struct $name { text: String, value: f64 }

        impl FromStr for $name {
            type Err = InvalidQuantity;
            fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
                let value = parse(text, $example)?;
                if value > $max {
                    return Err(InvalidQuantity::Range(text.to_owned(), $example));
                }
                Ok(Self { text: text.to_owned(), value })
            }
        }

        impl TryFrom<Raw> for $name {
            type Error = InvalidQuantity;
            fn try_from(raw: Raw) -> Result<Self, InvalidQuantity> {
                match raw {
                    Raw::Text(text) => text.parse(),
                    Raw::Number(number) => number.to_string().parse(),
                }
            }
        }

        impl From<$name> for String {
            fn from(quantity: $name) -> String {
                quantity.text
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.text)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": ["string", "number"],
                    "description": concat!("A Kubernetes quantity, ", $example),
                })
            }
        }
    };
}

/// Kubernetes takes a bare number as well as a text.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a quantity: a text like \"500m\" or \"128Mi\", or a number"
)]
enum Raw {
    Text(String),
    Number(serde_json::Number),
}

quantity! {
    /// An amount of processor.
    CpuQuantity, "\"500m\" or \"2\" (cores)", 1e6
}
quantity! {
    /// An amount of memory.
    ByteQuantity, "\"128Mi\" or \"1G\" (bytes)", 9e18
}

impl CpuQuantity {
    /// The amount in cores.
    pub fn cores(&self) -> f64 {
        self.value
    }
}

impl ByteQuantity {
    /// The amount in whole bytes.
    pub fn bytes(&self) -> u64 {
        self.value.round() as u64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_kubernetes_reads() {
        let cores = |t: &str| t.parse::<CpuQuantity>().unwrap().cores();
        let bytes = |t: &str| t.parse::<ByteQuantity>().unwrap().bytes();
        assert!((cores("500m") - 0.5).abs() < 1e-12);
        assert!((cores("1.5") - 1.5).abs() < 1e-12);
        assert_eq!(bytes("128Mi"), 128 << 20);
        assert_eq!(bytes("1G"), 1_000_000_000);
        assert_eq!(bytes("1e3"), 1000);
        assert_eq!(bytes("0.5Ki"), 512);
    }

    #[test]
    fn refuses_the_rest() {
        for bad in [
            "", "m", "1x", "-1", "0", "1 Mi", "1.2.3", ".", "1e99", "NaN", "١",
        ] {
            assert!(bad.parse::<ByteQuantity>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*") {
            let _ = text.parse::<CpuQuantity>();
        }

        #[test]
        fn wire_form_parses_back(n in 1u32.., suffix in "(m|k|M|Ki|Mi|Gi)?") {
            let quantity: ByteQuantity = format!("{n}{suffix}").parse().unwrap();
            let wire = serde_json::to_string(&quantity).unwrap();
            prop_assert_eq!(serde_json::from_str::<ByteQuantity>(&wire).unwrap(), quantity);
        }
    }
}
