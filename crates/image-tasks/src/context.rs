//! The contract with the outside: environment variables, read once, and the workspace.

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::Error;
use crate::picture;
use crate::progress::Progress;

/// What a task knows of the order that it belongs to.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The folder that the tasks of an order share; relative paths start here.
    pub workspace: PathBuf,
    /// The order's input picture.
    pub input: Option<PathBuf>,
    /// What the earlier tasks have left.
    pub progress: Progress,
    /// The file that takes the small output, beside standard output.
    pub output: Option<PathBuf>,
    /// The task's place in the order, from 0.
    pub position: Option<u32>,
}

/// A picture that a task works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The name as the next task is told: relative to the workspace or absolute.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// The names, without ending, that a picture has when nobody says which one it is:
/// what a task run by hand, without an order, finds. Later ones win between equally old ones.
const WELL_KNOWN: [&str; 4] = ["input", "camera", "resize", "denoise"];
const ENDINGS: [&str; 6] = ["jpg", "jpeg", "webp", "tif", "tiff", "png"];

impl Context {
    /// Reads the `PODOMETER_*` variables; empty ones count as not set.
    pub fn from_env() -> Result<Self, Error> {
        let get = |name| env::var_os(name).filter(|v| !v.is_empty());
        let workspace =
            get("PODOMETER_WORKSPACE").map_or_else(|| PathBuf::from("."), PathBuf::from);
        let progress = match get("PODOMETER_PROGRESS") {
            Some(text) => parse_progress("PODOMETER_PROGRESS", &text.to_string_lossy())?,
            None => match get("PODOMETER_PROGRESS_FILE").map(PathBuf::from) {
                Some(path) => {
                    let text = fs::read_to_string(&path).map_err(|e| Error::read(&path, e))?;
                    parse_progress("PODOMETER_PROGRESS_FILE", &text)?
                }
                None => Progress::default(),
            },
        };
        let position = match get("PODOMETER_POSITION") {
            Some(text) => Some(parse_position(&text.to_string_lossy())?),
            None => progress.next_position(),
        };
        let input = get("PODOMETER_INPUT").map(PathBuf::from);
        let output = get("PODOMETER_OUTPUT").map(PathBuf::from);
        Ok(Self {
            workspace,
            input,
            progress,
            output,
            position,
        })
    }

    /// Whether there is a workspace to work in.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.workspace.is_dir() {
            return Ok(());
        }
        Err(Error::NoWorkspace {
            path: self.workspace.clone(),
        })
    }

    /// The picture to work on: what was asked for, else the newest of an earlier task, else
    /// the order's input, else the newest well-known file. `clean` looks behind annotations.
    pub(crate) fn source(
        &self,
        task: &'static str,
        asked: Option<&Path>,
        clean: bool,
    ) -> Result<Source, Error> {
        let known = asked
            .map(Path::to_path_buf)
            .or_else(|| self.progress.picture(clean).map(PathBuf::from))
            .or_else(|| self.input.clone())
            .or_else(|| self.well_known());
        let name = known.ok_or(Error::NoPicture { task })?;
        let path = self.workspace.join(&name);
        Ok(Source {
            name: name.to_string_lossy().into_owned(),
            path,
        })
    }

    fn well_known(&self) -> Option<PathBuf> {
        let names = WELL_KNOWN
            .iter()
            .flat_map(|n| ENDINGS.iter().map(move |e| format!("{n}.{e}")));
        let dated = names.filter_map(|name| {
            let modified = fs::metadata(self.workspace.join(&name)).and_then(|m| m.modified());
            modified.ok().map(|time| (time, PathBuf::from(name)))
        });
        // max_by_key keeps the last of equals, which is the later step.
        dated.max_by_key(|(time, _)| *time).map(|(_, name)| name)
    }

    /// A free name for what a task writes: with its position, so that no two tasks of an
    /// order write the same file, and never the name of what is being read.
    pub(crate) fn output_name(&self, stem: &str, reading: &[&str]) -> String {
        let prefix = self.position.map_or_else(String::new, |p| format!("{p}-"));
        let first = format!("{prefix}{stem}.png");
        let others = (2..).map(|n| format!("{prefix}{stem}-{n}.png"));
        let same_file = |name: &String| {
            let name = self.workspace.join(name);
            reading.iter().any(|r| self.workspace.join(r) == name)
        };
        std::iter::once(first)
            .chain(others)
            .find(|name| !same_file(name))
            .unwrap_or_default()
    }

    /// Hands on the task's small output: one line of JSON, printed and written.
    pub(crate) fn deliver(&self, output: &Value) -> Result<(), Error> {
        let line = output.to_string();
        if let Some(path) = &self.output {
            picture::write_atomically(path, |file| writeln!(file, "{line}"))
                .map_err(|e| Error::write(path, e))?;
        }
        print(&line)
    }
}

/// Prints one line, without the panic of `println!` when nobody reads.
pub(crate) fn print(line: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|source| Error::Print { source })
}

fn parse_progress(name: &'static str, text: &str) -> Result<Progress, Error> {
    Progress::parse(text).map_err(|source| Error::Progress { name, source })
}

fn parse_position(text: &str) -> Result<u32, Error> {
    text.trim().parse().map_err(|_| Error::Variable {
        name: "PODOMETER_POSITION",
        value: text.to_owned(),
        wanted: "the task's place in the order, a whole number from 0",
    })
}
