//! What the services say beside their work: to standard error, through the progress bars.

use std::io::{self, Write};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::{args::Verbosity, output};

/// The variable that says in detail what is logged, like `RUST_LOG`.
const VARIABLE: &str = "PODOMETER_LOG";

/// Begins to log. What the variable says goes before the flags.
pub(crate) fn start(verbosity: Verbosity) {
    let by_flags = match (verbosity.quiet, verbosity.verbose) {
        // kube logs what it also returns.
        (true, _) => "error,kube_client=off",
        (false, 0) => "warn,kube_client=off",
        (false, 1) => "info",
        (false, 2) => "debug",
        (false, _) => "trace",
    };
    let asked = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty());
    let filter = EnvFilter::builder().parse_lossy(asked.as_deref().unwrap_or(by_flags));
    let colours = output::colours_on_stderr();
    let logger = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Lines);
    // Only a test that starts twice in one process could fail here, and then it logs already.
    let _ = logger.with_ansi(colours).with_target(false).try_init();
}

struct Lines;

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;
    fn make_writer(&'a self) -> Line {
        Line(Vec::new())
    }
}

/// One event's text, written when it is whole.
struct Line(Vec<u8>);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        output::note(String::from_utf8_lossy(&self.0).trim_end());
    }
}
