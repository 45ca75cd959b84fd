//! Orders of steps, by the program as users have it.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use model::{TaskName, Timestamp};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use tempfile::TempDir;

use crate::args::StepsArgs;

/// Hands orders over and waits for their ends.
pub(super) struct Orders<'a> {
    args: &'a StepsArgs,
    podometer: PathBuf,
    folder: TempDir,
}

/// What `status --json` says of an order, as far as it is needed here.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    pub(super) status: String,
    pub(super) runs: Vec<Run>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Run {
    pub(super) task: TaskName,
    #[serde(deserialize_with = "instant")]
    pub(super) started_at: Timestamp,
    #[serde(deserialize_with = "instant")]
    pub(super) ended_at: Timestamp,
    pub(super) monitor_cpu_seconds: Option<f64>,
    pub(super) monitor_memory_bytes: Option<f64>,
}

/// As people read it.
fn instant<'de, D: Deserializer<'de>>(text: D) -> Result<Timestamp, D::Error> {
    String::deserialize(text)?
        .parse()
        .map_err(serde::de::Error::custom)
}

impl<'a> Orders<'a> {
    pub(super) fn new(args: &'a StepsArgs) -> Result<Self> {
        Ok(Self {
            args,
            podometer: args.binary.podometer()?.program().to_owned(),
            folder: tempfile::tempdir()?,
        })
    }

    /// One order, whose tasks all do the same.
    pub(super) async fn run(&self, name: &str, command: &[String], prewarm: bool) -> Result<Said> {
        let id = format!("bench-{name}-{}", std::process::id());
        let task = json!({ "name": name, "image": self.args.image, "command": command });
        let tasks = vec![task; self.args.steps as usize + 1];
        let file = self.folder.path().join(format!("{id}.json"));
        let order = json!({ "id": id, "tasks": tasks, "prewarm": prewarm });
        std::fs::write(&file, order.to_string())?;
        self.podometer(["load".into(), file.display().to_string()])
            .await?;
        let status = ["status".into(), id, "--follow".into(), "--json".into()];
        let said: Said = serde_json::from_str(&self.podometer(status).await?)?;
        ensure!(
            said.status == "succeeded",
            "the order {name} has {}",
            said.status
        );
        Ok(said)
    }

    async fn podometer<const N: usize>(&self, words: [String; N]) -> Result<String> {
        let mut command = Command::new(&self.podometer);
        command.args(words).args(["-n", &self.args.namespace]);
        if let Some(file) = &self.args.kubeconfig {
            command.arg("--kubeconfig").arg(file);
        }
        let done = tokio::task::spawn_blocking(move || command.output()).await??;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        ensure!(done.status.success(), "podometer: {said}");
        String::from_utf8(done.stdout).context("what podometer printed")
    }
}

impl Said {
    /// From the end of each task to the start of the next, seconds.
    pub(super) fn gaps(&self) -> Result<Vec<f64>> {
        let gap = |pair: &[Run]| (pair[1].started_at.0 - pair[0].ended_at.0) as f64 / 1e6;
        let gaps: Vec<_> = self.runs.windows(2).map(gap).collect();
        ensure!(!gaps.is_empty(), "there is one task only");
        Ok(gaps)
    }

    /// From the first start to the last end, seconds.
    pub(super) fn took(&self) -> f64 {
        let ends = self.runs.first().zip(self.runs.last());
        ends.map_or(0.0, |(first, last)| {
            (last.ended_at.0 - first.started_at.0) as f64 / 1e6
        })
    }
}
