//! How an order stands, and why a run ended.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A word that is none of the known ones.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no {1}")]
pub struct UnknownWord(String, &'static str);

/// An enumeration of plain words that prints, parses and lists itself.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $kind:literal { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord(text.to_owned(), $kind)),
                }
            }
        }
    };
}

words! {
    /// How an order stands.
    Status, "order status" {
        /// Known, not begun.
        Queued = "queued",
        /// Its tasks run.
        Running = "running",
        /// Every task completed.
        Succeeded = "succeeded",
        /// A task ended otherwise and had no retry left.
        Failed = "failed",
        /// A person ended it.
        Terminated = "terminated",
    }
}

impl Status {
    /// Whether nothing follows.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

words! {
    /// Why a run ended.
    Reason, "reason" {
        /// Exit code 0.
        Completed = "completed",
        /// Another exit code, or the command could not be started.
        Error = "error",
        /// A signal that was none of ours.
        Signal = "signal",
        /// The kernel killed it for want of memory.
        OomKilled = "oom_killed",
        /// It ran past its time-out.
        TimedOut = "timed_out",
        /// Its node threw it out.
        Evicted = "evicted",
        /// Its image can't be had.
        Image = "image",
        /// No node takes it.
        Unschedulable = "unschedulable",
        /// What ran the order was itself killed.
        Interrupted = "interrupted",
        /// It ended, but its runner could not say how.
        ReportLost = "report_lost",
        /// Its runner died, or its pod vanished.
        Lost = "lost",
        /// A person ended the order.
        Terminated = "terminated",
    }
}

impl Reason {
    /// Whether the task did what it was to do.
    pub fn is_success(self) -> bool {
        self == Self::Completed
    }

    /// Whether the cause lies outside of the task, so that it uses up no retry.
    pub fn is_outside_cause(self) -> bool {
        matches!(self, Self::Evicted)
    }
}
