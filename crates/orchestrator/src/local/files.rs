//! Where the files of an attempt stand, and what is read of them when it is over.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use model::{
    AttemptKey, TaskName, TerminationLog, message::MAX_OUTPUT_BYTES, termination::MAX_BYTES,
};

use super::LaunchError;
use crate::plan::At;

/// The files of one attempt, `runs/<position>-<task>-<attempt>.*` in the order's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptFiles {
    /// Standard output.
    pub out: PathBuf,
    /// Standard error.
    pub err: PathBuf,
    /// The termination log.
    pub end: PathBuf,
    /// What the runner could not tell the broker; there only while nobody else has.
    pub undelivered: PathBuf,
    /// Where the task may write its output.
    pub output: PathBuf,
    /// The earlier outputs, if they are long.
    pub progress: PathBuf,
    /// What the runner itself had to say; removed if it is nothing.
    pub runner: PathBuf,
}

impl AttemptFiles {
    /// The paths; nothing is made.
    pub fn new(folder: &Path, at: At, task: &TaskName) -> Self {
        let stem = format!("{}-{task}-{}", at.0, at.1);
        let file = |suffix: &str| folder.join("runs").join(format!("{stem}.{suffix}"));
        Self {
            out: file("out"),
            err: file("err"),
            end: file("end.json"),
            undelivered: file("undelivered"),
            output: file("output"),
            progress: file("progress.json"),
            runner: file("runner.log"),
        }
    }

    /// Removes what an earlier execution may have left, which would be taken for this one's.
    pub(super) fn clear(&self) {
        let files = [&self.out, &self.err, &self.end, &self.output];
        for file in files.into_iter().chain([&self.undelivered]) {
            let _ = fs::remove_file(file);
        }
    }

    /// The runner's own standard input, output and error.
    pub(super) fn of_runner(&self) -> Result<[File; 3], LaunchError> {
        let null = Path::new("/dev/null");
        let to_null = || OpenOptions::new().read(true).write(true).open(null);
        let said = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.runner);
        Ok([
            to_null().map_err(LaunchError::file(null))?,
            to_null().map_err(LaunchError::file(null))?,
            said.map_err(LaunchError::file(&self.runner))?,
        ])
    }

    /// The termination log; `None` if there is none, it is no whole one, or it isn't this attempt's.
    pub(super) fn log(&self, key: AttemptKey) -> Option<TerminationLog> {
        let bytes = head(&self.end, 4 * MAX_BYTES).ok()?;
        let log: TerminationLog = serde_json::from_slice(&bytes).ok()?;
        (log.key == key).then_some(log)
    }

    /// The output by the runner's own rule, for when it is too long for the termination log: the
    /// file that the task may write, else the last line of its standard output that isn't blank.
    pub(super) fn read_output(&self) -> Option<String> {
        if let Ok(bytes) = head(&self.output, MAX_OUTPUT_BYTES)
            && !bytes.is_empty()
        {
            let text = String::from_utf8_lossy(&bytes);
            return Some(text.strip_suffix('\n').unwrap_or(&text).to_owned());
        }
        last_line(&self.out, MAX_OUTPUT_BYTES)
    }

    /// The runner's last words. The file is removed if it is empty.
    pub(super) fn last_words(&self) -> Option<String> {
        if fs::metadata(&self.runner).ok()?.len() == 0 {
            let _ = fs::remove_file(&self.runner);
            return None;
        }
        last_line(&self.runner, 500)
    }
}

fn head(path: &Path, max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(max as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The last line that isn't blank, its last `max` bytes; `None` if there is none.
fn last_line(path: &Path, max: usize) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(max as u64 + 2)))
        .ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    let trimmed = bytes.trim_ascii_end();
    let start = trimmed
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |i| i + 1);
    let line = &trimmed[start.max(trimmed.len().saturating_sub(max))..];
    Some(String::from_utf8_lossy(line).into_owned()).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use model::{Attempt, OrderUid, Position};
    use proptest::prelude::*;

    use super::*;

    fn files() -> (tempfile::TempDir, AttemptFiles) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("runs")).unwrap();
        let at = (Position(1), Attempt(2));
        let files = AttemptFiles::new(folder.path(), at, &"segment".parse().unwrap());
        (folder, files)
    }

    #[test]
    fn output_from_the_file_else_from_the_last_line() {
        let (folder, files) = files();
        assert_eq!(files.out, folder.path().join("runs/1-segment-2.out"));
        assert_eq!(files.read_output(), None);
        fs::write(&files.out, "a\nb\n\n").unwrap();
        assert_eq!(files.read_output().as_deref(), Some("b"));
        fs::write(&files.output, "c\nd\n").unwrap();
        assert_eq!(files.read_output().as_deref(), Some("c\nd"));
    }

    #[test]
    fn a_broken_log_is_none() {
        let (_folder, files) = files();
        let order_uid = OrderUid(uuid::Uuid::nil());
        let key = AttemptKey {
            order_uid,
            position: Position(1),
            attempt: Attempt(2),
        };
        let log = TerminationLog {
            v: 1,
            key,
            started_at: None,
            written_at: model::Timestamp(1),
            last_seq: 0,
            totals: model::Totals::default(),
            end: None,
            delivered: false,
            output: None,
            process_group: None,
        };
        let text = log.to_text().unwrap();
        fs::write(&files.end, format!("{text}   ")).unwrap();
        assert_eq!(files.log(key), Some(log));
        let other = AttemptKey {
            attempt: Attempt(3),
            ..key
        };
        assert_eq!(files.log(other), None, "another attempt's");
        for cut in 0..text.len() {
            fs::write(&files.end, &text[..cut]).unwrap();
            assert_eq!(files.log(key), None);
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let (_folder, files) = files();
            fs::write(&files.out, &bytes).unwrap();
            fs::write(&files.end, &bytes).unwrap();
            let order_uid = OrderUid(uuid::Uuid::nil());
            let key = AttemptKey { order_uid, position: Position(1), attempt: Attempt(2) };
            prop_assert_eq!(files.log(key), None);
            let _ = last_line(&files.out, 3);
            prop_assert!(files.read_output().is_none_or(|line| !line.contains('\n')));
        }
    }
}
