//! What it took to carry an order's samples, and what one batch at the end would have taken.

use model::{AttemptKey, OrderId, OrderUid, Reading, Sample};
use serde::Serialize;

use crate::{
    Error, OrderRow, Store, StoredSample,
    columns::{Columns, Sql, whole},
    database::{Row, sql},
    ingest::{SampleRow, apart, copy},
};

/// What it took to carry an order's samples to the store, as they were taken.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Pipeline {
    /// Records on the order's resource topic.
    pub messages: u64,
    /// Their keys and values, before compression.
    pub bytes: u64,
    /// Transactions that held some of them.
    pub batches: u64,
    /// Samples among them, with those that came twice.
    pub samples: u64,
    /// From the instant of a sample to the end of the transaction that stored it: half of them took at
    /// most so long.
    pub delay_p50_seconds: Option<f64>,
    /// 99 % of them took at most so long.
    pub delay_p99_seconds: Option<f64>,
    /// The longest.
    pub delay_max_seconds: Option<f64>,
}

/// The same samples, written as one batch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OneBatch {
    /// Rows.
    pub samples: u64,
    /// What they take in the binary form of COPY.
    pub bytes: u64,
    /// How long the transaction took.
    pub write_seconds: f64,
}

const READING: &str = "reading the table pipeline";

impl Pipeline {
    fn read(row: &Row) -> Sql<Self> {
        let row = Columns(row);
        Ok(Self {
            messages: row.count("messages")?,
            bytes: row.count("bytes")?,
            batches: row.count("batches")?,
            samples: row.count("samples")?,
            delay_p50_seconds: row.optional("delay_p50_seconds")?,
            delay_p99_seconds: row.optional("delay_p99_seconds")?,
            delay_max_seconds: row.optional("delay_max_seconds")?,
        })
    }
}

impl Store {
    /// Notes what it took; whoever has seen more of the order says it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn note_pipeline(&self, order_uid: OrderUid, took: &Pipeline) -> Result<(), Error> {
        let failed = self.database.failed("writing the table pipeline");
        let note = sql(
            "insert into pipeline (order_id, messages, bytes, batches, samples, \
             delay_p50_seconds, delay_p99_seconds, delay_max_seconds) \
             select id, $2, $3, $4, $5, $6, $7, $8 from orders where order_uid = $1 \
             on conflict (order_id) do update set messages = excluded.messages, \
             bytes = excluded.bytes, batches = excluded.batches, samples = excluded.samples, \
             delay_p50_seconds = excluded.delay_p50_seconds, \
             delay_p99_seconds = excluded.delay_p99_seconds, \
             delay_max_seconds = excluded.delay_max_seconds \
             where pipeline.messages <= excluded.messages",
        )
        .bind(order_uid.to_string())
        .bind(whole(took.messages))
        .bind(whole(took.bytes))
        .bind(whole(took.batches))
        .bind(whole(took.samples))
        .bind(took.delay_p50_seconds)
        .bind(took.delay_p99_seconds)
        .bind(took.delay_max_seconds);
        let mut transaction = self.database.begin().await.map_err(&failed)?;
        transaction.execute(note).await.map_err(&failed)?;
        transaction.commit().await.map_err(&failed)
    }

    /// What it took to carry an order's samples; `None` if nobody has counted it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn pipeline(&self, order: &OrderId) -> Result<Option<Pipeline>, Error> {
        let failed = self.database.failed(READING);
        let row = sql(
            "select pipeline.* from pipeline join orders on orders.id = pipeline.order_id \
             where orders.name = $1",
        )
        .bind(order.as_str());
        let row = self.database.optional(row).await.map_err(&failed)?;
        row.as_ref().map(Pipeline::read).transpose().map_err(failed)
    }

    /// Writes an order's samples again, as one transaction, where nobody will see them: into a table that
    /// goes with it on a server, else into a new file beside the store's. It holds all of them in memory,
    /// 0.5 KB each.
    ///
    /// # Errors
    /// What the database says.
    pub async fn write_as_one_batch(&self, order: &OrderRow) -> Result<OneBatch, Error> {
        let samples = self.all_samples(order).await?;
        let rows: Vec<_> = samples
            .iter()
            .map(|(key, task, sample)| SampleRow {
                order: order.id,
                task: *task,
                key: *key,
                sample,
            })
            .collect();
        let took = apart::write(&self.database, &rows).await?;
        Ok(OneBatch {
            samples: rows.len() as u64,
            bytes: copy::bytes(&rows),
            write_seconds: took.as_secs_f64(),
        })
    }

    async fn all_samples(&self, order: &OrderRow) -> Result<Vec<(AttemptKey, i64, Sample)>, Error> {
        let mut samples = Vec::new();
        for run in self.runs(&order.name).await? {
            let key = AttemptKey {
                order_uid: order.order_uid,
                position: run.position,
                attempt: run.attempt,
            };
            let take = |stored| samples.push((key, run.task_id, again(&stored)));
            self.each_sample(&order.name, run.position, run.attempt, take)
                .await?;
        }
        Ok(samples)
    }
}

/// The sample as far as its row tells.
fn again(stored: &StoredSample) -> Sample {
    Sample {
        reading: Reading {
            seq: stored.seq,
            time_us: stored.time,
            cpu_lower_bound: stored.flags.cpu_lower_bound,
            is_final: stored.flags.is_final,
            ..Reading::default()
        },
        values: stored.values,
        missed_before: stored.flags.missed_before,
    }
}
