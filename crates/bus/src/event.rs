//! The codec's reading half: what a record turns out to be.

use std::sync::Arc;

use model::{Envelope, message::WireError, text};

/// A record and where it stood.
#[derive(Debug)]
pub struct Incoming {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// What key and value take, before compression.
    pub bytes: usize,
    /// What it is.
    pub event: Event,
}

/// What a record turned out to be.
#[derive(Debug)]
pub enum Event {
    /// A message.
    Message(Envelope),
    /// A plain-text record of a task that reports for itself. Parse it with [`model::text::parse`],
    /// which wants to know what progress the attempt was given.
    Text {
        /// The record's key.
        key: Vec<u8>,
        /// The record's value.
        value: Vec<u8>,
    },
    /// Neither: hand it to [`crate::Publisher::dead_letter`] and go on.
    Unreadable(Unreadable),
}

/// A record that can't be read.
#[derive(Debug)]
pub struct Unreadable {
    /// The record's key.
    pub key: Option<Vec<u8>>,
    /// The record's value; empty if it had none.
    pub value: Vec<u8>,
    /// What is wrong with it.
    pub error: WireError,
}

impl Event {
    /// Reads a record.
    pub fn decode(key: Option<&[u8]>, value: &[u8]) -> Self {
        match Envelope::decode(key, value) {
            Ok(envelope) => Self::Message(envelope),
            Err(error) => match key {
                Some(name) if text::parse(key, value, |_, _, _| None).is_some() => Self::Text {
                    key: name.to_vec(),
                    value: value.to_vec(),
                },
                _ => Self::Unreadable(Unreadable {
                    key: key.map(<[u8]>::to_vec),
                    value: value.to_vec(),
                    error,
                }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_text_is_told_from_rubbish() {
        let text = |key: &str, value: &str| {
            matches!(
                Event::decode(Some(key.as_bytes()), value.as_bytes()),
                Event::Text { .. }
            )
        };
        assert!(text("HALT", "HALT"));
        assert!(text("STOP", "STOP"));
        assert!(text("ORDER", "['a', 'b']:a:leaf-1"));
        assert!(text("PROGRESS", "leaf-1.0.1:out"));
        assert!(!text("PROGRESS", "out without an echo"));
        assert!(!text("HALT", "{}"));
        assert!(!text("NEWS", "HALT"));
        assert!(matches!(
            Event::decode(None, b"HALT"),
            Event::Unreadable(Unreadable {
                key: None,
                error: WireError::NoKey,
                ..
            })
        ));
    }

    proptest! {
        #[test]
        fn never_panics(key in prop::option::of(prop::collection::vec(any::<u8>(), 0..9)),
                        value in prop::collection::vec(any::<u8>(), 0..99)) {
            if let Event::Unreadable(record) = Event::decode(key.as_deref(), &value) {
                prop_assert_eq!((record.key, record.value), (key, value));
            }
        }
    }
}
