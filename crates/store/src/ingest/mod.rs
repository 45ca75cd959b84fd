//! Storing what was read from topics, once.
//!
//! A batch is one transaction: it locks and compares the offsets, writes, and moves the offsets. In
//! the steady state it asks for nothing: the numbers of orders and tasks, and which attempts have
//! their rows, are remembered ([`known`]).

pub(crate) mod apart;
mod batch;
mod check;
pub(crate) mod copy;
mod fence;
mod insert;
mod known;
mod samples;
mod way;
mod write;

use std::collections::HashMap;

pub use batch::{Advance, Batch, Ingested, Item, Log};
pub(crate) use known::Known;
pub(crate) use samples::SampleRow;

use crate::{Error, Store, columns::Sql};
use check::Checked;
use way::Way;

const STORING: &str = "storing a batch of samples and runs";
const OFFSETS: &str = "reading the table ingest_offset";

/// What became of one try to store a batch.
enum Tried {
    Done(Ingested),
    /// An order that was remembered is gone.
    Forgotten,
}

impl Store {
    /// Stores a batch with its offsets, all of it or nothing, unless someone else has moved an
    /// offset since. What is there already is left as it is and counted; how later messages about
    /// a run complete earlier ones stands in the module `merge`. The first sample or run sets an
    /// order running; a final status stays. An order that isn't known becomes known.
    ///
    /// An item that the database can't take is refused, and the rest is stored.
    ///
    /// # Errors
    /// What the database says; then nothing of it is stored, and it can be tried again.
    pub async fn ingest(&self, batch: &Batch) -> Result<Ingested, Error> {
        let checked = check::check(batch);
        let stored = self.try_all_ways(batch, &checked).await;
        if !matches!(stored, Ok(Ingested::Stored { .. })) {
            self.known.forget();
        }
        stored.map_err(self.database.failed(STORING))
    }

    /// The fast way, and when the database refuses rows, ever more careful ones.
    async fn try_all_ways(&self, batch: &Batch, checked: &Checked<'_>) -> Sql<Ingested> {
        let mut way = Way::Fast;
        loop {
            match self.try_to_store(batch, checked, way).await {
                Ok(Tried::Done(ingested)) => return Ok(ingested),
                Ok(Tried::Forgotten) => {}
                Err(error) => way = way.after(error)?,
            }
            self.known.forget();
        }
    }

    async fn try_to_store(&self, batch: &Batch, checked: &Checked<'_>, way: Way) -> Sql<Tried> {
        let numbers = known::numbers(self, batch, checked).await?;
        let mut to = self.database.begin().await?;
        let fenced = fence::fence(&mut to, &batch.advances).await?;
        if !fenced.is_empty() {
            to.rollback().await?;
            return Ok(Tried::Done(Ingested::Fenced { logs: fenced }));
        }
        if !numbers.still_stand(&mut to).await? {
            to.rollback().await?;
            return Ok(Tried::Forgotten);
        }
        let written =
            write::write(&mut to, checked, &numbers, way, self.database.abilities()).await?;
        fence::move_on(&mut to, &batch.advances).await?;
        to.commit().await?;
        let mut refused = checked.refused.clone();
        let samples = checked.samples() - written.refused_samples;
        refused.extend(written.refused);
        refused.sort_by_key(|(item, _)| *item);
        self.known.learn(numbers, written.ended);
        Ok(Tried::Done(Ingested::Stored {
            samples: written.new_samples,
            duplicates: samples - written.new_samples,
            refused,
        }))
    }

    /// For each log the offset of the next record to be stored, if any of it was. Ask this when
    /// reading of logs begins.
    ///
    /// # Errors
    /// What the database says.
    pub async fn offsets(&self, logs: &[Log]) -> Result<Vec<Option<i64>>, Error> {
        // Who asks has taken logs over: another one may have stored meanwhile.
        self.known.forget();
        let mut stored = HashMap::new();
        for some in fence::chunks(logs) {
            let rows = self.database.all(fence::select(some, "")).await;
            rows.and_then(|rows| fence::read(&rows, &mut stored))
                .map_err(self.database.failed(OFFSETS))?;
        }
        Ok(logs.iter().map(|log| stored.get(log).copied()).collect())
    }
}
