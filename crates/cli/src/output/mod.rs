//! What is said: results to standard output, everything else to standard error.

pub(crate) mod json;
pub(crate) mod progress;
pub(crate) mod summary;
pub(crate) mod table;
mod waiting;

use std::{
    fmt::{Display, Write as _},
    io::{self, ErrorKind, IsTerminal, Write},
    sync::{Mutex, OnceLock, PoisonError},
};

use anyhow::{Context, Result};
use indicatif::MultiProgress;

pub(crate) use waiting::Waiting;

/// The bars that stand on the terminal; what is said goes above them.
static BARS: OnceLock<MultiProgress> = OnceLock::new();

/// What is said while a screen is up; it would stand in its midst.
static HELD: Mutex<Option<Vec<String>>> = Mutex::new(None);

/// From now on what is said is kept.
pub(crate) fn hold() {
    *HELD.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
}

/// Says what was kept.
pub(crate) fn release() {
    let held = HELD.lock().unwrap_or_else(PoisonError::into_inner).take();
    held.into_iter().flatten().for_each(|text| note(&text));
}

/// Writes results. A reader that has gone (`| head`) has seen what it wanted.
pub(crate) fn print(text: &str) -> Result<()> {
    print_bytes(text.as_bytes())
}

/// The same of what may be no text.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("standard output can't be written; is the disk full?"),
    }
}

/// Each on a line of its own.
pub(crate) fn lines(lines: impl IntoIterator<Item = impl Display>) -> String {
    let mut text = String::new();
    for line in lines {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{line}");
    }
    text
}

/// Says something beside the results.
pub(crate) fn note(text: &str) {
    if let Some(held) = HELD.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        return held.push(text.to_owned());
    }
    let say = || {
        // Where nobody listens there is nobody to tell that.
        let _ = writeln!(io::stderr().lock(), "{text}");
    };
    match BARS.get() {
        Some(bars) => bars.suspend(say),
        None => say(),
    }
}

/// Says what went wrong: one line, with its causes.
pub(crate) fn error(error: &anyhow::Error) {
    let (red, plain) = if colours_on_stderr() {
        ("\u{1b}[1;31m", "\u{1b}[0m")
    } else {
        ("", "")
    };
    note(&format!("{red}error{plain}: {}", one_line(error)));
}

/// The causes after one another, without those that the one before already tells.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if line.contains(text.trim()) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(text.trim());
    }
    line.replace('\n', " ")
}

/// Whether standard error takes colours: a terminal does, unless `NO_COLOR` is set.
pub(crate) fn colours_on_stderr() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_said_once() {
        let cause = io::Error::other("disk\non fire");
        let error = anyhow::Error::new(cause)
            .context("writing: disk\non fire")
            .context("run");
        assert_eq!(one_line(&error), "run: writing: disk on fire");
    }
}
