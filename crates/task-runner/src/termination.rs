//! Keeps the termination log current.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
    path::Path,
};

use model::{TerminationLog, termination::MAX_BYTES};

/// The file, open all the time. It is written in place, with one system call a time: in a container
/// it is a mounted file that can't be replaced, and a kill must never leave half of a text.
pub(crate) struct LogFile {
    file: Option<File>,
    longest: usize,
}

impl LogFile {
    pub(crate) fn open(path: &Path) -> Self {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path);
        let file = file.inspect_err(|error| {
            eprintln!(
                "podometer runner: no termination log {}: {error}",
                path.display()
            );
        });
        let file = file.ok();
        let length = file
            .as_ref()
            .and_then(|f| f.metadata().ok())
            .map_or(0, |m| m.len());
        Self {
            file,
            longest: usize::try_from(length).unwrap_or(0).min(MAX_BYTES),
        }
    }

    pub(crate) fn write(&mut self, log: &TerminationLog) {
        let (Some(file), Ok(mut text)) = (&self.file, log.to_text()) else {
            return;
        };
        // Blanks cover what an earlier, longer text left.
        self.longest = self.longest.max(text.len());
        let blanks = self.longest - text.len();
        text.extend(std::iter::repeat_n(' ', blanks));
        if let Err(error) = file.write_all_at(text.as_bytes(), 0) {
            eprintln!("podometer runner: termination log: {error}");
            self.file = None;
        }
    }
}
