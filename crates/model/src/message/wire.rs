//! Records: what a broker carries.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

use super::{Message, VERSION};
use crate::{Attempt, AttemptKey, OrderId, OrderUid, Position, TaskName};

/// Whose message it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The order's id.
    pub order: OrderId,
    /// The execution.
    pub order_uid: OrderUid,
    /// The attempt and its task, where the message concerns one.
    pub attempt: Option<(Position, Attempt, TaskName)>,
}

impl Header {
    /// For a message that concerns one attempt.
    pub fn attempt(order: OrderId, key: AttemptKey, task: TaskName) -> Self {
        Self {
            order,
            order_uid: key.order_uid,
            attempt: Some((key.position, key.attempt, task)),
        }
    }

    /// For a message that concerns the order as a whole.
    pub fn order(order: OrderId, order_uid: OrderUid) -> Self {
        Self {
            order,
            order_uid,
            attempt: None,
        }
    }

    /// The attempt that the message concerns.
    pub fn key(&self) -> Option<AttemptKey> {
        self.attempt
            .as_ref()
            .map(|(position, attempt, _)| AttemptKey {
                order_uid: self.order_uid,
                position: *position,
                attempt: *attempt,
            })
    }
}

/// A message and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// Whose.
    pub header: Header,
    /// What.
    pub message: Message,
}

/// A record as a broker carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The type.
    pub key: &'static str,
    /// The identity, for those who filter without reading the value.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub value: Vec<u8>,
}

/// Why a record can't be read.
#[derive(Debug, Error)]
pub enum WireError {
    /// No key, or one that isn't text.
    #[error("the record has no readable key")]
    NoKey,
    /// A key that names no message.
    #[error("{0:?} is no message type of this version")]
    UnknownKey(String),
    /// The value isn't what the key says.
    #[error("{key}: {source}")]
    Value {
        /// The type.
        key: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A later version.
    #[error("{key}: version {v} is not known here (this is {VERSION}); update Podometer")]
    Version {
        /// The type.
        key: &'static str,
        /// Its version.
        v: u32,
    },
    /// A message about an attempt that names none.
    #[error("{0}: position, attempt and task are missing")]
    NoAttempt(&'static str),
}

#[derive(Serialize, Deserialize)]
struct Wire<B> {
    v: u32,
    order: OrderId,
    order_uid: OrderUid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt: Option<Attempt>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task: Option<TaskName>,
    body: B,
}

/// Only the version, so that a later one is named as such whatever else it changed.
#[derive(Deserialize)]
struct Version {
    v: u32,
}

impl Envelope {
    /// The record to be sent.
    ///
    /// # Errors
    /// None that data can cause: all of it can be written as JSON.
    pub fn encode(&self) -> Result<Record, WireError> {
        let key = self.message.kind();
        let value = match &self.message {
            Message::Order(body) => self.json(body),
            Message::Progress(body) => self.json(body),
            Message::Backlog(body) => self.json(body),
            Message::Halt(body) => self.json(body),
            Message::Sample(body) => self.json(body),
            Message::Run(body) => self.json(body),
            Message::Stop(body) => self.json(body),
            Message::Terminate(body) => self.json(body),
        }
        .map_err(|source| WireError::Value { key, source })?;
        Ok(Record {
            key,
            headers: self.headers(),
            value,
        })
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("order", self.header.order.to_string()),
            ("order_uid", self.header.order_uid.to_string()),
        ];
        if let Some((position, attempt, task)) = &self.header.attempt {
            headers.push(("position", position.to_string()));
            headers.push(("attempt", attempt.to_string()));
            headers.push(("task", task.to_string()));
        }
        headers
    }

    fn json<B: Serialize>(&self, body: &B) -> Result<Vec<u8>, serde_json::Error> {
        let attempt = self.header.attempt.as_ref();
        serde_json::to_vec(&Wire {
            v: VERSION,
            order: self.header.order.clone(),
            order_uid: self.header.order_uid,
            position: attempt.map(|(position, _, _)| *position),
            attempt: attempt.map(|(_, attempt, _)| *attempt),
            task: attempt.map(|(_, _, task)| task.clone()),
            body,
        })
    }

    /// Reads a record.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(key: Option<&[u8]>, value: &[u8]) -> Result<Self, WireError> {
        let key = key
            .and_then(|k| std::str::from_utf8(k).ok())
            .ok_or(WireError::NoKey)?;
        match key {
            "ORDER" => body("ORDER", value, true, |b| Message::Order(Box::new(b))),
            "PROGRESS" => body("PROGRESS", value, true, Message::Progress),
            "BACKLOG" => body("BACKLOG", value, true, Message::Backlog),
            "HALT" => body("HALT", value, true, |b| Message::Halt(Box::new(b))),
            "SAMPLE" => body("SAMPLE", value, true, |b| Message::Sample(Box::new(b))),
            "RUN" => body("RUN", value, true, |b| Message::Run(Box::new(b))),
            "STOP" => body("STOP", value, false, Message::Stop),
            "TERMINATE" => body("TERMINATE", value, false, Message::Terminate),
            other => Err(WireError::UnknownKey(other.chars().take(64).collect())),
        }
    }
}

fn body<B: DeserializeOwned>(
    key: &'static str,
    value: &[u8],
    of_attempt: bool,
    message: impl FnOnce(B) -> Message,
) -> Result<Envelope, WireError> {
    // Text is checked as a whole: a tenth faster than string by string.
    let read = match std::str::from_utf8(value) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(value),
    };
    let wire: Wire<B> = read.map_err(|source| match serde_json::from_slice(value) {
        Ok(Version { v }) if v > VERSION => WireError::Version { key, v },
        _ => WireError::Value { key, source },
    })?;
    if wire.v != VERSION {
        return Err(WireError::Version { key, v: wire.v });
    }
    let attempt = match (wire.position, wire.attempt, wire.task) {
        (Some(position), Some(attempt), Some(task)) => Some((position, attempt, task)),
        _ if of_attempt => return Err(WireError::NoAttempt(key)),
        _ => None,
    };
    let header = Header {
        order: wire.order,
        order_uid: wire.order_uid,
        attempt,
    };
    Ok(Envelope {
        header,
        message: message(wire.body),
    })
}

#[cfg(test)]
mod tests;
