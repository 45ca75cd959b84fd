//! A store that is asked a few times a second: the data folder here, a database, or that of a cluster.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::Result;
use model::{OrderId, Timestamp};
use serde_json::Value;
use store::{Beyond, OrderRow, RunRow, Store, StoredSample};
use tokio::{sync::mpsc::Sender, time::sleep};

use super::Source;
use crate::{
    cluster::{Cluster, Found},
    commands::{complete, row_of},
    data::DataFolder,
    load::Usage,
    owner,
    terminate::{self, Ending},
    watch::{
        data::{At, Update},
        series::Measured,
    },
};

/// How often the store is asked.
const POLL: Duration = Duration::from_millis(250);
/// How often it is asked while it doesn't answer.
const RETRY: Duration = Duration::from_secs(2);

/// A store.
#[derive(Clone)]
pub(crate) struct StoreSource {
    store: Store,
    data: DataFolder,
    order: OrderId,
    cluster: Option<Arc<Cluster>>,
}

/// Samples that are read at once.
const PAGE: u32 = 2048;

/// What has been told already.
#[derive(Default)]
struct Told {
    order: Option<OrderRow>,
    tasks: bool,
    runs: HashMap<At, RunRow>,
    last: HashMap<At, (Timestamp, u64)>,
    /// The runs that have ended, all of whose samples are told.
    whole: Vec<At>,
    waits: Vec<String>,
}

impl StoreSource {
    /// The order of a store; the cluster knows how it stands if it is on one.
    pub(crate) fn new(
        store: Store,
        data: DataFolder,
        order: OrderId,
        cluster: Option<Cluster>,
    ) -> Self {
        Self {
            store,
            data,
            order,
            cluster: cluster.map(Arc::new),
        }
    }

    /// Tells what is new. The order comes last: when it has ended, all of it was told. Whether it has.
    async fn look(&self, told: &mut Told, to: &Sender<Update>) -> Result<bool> {
        let found = if let Some(cluster) = &self.cluster {
            cluster.order(&self.order).await?
        } else {
            owner::tidy_if_possible(&self.store, &self.data).await;
            None
        };
        let order = self.order(found.as_ref()).await?;
        if !told.tasks {
            to.send(Update::Tasks(task_names(&order.definition)))
                .await?;
            told.tasks = true;
        }
        for run in self.store.runs(&self.order).await? {
            self.run(order.id, run, told, to).await?;
        }
        if let (Some(cluster), Some(found)) = (&self.cluster, &found) {
            let waits = cluster.troubles(found).await?;
            if waits != told.waits {
                to.send(Update::Waits(waits.clone())).await?;
                told.waits = waits;
            }
        }
        let is_over = order.status.is_final();
        if told.order.as_ref() != Some(&order) {
            to.send(Update::Order(Box::new(order.clone()))).await?;
            told.order = Some(order);
        }
        Ok(is_over)
    }

    async fn order(&self, found: Option<&Found>) -> Result<OrderRow> {
        let stored = self.store.order(&self.order).await?;
        Ok(match (stored, found) {
            (Some(mut row), Some(found)) => {
                complete(&mut row, found);
                row
            }
            (Some(row), None) => row,
            (None, Some(found)) => row_of(found),
            (None, None) => {
                let data = match &self.cluster {
                    Some(cluster) => cluster.place(),
                    None => self.data.location().to_string(),
                };
                let order = self.order.clone();
                return Err(Usage::UnknownOrder { order, data }.into());
            }
        })
    }

    async fn run(
        &self,
        order: i64,
        run: RunRow,
        told: &mut Told,
        to: &Sender<Update>,
    ) -> Result<()> {
        let at = (run.position, run.attempt);
        if told.whole.contains(&at) {
            return Ok(());
        }
        let samples = match told.last.get(&at) {
            Some(last) => self.beyond(order, at, *last).await?,
            None => self.store.samples(&self.order, at.0, at.1).await?,
        };
        // Its end is stored behind its samples, and was read before them.
        if run.reason.is_some() {
            told.whole.push(at);
        }
        if told.runs.get(&at) != Some(&run) {
            to.send(Update::Run(Box::new(run.clone()))).await?;
            told.runs.insert(at, run);
        }
        if let Some(last) = samples.last() {
            told.last.insert(at, (last.time, last.seq));
            let samples = samples.iter().map(measured).collect();
            to.send(Update::Samples(at, samples)).await?;
        }
        Ok(())
    }
}

impl StoreSource {
    /// The samples that follow one that is told.
    async fn beyond(
        &self,
        order: i64,
        (position, attempt): At,
        (since, seq): (Timestamp, u64),
    ) -> Result<Vec<StoredSample>> {
        let mut beyond = Beyond {
            order,
            position,
            attempt,
            seq: seq as i64,
            since,
        };
        let mut samples = Vec::new();
        loop {
            let some = self.store.samples_beyond(&[beyond], PAGE).await?;
            let is_last = some.len() < PAGE as usize;
            samples.extend(some.into_iter().map(|new| new.sample));
            match samples.last() {
                Some(last) if !is_last => (beyond.seq, beyond.since) = (last.seq as i64, last.time),
                _ => return Ok(samples),
            }
        }
    }
}

impl Source for StoreSource {
    async fn follow(self, to: Sender<Update>) -> Result<()> {
        let mut told = Told::default();
        let mut is_over = self.look(&mut told, &to).await?;
        let mut is_troubled = false;
        while !is_over && !to.is_closed() {
            sleep(if is_troubled { RETRY } else { POLL }).await;
            match self.look(&mut told, &to).await {
                Ok(over) => {
                    is_over = over;
                    if std::mem::take(&mut is_troubled) {
                        to.send(Update::Trouble(None)).await?;
                    }
                }
                // It was deleted meanwhile.
                Err(error) if error.is::<Usage>() => return Err(error),
                Err(error) => {
                    is_troubled = true;
                    let text = format!("{error:#}; trying again");
                    to.send(Update::Trouble(Some(text))).await?;
                }
            }
        }
        Ok(())
    }

    async fn terminate(&self) -> Result<String> {
        let order = &self.order;
        if let Some(cluster) = &self.cluster {
            cluster.terminate(order, false).await?;
            return Ok(format!("{order} is told to end"));
        }
        Ok(
            match terminate::local(&self.store, &self.data, order).await? {
                Ending::Told => format!("{order} is told to end"),
                Ending::Over(status) => format!("{order} is over: {status}"),
            },
        )
    }
}

fn measured(sample: &StoredSample) -> Measured {
    Measured {
        time: sample.time,
        seq: sample.seq,
        missed_before: sample.flags.missed_before,
        values: sample.values,
    }
}

/// The tasks' names as the order's file has them.
fn task_names(definition: &str) -> Vec<String> {
    let order: Value = serde_json::from_str(definition).unwrap_or_default();
    let tasks = ["tasks", "required_tasks"]
        .iter()
        .find_map(|key| order[key].as_array());
    let name = |task: &Value| {
        let name = task.as_str().or_else(|| task["name"].as_str());
        name.unwrap_or("?").to_owned()
    };
    tasks.into_iter().flatten().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tasks() {
        let names = ["a", "b"].map(str::to_owned).to_vec();
        assert_eq!(task_names(r#"{"tasks": ["a", {"name": "b"}]}"#), names);
        assert_eq!(task_names(r#"{"required_tasks": ["a", "b"]}"#), names);
        assert!(task_names("{}").is_empty() && task_names("").is_empty());
    }
}
