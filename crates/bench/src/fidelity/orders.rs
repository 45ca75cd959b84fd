//! Takes a batch through Podometer, and what came of it out of the store.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use model::OrderId;
use store::Store;

use super::{
    LIMIT, Source,
    cases::{Batch, Case},
    judge::{About, Measured},
    summary,
};
use crate::{
    podometer::{Podometer, Printed, Task, order},
    table::Line,
    truth::{Collector, Truth},
};

/// What came of a batch.
pub(super) struct Results {
    /// By case: its place in the batch.
    pub(super) measured: Vec<Option<Measured>>,
    truths: Vec<Truth>,
}

impl Results {
    /// Runs it.
    pub(super) fn of(
        podometer: &Podometer,
        folder: &Path,
        batch: &Batch,
        source: &Source,
    ) -> Result<Self> {
        let (data, notes) = (folder.join("data"), folder.join("truth"));
        fs::create_dir_all(notes.join("joined"))?;
        let spread = spread(batch);
        let files: Result<Vec<PathBuf>> = (0..)
            .zip(&spread)
            .map(|(number, cases)| {
                let tasks: Result<Vec<Task>> = cases
                    .iter()
                    .map(|place| task(&notes, *place, &batch.cases[*place]))
                    .collect();
                order(folder, &order_id(batch, number), &tasks?)
            })
            .collect();
        let collector = Collector::start(&notes);
        let parallel = batch.parallel.to_string();
        let options = ["--source", source.option, "--parallel", &parallel];
        let finished = podometer.run(&data, &options, &files?, LIMIT);
        let mut noted = collector.finish()?;
        let count = batch.cases.len();
        let truths = (0..count).map(|place| noted.remove(&note(place)).unwrap_or_default());
        Ok(Self {
            measured: measured(&data, &finished?.orders, &spread, count)?,
            truths: truths.collect(),
        })
    }

    /// A line for each case, or for each label the one that is furthest off.
    pub(super) fn lines(&self, batch: &Batch, source: &str) -> Vec<Line> {
        let cases = batch.cases.iter().zip(&self.truths).zip(&self.measured);
        let lines = cases.map(|((case, truth), measured)| {
            let about = About {
                load: case.label.clone(),
                source: source.to_owned(),
            };
            match measured {
                Some(measured) => about.judge(case.expect, truth, measured),
                None => vec![about.not_run()],
            }
        });
        let lines: Vec<_> = lines.flatten().collect();
        if batch.each {
            lines
        } else {
            summary::worst(lines)
        }
    }
}

/// The places of the cases that each order gets.
fn spread(batch: &Batch) -> Vec<Vec<usize>> {
    (0..batch.orders)
        .map(|order| (order..batch.cases.len()).step_by(batch.orders).collect())
        .collect()
}

fn order_id(batch: &Batch, number: usize) -> String {
    format!("{}-{number}", batch.name)
}

fn note(place: usize) -> String {
    format!("case-{place}")
}

fn task(notes: &Path, place: usize, case: &Case) -> Result<Task> {
    let this = env::current_exe().context("the own path")?;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut command = vec![text(&this), "load".to_owned(), "--truth".to_owned()];
    command.push(text(&notes.join(note(place))));
    command.extend(case.load.iter().cloned());
    Ok(Task {
        name: case.task.to_owned(),
        command,
    })
}

/// The runs of an order with their samples.
pub(super) fn stored(data: &Path, order: &OrderId) -> Result<Vec<Measured>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let store = Store::open_existing(&data.join("podometer.db").into()).await?;
        let mut all = Vec::new();
        for run in store.runs(order).await? {
            let samples = store.samples(order, run.position, run.attempt).await?;
            all.push(Measured { run, samples });
        }
        store.close().await;
        Ok(all)
    })
}

/// What was stored of each case, after it was compared with what was printed.
fn measured(
    data: &Path,
    printed: &[Printed],
    spread: &[Vec<usize>],
    count: usize,
) -> Result<Vec<Option<Measured>>> {
    ensure!(printed.len() == spread.len(), "orders are missing");
    let mut by_case = BTreeMap::new();
    for (order, cases) in printed.iter().zip(spread) {
        let stored = stored(data, &order.id)?;
        ensure!(
            stored.len() == order.runs.len(),
            "order {} ({}): {} runs were printed, {} stored",
            order.id,
            order.status,
            order.runs.len(),
            stored.len()
        );
        for (printed, measured) in order.runs.iter().zip(stored) {
            ensure!(
                printed.cpu_seconds == measured.run.totals.cpu_seconds,
                "order {}: other numbers were printed than stored",
                order.id
            );
            let place = cases.get(measured.run.position.0 as usize);
            by_case.insert(*place.context("a task too many")?, measured);
        }
    }
    Ok((0..count).map(|place| by_case.remove(&place)).collect())
}
