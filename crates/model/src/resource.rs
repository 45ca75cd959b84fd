//! The resources: what is measured of a run at each instant.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How a resource is counted, and thus how it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Processor cores in use over the time step.
    Cores,
    /// A share of the time step, 0 to 1 (more where several threads wait at once).
    Share,
    /// Bytes held at the instant.
    Bytes,
    /// Bytes a second over the time step.
    BytesPerSecond,
    /// Things at the instant.
    Count,
    /// Events a second over the time step.
    PerSecond,
}

impl Unit {
    /// As the lookup table `resource` spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cores => "cores",
            Self::Share => "share",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes/s",
            Self::Count => "count",
            Self::PerSecond => "1/s",
        }
    }

    /// Whether the value is a mean over the preceding time step (else it holds at the instant).
    pub fn is_rate(self) -> bool {
        !matches!(self, Self::Bytes | Self::Count)
    }
}

macro_rules! resources {
    ($($(#[$doc:meta])* $variant:ident = $id:literal, $name:literal, $unit:ident;)+) => {
        /// One measured quantity. The discriminant is its id in the store: append-only, 0 is unknown.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum Resource {
            $($(#[$doc])* #[serde(rename = $name)] $variant = $id),+
        }

        impl Resource {
            /// All of them, by id.
            pub const ALL: &[Self] = &[$(Self::$variant),+];
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The name in messages, columns and charts.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The resource of this name.
            pub(crate) fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }

            /// The unit of its values.
            pub fn unit(self) -> Unit {
                match self { $(Self::$variant => Unit::$unit),+ }
            }
        }
    };
}

resources! {
    /// Processor, user and system together.
    Cpu = 1, "cpu", Cores;
    /// Processor in user mode (the kernel samples this split by ticks).
    CpuUser = 2, "cpu_user", Cores;
    /// Processor in kernel mode (the kernel samples this split by ticks).
    CpuSystem = 3, "cpu_system", Cores;
    /// Time for which the quota kept it waiting.
    CpuThrottled = 4, "cpu_throttled", Share;
    /// Working set.
    Memory = 5, "memory", Bytes;
    /// Anonymous memory.
    MemoryAnon = 6, "memory_anon", Bytes;
    /// File cache and mapped files.
    MemoryFile = 7, "memory_file", Bytes;
    /// Swapped out.
    Swap = 8, "swap", Bytes;
    /// Read from block devices.
    DiskRead = 9, "disk_read", BytesPerSecond;
    /// Written to block devices.
    DiskWrite = 10, "disk_write", BytesPerSecond;
    /// Passed through `read` and its like, cached or not.
    ReadChars = 11, "read_chars", BytesPerSecond;
    /// Passed through `write` and its like, cached or not.
    WriteChars = 12, "write_chars", BytesPerSecond;
    /// Received by the pod.
    NetRx = 13, "net_rx", BytesPerSecond;
    /// Sent by the pod.
    NetTx = 14, "net_tx", BytesPerSecond;
    /// Live processes.
    Processes = 15, "processes", Count;
    /// Live threads.
    Threads = 16, "threads", Count;
    /// Time in which some thread waited for a processor.
    CpuPressure = 17, "cpu_pressure", Share;
    /// Time in which some thread waited for memory.
    MemoryPressure = 18, "memory_pressure", Share;
    /// Time in which some thread waited for input or output.
    IoPressure = 19, "io_pressure", Share;
    /// Page faults that had to be read from a disk.
    MajorFaults = 20, "major_faults", PerSecond;
}

impl Resource {
    /// Its id in the store.
    pub fn id(self) -> u8 {
        self as u8
    }

    /// Its place in [`crate::Values`].
    pub(crate) fn index(self) -> usize {
        self as usize - 1
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no resource's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no resource; the resources are: {names}", names = names())]
pub struct UnknownResource(String);

fn names() -> String {
    Resource::ALL
        .iter()
        .map(|r| r.name())
        .collect::<Vec<_>>()
        .join(", ")
}

impl FromStr for Resource {
    type Err = UnknownResource;
    fn from_str(text: &str) -> Result<Self, UnknownResource> {
        Self::named(text).ok_or_else(|| UnknownResource(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_list() {
        for (index, resource) in Resource::ALL.iter().enumerate() {
            assert_eq!(resource.index(), index);
            assert_eq!(resource.name().parse::<Resource>().unwrap(), *resource);
        }
    }
}
