//! A task's output: the file that it may write, else the last line of its standard output.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use model::{AttemptSpec, attempt::Stdio, message::MAX_OUTPUT_BYTES};

/// What of the end of standard output can matter: one byte more than a line may have, and its line end.
const KEPT: usize = MAX_OUTPUT_BYTES + 2;

/// The output, and whether it had to be cut to [`MAX_OUTPUT_BYTES`]. `said`: the last line of a standard
/// output that went through the runner.
pub(crate) fn read(spec: &AttemptSpec, said: Option<(String, bool)>) -> (String, bool) {
    if let Some(bytes) = head(&spec.output_file).filter(|bytes| !bytes.is_empty()) {
        let cut = bytes.len() > MAX_OUTPUT_BYTES;
        return (text(&bytes[..bytes.len().min(MAX_OUTPUT_BYTES)]), cut);
    }
    let last = match &spec.stdio {
        Stdio::Files { out, .. } => tail(out).map(|bytes| last_line(&bytes)),
        Stdio::Inherit | Stdio::Tee => said,
    };
    last.unwrap_or_default()
}

fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.strip_suffix('\n').unwrap_or(&text).to_owned()
}

fn head(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .ok()?
        .take(MAX_OUTPUT_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(bytes)
}

/// The end of what comes in pieces.
#[derive(Debug, Default)]
pub(crate) struct Tail(Vec<u8>);

impl Tail {
    pub(crate) fn push(&mut self, piece: &[u8]) {
        let piece = &piece[piece.len().saturating_sub(KEPT)..];
        if self.0.len() + piece.len() > 2 * KEPT {
            self.0
                .drain(..self.0.len() - (KEPT - piece.len()).min(self.0.len()));
        }
        self.0.extend_from_slice(piece);
    }

    /// As of a file with all of it.
    pub(crate) fn last_line(&self) -> (String, bool) {
        last_line(&self.0[self.0.len().saturating_sub(KEPT)..])
    }
}

/// The end of a file.
fn tail(path: &Path) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(KEPT as u64)))
        .ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The last line that isn't blank; cut to its end if it is too long.
fn last_line(bytes: &[u8]) -> (String, bool) {
    let trimmed = bytes.trim_ascii_end();
    let start = trimmed
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |i| i + 1);
    let line = &trimmed[start..];
    let cut = line.len() > MAX_OUTPUT_BYTES;
    let line = if cut {
        &line[line.len() - MAX_OUTPUT_BYTES..]
    } else {
        line
    };
    (
        String::from_utf8_lossy(line)
            .trim_end_matches('\r')
            .to_owned(),
        cut,
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_line_that_says_something() {
        assert_eq!(last_line(b"a\nb\n\n").0, "b");
        assert_eq!(last_line(b"a\nb").0, "b");
        assert_eq!(last_line(b"").0, "");
        assert!(last_line(&vec![b'x'; MAX_OUTPUT_BYTES + 1]).1);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(!last_line(&bytes).0.contains('\n'));
        }

        /// Whatever the pieces: the last line is that of a file with the same content.
        #[test]
        fn pieces_are_as_good_as_a_file(
            pieces in prop::collection::vec((0usize..90_000, prop_oneof![Just(b'a'), Just(b' ')], "[a \r\n]{0,3}"), 0..6),
        ) {
            let (mut tail, mut all) = (Tail::default(), Vec::new());
            for (count, letter, end) in pieces {
                let piece = [vec![letter; count], end.into_bytes()].concat();
                tail.push(&piece);
                all.extend(piece);
                prop_assert!(tail.0.len() <= 2 * KEPT);
            }
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &all).unwrap();
            prop_assert_eq!(tail.last_line(), last_line(&super::tail(file.path()).unwrap()));
        }
    }
}
