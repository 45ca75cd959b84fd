//! The program `psql`, as a person would use it.

use std::{
    fs::File,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// A database.
#[derive(Debug, Clone)]
pub(crate) struct Psql {
    url: String,
}

impl Psql {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new("psql");
        command
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .arg(&self.url);
        command
    }

    /// Runs a statement or one of psql's own commands; what it prints.
    pub(crate) fn run(&self, what: &str) -> Result<String> {
        let output = self
            .command()
            .args(["-c", what])
            .output()
            .context("psql (install postgresql-client)")?;
        if !output.status.success() {
            bail!("{what}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The same, and how long it took.
    pub(crate) fn timed(&self, what: &str) -> Result<Duration> {
        let begun = Instant::now();
        self.run(what)?;
        Ok(begun.elapsed())
    }

    /// Runs a file of statements, each a transaction; how long it took.
    pub(crate) fn file(&self, path: &Path) -> Result<Duration> {
        let begun = Instant::now();
        let status = self
            .command()
            .stdin(File::open(path)?)
            .stdout(Stdio::null())
            .status()?;
        if !status.success() {
            bail!("{} failed", path.display());
        }
        Ok(begun.elapsed())
    }

    /// How long the server says that a query takes, once it is warm: the middle of some.
    pub(crate) fn query_seconds(&self, query: &str) -> Result<f64> {
        let mut times = Vec::new();
        for _ in 0..21 {
            let plan = self.run(&format!("explain (analyze, timing off) {query}"))?;
            let time = plan
                .lines()
                .find_map(|line| line.trim().strip_prefix("Execution Time: "));
            let planning = plan
                .lines()
                .find_map(|line| line.trim().strip_prefix("Planning Time: "));
            let milliseconds = |text: Option<&str>| {
                let text = text.and_then(|text| text.strip_suffix(" ms"));
                text.and_then(|text| text.parse::<f64>().ok())
                    .context("no time in the plan")
            };
            times.push((milliseconds(time)? + milliseconds(planning)?) / 1e3);
        }
        times.sort_by(f64::total_cmp);
        Ok(times[times.len() / 2])
    }
}
