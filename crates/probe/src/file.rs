//! Files of the kernel that stay open and are read again and again from their beginning.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The reused buffer of all readings; it grows to the largest file and stays.
#[derive(Debug)]
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    pub(crate) fn new() -> Self {
        Self(vec![0; 16 << 10])
    }
}

/// A first piece that is shorter than half a page is all there is.
const SURELY_WHOLE: usize = 2048;

/// One open file. A file of a process keeps meaning that process: once it is reaped every read
/// fails with `ESRCH`, also if its number is in use again.
#[derive(Debug)]
pub(crate) struct KernelFile(File);

impl KernelFile {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        File::open(path).map(Self)
    }

    /// Reads a file that the kernel writes as one record: it comes whole in one read.
    pub(crate) fn read<'b>(&self, buffer: &'b mut Buffer) -> Option<&'b [u8]> {
        match self.0.read_at(&mut buffer.0, 0) {
            Ok(length) if length < buffer.0.len() => Some(&buffer.0[..length]),
            Err(error) if error.kind() != io::ErrorKind::Interrupted => None,
            _ => self.read_all(buffer),
        }
    }

    /// Reads a file of many records (lists), which comes in pieces.
    pub(crate) fn read_all<'b>(&self, buffer: &'b mut Buffer) -> Option<&'b [u8]> {
        let mut length = 0;
        loop {
            if length == buffer.0.len() {
                buffer.0.resize(2 * length, 0);
            }
            match self.0.read_at(&mut buffer.0[length..], length as u64) {
                // The kernel fills a page before it hands out a piece.
                Ok(more) if more == 0 || (length == 0 && more < SURELY_WHOLE) => {
                    return Some(&buffer.0[..length + more]);
                }
                Ok(more) => length += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_larger_than_the_buffer_comes_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        let text: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
        std::fs::write(&path, &text).unwrap();
        let file = KernelFile::open(&path).unwrap();
        let mut buffer = Buffer::new();
        assert_eq!(file.read(&mut buffer).unwrap(), text);
        assert_eq!(file.read_all(&mut buffer).unwrap(), text);
        std::fs::write(&path, b"7\n").unwrap();
        assert_eq!(file.read(&mut buffer).unwrap(), b"7\n");
    }
}
