//! The termination log: what stands of an attempt when its runner can't say anything any more.

use serde::{Deserialize, Serialize};

use crate::{
    AttemptKey, Envelope, OrderTopics, Timestamp, Totals, message::WireError, run::RunEnd,
};

/// The largest termination log that Kubernetes keeps, bytes.
pub const MAX_BYTES: usize = 4096;

/// Rewritten by the runner at every sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TerminationLog {
    /// The form's version.
    pub v: u32,
    /// Whose it is.
    pub key: AttemptKey,
    /// When the command was started; `None` before.
    pub started_at: Option<Timestamp>,
    /// When it was last written.
    pub written_at: Timestamp,
    /// The last reading's sequence number.
    pub last_seq: u64,
    /// Totals up to then.
    pub totals: Totals,
    /// How the command ended, once it has.
    pub end: Option<RunEnd>,
    /// Whether the broker confirmed all messages.
    pub delivered: bool,
    /// The output, if it is short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The process group of the command, for whoever has to end it.
    pub process_group: Option<i32>,
}

impl TerminationLog {
    /// The text to be written: at most [`MAX_BYTES`], without the output where it doesn't fit.
    ///
    /// # Errors
    /// None that data can cause: all of it can be written as JSON.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        let text = serde_json::to_string(self)?;
        if text.len() <= MAX_BYTES {
            return Ok(text);
        }
        let mut short = Self {
            output: None,
            ..self.clone()
        };
        if let Some(end) = &mut short.end {
            end.message = end.message.take().map(|m| m.chars().take(200).collect());
        }
        serde_json::to_string(&short)
    }
}

/// A message that the runner could not tell the broker, for whoever can later. A file of them has
/// one a line, in the order in which they are to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undelivered {
    /// Where it is to go.
    pub topic: String,
    /// The record's key.
    pub key: String,
    /// The record's value. Its headers follow from it.
    pub value: String,
}

impl Undelivered {
    /// A message for a topic.
    ///
    /// # Errors
    /// None that data can cause: all of it can be written as JSON.
    pub fn new(topic: &str, envelope: &Envelope) -> Result<Self, WireError> {
        let record = envelope.encode()?;
        Ok(Self {
            topic: topic.to_owned(),
            key: record.key.to_owned(),
            value: String::from_utf8_lossy(&record.value).into_owned(),
        })
    }

    /// The lines of a file.
    ///
    /// # Errors
    /// None that data can cause.
    pub fn to_lines(all: &[Self]) -> Result<String, serde_json::Error> {
        let lines: Result<Vec<_>, _> = all.iter().map(serde_json::to_string).collect();
        Ok(lines?.join("\n"))
    }

    /// Reads a file's text: the messages with their topics.
    ///
    /// # Errors
    /// The first that is none, or that isn't this attempt's on a topic of its order: the file lies
    /// where the task can write.
    pub fn parse(
        text: &str,
        key: AttemptKey,
        topics: &OrderTopics,
    ) -> Result<Vec<(String, Envelope)>, UndeliveredError> {
        let read = |(n, line): (usize, &str)| {
            let line_number = n + 1;
            let foreign = UndeliveredError::Foreign { line: line_number };
            let record: Self =
                serde_json::from_str(line).map_err(|source| UndeliveredError::Line {
                    line: line_number,
                    source,
                })?;
            let (record_key, value) = (record.key.as_bytes(), record.value.as_bytes());
            let envelope = Envelope::decode(Some(record_key), value).map_err(|source| {
                UndeliveredError::Message {
                    line: line_number,
                    source,
                }
            })?;
            let ours = [&topics.task, &topics.orchestrator].contains(&&record.topic);
            if !ours || envelope.header.key() != Some(key) {
                return Err(foreign);
            }
            Ok((record.topic, envelope))
        };
        text.lines().enumerate().map(read).collect()
    }
}

/// Why a file of undelivered messages is not sent.
#[derive(Debug, thiserror::Error)]
pub enum UndeliveredError {
    /// A line that is no record.
    #[error("line {line}: {source}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A record that is no message.
    #[error("line {line}: {source}")]
    Message {
        /// Which, from 1.
        line: usize,
        /// What is wrong.
        source: WireError,
    },
    /// A message of another attempt, or for a topic that isn't the order's.
    #[error("line {line} is not about this attempt")]
    Foreign {
        /// Which, from 1.
        line: usize,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        Attempt, Message, OrderUid, Position,
        message::{Header, Progress},
    };

    fn key(attempt: u32) -> AttemptKey {
        AttemptKey {
            order_uid: OrderUid(uuid::Uuid::nil()),
            position: Position(0),
            attempt: Attempt(attempt),
        }
    }

    fn topics() -> OrderTopics {
        OrderTopics::own("", &"leaf".parse().unwrap())
    }

    fn progress(output: &str) -> Envelope {
        let (output, ended_at) = (output.to_owned(), Timestamp(5));
        Envelope {
            header: Header::attempt("leaf".parse().unwrap(), key(1), "t".parse().unwrap()),
            message: Message::Progress(Progress { output, ended_at }),
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(outputs in prop::collection::vec("\\PC*|[\n\"\\\\]*", 0..5)) {
            let sent: Vec<_> = outputs.iter().map(|o| ("taskleaf".to_owned(), progress(o))).collect();
            let records = sent.iter().map(|(t, e)| Undelivered::new(t, e).unwrap());
            let text = Undelivered::to_lines(&records.collect::<Vec<_>>()).unwrap();
            prop_assert_eq!(Undelivered::parse(&text, key(1), &topics()).unwrap(), sent);
        }

        #[test]
        fn rubbish_is_an_error(text in "\\PC+") {
            prop_assert!(Undelivered::parse(&text, key(1), &topics()).is_err());
        }
    }

    #[test]
    fn what_concerns_somebody_else_is_refused() {
        let line = |topic: &str| {
            Undelivered::to_lines(&[Undelivered::new(topic, &progress("x")).unwrap()]).unwrap()
        };
        assert!(Undelivered::parse(&line("taskleaf"), key(2), &topics()).is_err());
        assert!(Undelivered::parse(&line("taskother"), key(1), &topics()).is_err());
        assert!(Undelivered::parse(&line("resourceleaf"), key(1), &topics()).is_err());
        assert!(Undelivered::parse(&line("orchestrator"), key(1), &topics()).is_ok());
    }
}
