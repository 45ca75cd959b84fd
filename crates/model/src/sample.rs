//! A sample: all resources of one attempt at one instant, with rates over its time step.

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
    ser::SerializeMap,
};

use crate::{Reading, Resource};

/// One value, or none, for each resource. On the wire a map from name to number.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Values([Option<f64>; Resource::COUNT]);

impl Values {
    /// The value of a resource, in its unit.
    pub fn get(&self, resource: Resource) -> Option<f64> {
        self.0[resource.index()]
    }

    /// Sets or removes a value; one that isn't finite is removed.
    pub fn set(&mut self, resource: Resource, value: Option<f64>) {
        self.0[resource.index()] = value.filter(|v| v.is_finite());
    }

    /// The resources that have a value, with it.
    pub fn iter(&self) -> impl Iterator<Item = (Resource, f64)> {
        Resource::ALL
            .iter()
            .filter_map(|r| self.get(*r).map(|v| (*r, v)))
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (resource, value) in self.iter() {
            map.serialize_entry(resource.name(), &value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Values;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map from resource to number")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values, A::Error> {
                let mut values = Values::default();
                while let Some(Name(resource)) = map.next_key()? {
                    let value = map.next_value()?;
                    // A newer version's resource is not ours to refuse.
                    if let Some(resource) = resource {
                        values.set(resource, value);
                    }
                }
                Ok(values)
            }
        }
        deserializer.deserialize_map(Map)
    }
}

/// A resource by its name, looked up where it stands: there are many to a sample.
struct Name(Option<Resource>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Name;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the name of a resource")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Name, E> {
                Ok(Name(Resource::named(text)))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// One sample as it is published and stored.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The cumulative counters and gauges that it was made from.
    pub reading: Reading,
    /// The values: rates since the previous reading, gauges at this one.
    pub values: Values,
    /// How many readings right before this one were missed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missed_before: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn wire_form_parses_back(
            numbers in prop::collection::vec(
                prop::option::of(prop::num::f64::NORMAL | prop::num::f64::ZERO),
                Resource::COUNT,
            ),
        ) {
            let mut values = Values::default();
            for (resource, number) in Resource::ALL.iter().zip(numbers) {
                values.set(*resource, number);
            }
            let wire = serde_json::to_string(&values).unwrap();
            prop_assert_eq!(serde_json::from_str::<Values>(&wire).unwrap(), values);
        }
    }

    #[test]
    fn what_is_not_finite_is_missing() {
        let mut values = Values::default();
        values.set(Resource::Cpu, Some(f64::NAN));
        assert_eq!(values.get(Resource::Cpu), None);
    }
}
