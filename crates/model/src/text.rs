//! The plain-text messages of tasks that report for themselves.
//!
//! Key `ORDER`, value `required_tasks:task_name:orderID`; key `PROGRESS`, value `progress:output`,
//! both to `orchestrator`; `HALT`/`HALT` and `STOP`/`STOP` to `task<id>`.

use crate::{Attempt, OrderId, Position};

/// A plain-text message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextMessage {
    /// Recorded, starts nothing.
    Order,
    /// Supplies an attempt's output.
    Progress {
        /// The order's id as the task echoed it.
        order: OrderId,
        /// The task's place.
        position: Position,
        /// The try.
        attempt: Attempt,
        /// The output: all that stands behind the progress that the task was given.
        output: String,
    },
    /// Recorded, ends nothing.
    Halt,
    /// Recorded, ends nothing.
    Stop,
}

/// The argument `required_tasks`: a bracketed list of quoted names, `['a', 'b']`.
pub fn required_tasks<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = names.into_iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", quoted.join(", "))
}

/// The argument `progress`: `<id>.<position>.<attempt>`, then the earlier outputs, joined by `:`.
pub fn progress<'a>(text_id: &'a str, outputs: impl IntoIterator<Item = &'a str>) -> String {
    let mut fields = vec![text_id];
    fields.extend(outputs);
    fields.join(":")
}

/// Reads a record as a plain-text message. `None` if it is none, or if its `PROGRESS` doesn't echo
/// an attempt. `given` says what progress the named attempt was given, so that an output may hold
/// colons itself; without it the output is what follows the first field.
pub fn parse(
    key: Option<&[u8]>,
    value: &[u8],
    given: impl FnOnce(&OrderId, Position, Attempt) -> Option<String>,
) -> Option<TextMessage> {
    let key = std::str::from_utf8(key?).ok()?;
    let value = String::from_utf8_lossy(value);
    match key {
        "HALT" if value == "HALT" => Some(TextMessage::Halt),
        "STOP" if value == "STOP" => Some(TextMessage::Stop),
        "ORDER" if value.starts_with('[') && value.matches(':').count() >= 2 => {
            Some(TextMessage::Order)
        }
        "PROGRESS" if !value.starts_with('{') => {
            let first = value.split(':').next()?;
            let (order, position, attempt) = parse_text_id(first)?;
            let echoed = given(&order, position, attempt);
            let rest = echoed
                .and_then(|given| value.strip_prefix(given.as_str()))
                .unwrap_or(&value[first.len()..]);
            let output = rest.strip_prefix(':').unwrap_or(rest).to_owned();
            Some(TextMessage::Progress {
                order,
                position,
                attempt,
                output,
            })
        }
        _ => None,
    }
}

fn parse_text_id(text: &str) -> Option<(OrderId, Position, Attempt)> {
    let mut parts = text.rsplitn(3, '.');
    let attempt = parts.next()?.parse().ok().filter(|a: &Attempt| a.0 >= 1)?;
    let position = parts.next()?.parse().ok()?;
    Some((parts.next()?.parse().ok()?, position, attempt))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn given(text: &str) -> impl FnOnce(&OrderId, Position, Attempt) -> Option<String> {
        let text = text.to_owned();
        move |_, _, _| Some(text)
    }

    #[test]
    fn lists_are_bracketed() {
        assert_eq!(required_tasks(["a", "b"]), "['a', 'b']");
        assert_eq!(required_tasks([]), "[]");
    }

    proptest! {
        #[test]
        fn outputs_come_back_whole(
            earlier in prop::collection::vec("[^\u{0}]{0,20}", 0..4),
            output in ".{0,40}",
            position in 0u32..100,
            attempt in 1u32..9,
        ) {
            let progress = progress(
                &format!("leaf-1.{position}.{attempt}"),
                earlier.iter().map(String::as_str),
            );
            let value = format!("{progress}:{output}");
            let message = parse(Some(b"PROGRESS"), value.as_bytes(), given(&progress));
            prop_assert_eq!(message, Some(TextMessage::Progress {
                order: "leaf-1".parse().unwrap(),
                position: Position(position),
                attempt: Attempt(attempt),
                output,
            }));
        }

        #[test]
        fn never_panics(key in prop::collection::vec(any::<u8>(), 0..9),
                        value in prop::collection::vec(any::<u8>(), 0..99)) {
            let _ = parse(Some(&key), &value, given("x"));
            let _ = parse(Some(b"PROGRESS"), &value, given("x"));
        }
    }
}
