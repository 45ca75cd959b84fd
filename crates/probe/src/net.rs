//! The network namespace's traffic.

use std::path::Path;

use crate::file::{Buffer, KernelFile};
use crate::parse;

/// `/proc/self/net/dev`.
#[derive(Debug)]
pub(crate) struct Net(KernelFile);

impl Net {
    pub(crate) fn open(proc_root: &Path) -> Option<Self> {
        KernelFile::open(&proc_root.join("self/net/dev"))
            .ok()
            .map(Self)
    }

    /// Bytes received and sent.
    pub(crate) fn read(&self, buffer: &mut Buffer) -> Option<(u64, u64)> {
        parse::net_dev(self.0.read_all(buffer)?)
    }
}
