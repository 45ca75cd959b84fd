//! Orders with their runs as JSON, as machines read them.

use std::path::Path;

use anyhow::{Context, Result};
use model::{OrderId, Status};
use monitor_consumer::drawing::Drawable;
use serde::Serialize;
use store::{OrderRow, RunRow};

/// An order.
#[derive(Debug, Serialize)]
pub(crate) struct OrderJson {
    pub(crate) id: OrderId,
    pub(crate) status: Status,
    pub(crate) message: Option<String>,
    /// The path of its report.
    pub(crate) report: Option<String>,
    pub(crate) runs: Vec<RunJson>,
}

/// An order: the columns of the table `orders`, and its report.
#[derive(Debug, Serialize)]
pub(crate) struct WholeOrder {
    #[serde(flatten)]
    pub(crate) order: OrderRow,
    /// Where its report is.
    pub(crate) report: Option<String>,
    pub(crate) runs: Vec<RunJson>,
}

/// A run: the columns of the table `run`, and where its pictures are.
#[derive(Debug, Serialize)]
pub(crate) struct RunJson {
    #[serde(flatten)]
    pub(crate) run: RunRow,
    pub(crate) charts: Vec<String>,
}

impl OrderJson {
    /// From what is stored and drawn; `folder` is the order's.
    pub(crate) fn new(
        id: OrderId,
        status: Status,
        message: Option<String>,
        runs: Vec<RunRow>,
        folder: &Path,
    ) -> Self {
        let report = Some(folder.join("report.html")).filter(|path| path.is_file());
        Self {
            id,
            status,
            message,
            report: report.map(|path| path.display().to_string()),
            runs: runs
                .into_iter()
                .map(|run| RunJson::new(run, folder))
                .collect(),
        }
    }
}

impl RunJson {
    fn new(run: RunRow, folder: &Path) -> Self {
        Self {
            charts: charts(&run, folder),
            run,
        }
    }
}

/// The pictures that there are of a run.
pub(crate) fn charts(run: &RunRow, folder: &Path) -> Vec<String> {
    let file = |ending| {
        folder
            .join("charts")
            .join(format!("{}.{ending}", Drawable::file_stem(run)))
    };
    let files = ["svg", "png"]
        .map(file)
        .into_iter()
        .filter(|path| path.is_file());
    files.map(|path| path.display().to_string()).collect()
}

/// JSON that people can read as well.
pub(crate) fn text(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(value).context("writing JSON")?;
    Ok(format!("{text}\n"))
}
