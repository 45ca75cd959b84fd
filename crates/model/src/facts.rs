//! Facts about the machine that a task ran on and about the picture that it was given.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The machine that a run used.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct MachineFacts {
    /// The node's name.
    pub hostname: Option<String>,
    /// The processor's brand, as the kernel says it.
    pub processor: Option<String>,
    /// Logical cores.
    pub cores: Option<u32>,
    /// Memory, bytes.
    pub memory_bytes: Option<u64>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// The operating system's name and version.
    pub os: Option<String>,
    /// The architecture, as `uname -m` says it.
    pub architecture: Option<String>,
}

/// The order's input picture, from the file's header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct InputFacts {
    /// Size of the file, bytes.
    pub bytes: Option<u64>,
    /// Width, pixels.
    pub width: Option<u32>,
    /// Height, pixels.
    pub height: Option<u32>,
    /// Channels (1 grey, 2 grey with alpha, 3 RGB, 4 RGBA).
    pub channels: Option<u8>,
    /// Bits a channel.
    pub bit_depth: Option<u8>,
    /// The format's name, `jpeg` say.
    pub format: Option<String>,
}
