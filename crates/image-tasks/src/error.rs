//! What can go wrong in a task, and whose fault it is.

use std::io;
use std::path::{Path, PathBuf};

use image::ImageError;

use crate::picture::MAX_PIXELS;

/// The end of a task that did not succeed. Every text names the thing and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The workspace folder is not there.
    #[error("the workspace {} is not a folder: create it, or set PODOMETER_WORKSPACE", .path.display())]
    NoWorkspace {
        /// The folder that was looked for.
        path: PathBuf,
    },
    /// No earlier task made a picture and none was given.
    #[error(
        "no picture to {task}: begin the order with `camera`, give it an `input`, or pass --input FILE"
    )]
    NoPicture {
        /// The task that wanted one.
        task: &'static str,
    },
    /// A file that was named is not there.
    #[error("{} is not there: check the path (it is relative to the workspace)", .path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// A file could not be read although it is there.
    #[error("cannot read {}: {source}; check its permissions and the disk", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file's content is none of the four formats.
    #[error("{} is not a JPEG, PNG, WebP or TIFF picture: convert it first", .path.display())]
    NotAPicture {
        /// The file.
        path: PathBuf,
    },
    /// The file begins like a picture and then breaks its format.
    #[error("{} is damaged or of an unsupported kind ({}): export it again as PNG or JPEG", .path.display(), one_line(.source))]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        source: ImageError,
    },
    /// The decoder itself fell over a broken file.
    #[error("{} is damaged: its decoder gave up; export it again as PNG or JPEG", .path.display())]
    DecoderFailed {
        /// The file.
        path: PathBuf,
    },
    /// More pixels or memory than a task is willing to take.
    #[error(
        "{} is too large: a picture may have {} megapixels at most; make it smaller first",
        .path.display(), MAX_PIXELS / 1_000_000
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Nothing in the picture looks like a leaf.
    #[error(
        "no leaf found in {}: it needs a green, yellow or brown leaf on a duller background; \
         a lower `segment --threshold` finds paler leaves",
        .path.display()
    )]
    NoLeaf {
        /// The picture.
        path: PathBuf,
    },
    /// An option's value makes no sense.
    #[error("--{option} {value}: must be {wanted}")]
    Parameter {
        /// The option without its dashes.
        option: &'static str,
        /// What was given.
        value: String,
        /// What would be right.
        wanted: &'static str,
    },
    /// An environment variable's value makes no sense.
    #[error("{name} is {value:?}: must be {wanted}")]
    Variable {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
        /// What would be right.
        wanted: &'static str,
    },
    /// The outputs of the earlier tasks could not be understood.
    #[error(
        "{name} is not a JSON array of {{\"position\", \"task\", \"attempt\", \"output\"}}: {source}"
    )]
    Progress {
        /// Where it was read: a variable's name.
        name: &'static str,
        /// The place of the first mistake.
        source: serde_json::Error,
    },
    /// A result could not be written.
    #[error("cannot write {}: {}; check the workspace's permissions and free space", .path.display(), one_line(.source))]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Standard output is closed or full.
    #[error("cannot print the result: {source}; set PODOMETER_OUTPUT to a file instead")]
    Print {
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// Whether other input or other arguments would help (exit code 2), or not (1).
    pub fn is_bad_input(&self) -> bool {
        !matches!(
            self,
            Self::Read { .. } | Self::Write { .. } | Self::Print { .. }
        )
    }

    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::NotFound { path },
            io::ErrorKind::IsADirectory => Self::NotAPicture { path },
            _ => Self::Read { path, source },
        }
    }

    pub(crate) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write {
            path: path.to_path_buf(),
            source,
        }
    }

    pub(crate) fn decode(path: &Path, source: ImageError) -> Self {
        let path = path.to_path_buf();
        match source {
            ImageError::Limits(_) => Self::TooLarge { path },
            source => Self::Corrupt { path, source },
        }
    }
}

/// Some decoders' texts have several lines or end in an empty one.
fn one_line(error: &dyn std::error::Error) -> String {
    error
        .to_string()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// The exit code that tells bad input or usage (2) from other failures (1).
pub fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<Error>() {
        Some(error) if error.is_bad_input() => 2,
        _ => 1,
    }
}
