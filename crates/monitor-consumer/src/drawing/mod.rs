//! From what is stored to pictures and a report. The command line draws by this too.

mod order;
mod panels;
pub mod pictures;
mod report;
mod run;

use std::{
    io,
    path::{Path, PathBuf},
};

use chart::Format;
use model::{Attempt, OrderId, Position, TaskName};
use store::{OrderRow, RunRow, Store, StoredSample};
use thiserror::Error;

/// Why something could not be drawn.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no such order.
    #[error("no order {0} in the store; `podometer orders` lists them")]
    NoOrder(OrderId),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The drawing itself.
    #[error("drawing {what}: {source}")]
    Chart {
        /// Of what.
        what: String,
        /// What went wrong.
        source: chart::Error,
    },
    /// A file.
    #[error("can't write {}: {source}; is there space and permission?", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The drawing thread died.
    #[error("drawing was given up: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

/// A picture of one run, as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartFile {
    /// The task's place.
    pub position: Position,
    /// The try.
    pub attempt: Attempt,
    /// The task's name.
    pub task: TaskName,
    /// The file.
    pub path: PathBuf,
}

/// What was drawn of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    /// A picture per run and format.
    pub charts: Vec<ChartFile>,
    /// The picture of the order, per format.
    pub order_chart: Vec<PathBuf>,
    /// The report.
    pub report: PathBuf,
}

/// All that the store has of an order.
#[derive(Debug, Clone)]
pub struct Drawable {
    /// The order.
    pub order: OrderRow,
    /// Its runs, each with its samples.
    pub runs: Vec<(RunRow, Vec<StoredSample>)>,
}

impl Drawable {
    /// Reads it.
    ///
    /// # Errors
    /// [`Error::NoOrder`], or what the store says.
    pub async fn read(store: &Store, order: &OrderId) -> Result<Self, Error> {
        let row = store
            .order(order)
            .await?
            .ok_or_else(|| Error::NoOrder(order.clone()))?;
        let mut runs = Vec::new();
        for run in store.runs(order).await? {
            let samples = store.samples(order, run.position, run.attempt).await?;
            runs.push((run, samples));
        }
        Ok(Self { order: row, runs })
    }

    /// Reads one run of it; `None` if there is no such run.
    ///
    /// # Errors
    /// [`Error::NoOrder`], or what the store says.
    pub async fn read_run(
        store: &Store,
        order: &OrderId,
        position: Position,
        attempt: Attempt,
    ) -> Result<Option<Self>, Error> {
        let row = store
            .order(order)
            .await?
            .ok_or_else(|| Error::NoOrder(order.clone()))?;
        let mut runs = store.runs(order).await?;
        runs.retain(|run| (run.position, run.attempt) == (position, attempt));
        let Some(run) = runs.pop() else {
            return Ok(None);
        };
        let samples = store.samples(order, position, attempt).await?;
        Ok(Some(Self {
            order: row,
            runs: vec![(run, samples)],
        }))
    }

    /// The picture of one of its runs.
    ///
    /// # Errors
    /// [`Error::Chart`].
    pub fn run_chart(&self, index: usize, format: Format) -> Result<Vec<u8>, Error> {
        let (run, samples) = &self.runs[index];
        chart::run_chart(&run::chart(&self.order, run, samples), format).map_err(|source| {
            Error::Chart {
                what: format!("task {}", run.task),
                source,
            }
        })
    }

    /// The picture of the order.
    ///
    /// # Errors
    /// [`Error::Chart`].
    pub fn order_chart(&self, format: Format) -> Result<Vec<u8>, Error> {
        chart::order_chart(&order::chart(self), format).map_err(|source| Error::Chart {
            what: format!("order {}", self.order.name),
            source,
        })
    }

    /// The report, one HTML page. `folder` is the order's, for the pictures that its tasks made.
    ///
    /// # Errors
    /// [`Error::Chart`].
    pub fn report(&self, folder: &Path) -> Result<String, Error> {
        let svg = |picture: Vec<u8>| String::from_utf8_lossy(&picture).into_owned();
        let overview = svg(self.order_chart(Format::Svg)?);
        let charts: Vec<String> = (0..self.runs.len())
            .map(|index| self.run_chart(index, Format::Svg).map(svg))
            .collect::<Result<_, _>>()?;
        Ok(report::page(self, overview, charts, folder))
    }

    /// The file name of a run's picture, without its ending.
    pub fn file_stem(run: &RunRow) -> String {
        format!("{}-{}-{}", run.position, run.task, run.attempt)
    }
}

/// Draws all of an order into its folder: `charts/` and `report.html`.
///
/// # Errors
/// What the store, the drawing or the files say.
pub async fn draw_order(store: &Store, order: &OrderId, folder: &Path) -> Result<Drawn, Error> {
    let drawable = Drawable::read(store, order).await?;
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || draw_files(&drawable, &folder)).await?
}

fn draw_files(drawable: &Drawable, folder: &Path) -> Result<Drawn, Error> {
    let charts_folder = folder.join("charts");
    std::fs::create_dir_all(&charts_folder).map_err(|source| Error::Write {
        path: charts_folder.clone(),
        source,
    })?;
    let (mut charts, mut order_chart) = (Vec::new(), Vec::new());
    for (format, ending) in [(Format::Svg, "svg"), (Format::Png, "png")] {
        for (index, (run, _)) in drawable.runs.iter().enumerate() {
            let path = charts_folder.join(format!("{}.{ending}", Drawable::file_stem(run)));
            write(&path, &drawable.run_chart(index, format)?)?;
            let (position, attempt, task) = (run.position, run.attempt, run.task.clone());
            charts.push(ChartFile {
                position,
                attempt,
                task,
                path,
            });
        }
        let path = charts_folder.join(format!("order.{ending}"));
        write(&path, &drawable.order_chart(format)?)?;
        order_chart.push(path);
    }
    let report = folder.join("report.html");
    write(&report, drawable.report(folder)?.as_bytes())?;
    Ok(Drawn {
        charts,
        order_chart,
        report,
    })
}

/// Writes a file whole: a reader never sees half of it.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let failed = |source| Error::Write {
        path: path.to_owned(),
        source,
    };
    let beside = path.with_extension("part");
    std::fs::write(&beside, bytes).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)
}
