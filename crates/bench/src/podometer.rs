//! Podometer as its users have it: the program, run with order files.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use model::OrderId;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::process::{Owned, succeed};

/// The program.
#[derive(Debug, Clone)]
pub(crate) struct Podometer {
    program: PathBuf,
}

/// A task of an order that is to be run.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) name: String,
    pub(crate) command: Vec<String>,
}

/// What `run --json` printed, as far as it is needed here.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Printed {
    pub(crate) id: OrderId,
    pub(crate) status: String,
    pub(crate) runs: Vec<PrintedRun>,
}

/// A run as it was printed.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PrintedRun {
    pub(crate) cpu_seconds: Option<f64>,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) orders: Vec<Printed>,
    pub(crate) took: Duration,
}

impl Podometer {
    /// The program that was named, or the one beside this one; under cargo that is built first.
    pub(crate) fn find(named: Option<PathBuf>) -> Result<Self> {
        if let Some(program) = named {
            let program = fs::canonicalize(&program);
            return Ok(Self {
                program: program.context("--podometer")?,
            });
        }
        let this = env::current_exe().context("the own path")?;
        let folder = this.parent().context("the own folder")?;
        if let Some(cargo) = env::var_os("CARGO") {
            let mut build = Command::new(cargo);
            build.args(["build", "--quiet", "-p", "cli"]);
            if folder.ends_with("release") {
                build.arg("--release");
            }
            succeed(&mut build)?;
        }
        let program = folder.join("podometer");
        ensure!(
            program.is_file(),
            "{} is missing: build it with `cargo build --release -p cli`",
            program.display()
        );
        Ok(Self { program })
    }

    /// Where it is.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// `podometer` with some arguments and a data folder.
    pub(crate) fn command(&self, data: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--data").arg(data).stdin(Stdio::null());
        command
    }

    /// `podometer run --json --no-charts`; it has to end within the limit.
    pub(crate) fn run(
        &self,
        data: &Path,
        options: &[&str],
        orders: &[PathBuf],
        limit: Duration,
    ) -> Result<Finished> {
        fs::create_dir_all(data).with_context(|| data.display().to_string())?;
        let (out, err) = (data.join("bench.out"), data.join("bench.err"));
        let mut command = self.command(data);
        command.args(["run", "--json", "--no-charts"]);
        command.args(options).args(orders);
        command.stdout(File::create(&out)?);
        command.stderr(File::create(&err)?);
        let start = Instant::now();
        let status = Owned::start(&mut command)?.wait(limit);
        let took = start.elapsed();
        let said = || fs::read_to_string(&err).unwrap_or_default();
        let status = status.with_context(|| format!("podometer run: {}", said()))?;
        if !matches!(status.code(), Some(0 | 1)) {
            bail!("podometer run: {status}: {}", said().trim());
        }
        let text = fs::read(&out)?;
        let orders = serde_json::from_slice(&text);
        let orders =
            orders.with_context(|| format!("podometer run printed no orders: {}", said()))?;
        Ok(Finished { orders, took })
    }
}

/// Writes an order file.
pub(crate) fn order(folder: &Path, id: &str, tasks: &[Task]) -> Result<PathBuf> {
    let tasks: Vec<Value> = tasks
        .iter()
        .map(|task| json!({ "name": task.name, "command": task.command, "timeout": "2m" }))
        .collect();
    let path = folder.join(format!("{id}.json"));
    let text = serde_json::to_vec_pretty(&json!({ "id": id, "tasks": tasks }))?;
    fs::write(&path, text).with_context(|| path.display().to_string())?;
    Ok(path)
}
