//! Reading runs.

use model::{
    Attempt, MachineFacts, OrderId, Position, Reason, TaskName, Timestamp, Totals, run::Quality,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Error, Statistics, Store,
    columns::{Columns, Sql},
    database::{Row, made},
    orders::{from_optional_rfc3339, optional_rfc3339},
    run_rows,
};

/// A run as it is stored. As JSON it has the table's columns, names instead of numbers, and
/// times as RFC 3339.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunRow {
    /// The task's place.
    pub position: Position,
    /// The task's name.
    pub task: TaskName,
    /// The number that its samples carry.
    pub task_id: i64,
    /// The try.
    pub attempt: Attempt,
    /// `None` after a signal, while it runs, or if nobody saw it.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Why it ended; `None` while it runs.
    pub reason: Option<Reason>,
    /// What a person should know of its end.
    pub message: Option<String>,
    /// Whether its end was not seen by its runner; `None` while it runs.
    pub censored: Option<bool>,
    /// When its command started.
    #[serde(
        serialize_with = "optional_rfc3339",
        deserialize_with = "from_optional_rfc3339"
    )]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(
        serialize_with = "optional_rfc3339",
        deserialize_with = "from_optional_rfc3339"
    )]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub ended_at: Option<Timestamp>,
    /// What it used.
    #[serde(flatten)]
    pub totals: Totals,
    /// How well it was measured.
    #[serde(flatten)]
    pub quality: Quality,
    /// What its samples amount to.
    #[serde(flatten)]
    pub statistics: Statistics,
    /// What it was given.
    #[serde(flatten)]
    pub given: Given,
    /// The machine's number; 0 if it isn't known.
    pub machine_id: i64,
    /// The machine.
    pub machine: MachineFacts,
    /// Its output.
    pub output: Option<String>,
}

/// What a run was given. All `None` until its start was reported.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Given {
    /// What started it.
    pub launcher: Option<String>,
    /// Where its counters were read.
    pub source: Option<String>,
    /// The time between samples, seconds.
    pub period_seconds: Option<f64>,
    /// The container image.
    pub image: Option<String>,
    /// Its digest.
    pub image_digest: Option<String>,
    /// The command with its arguments.
    pub command: Option<Vec<String>>,
    /// Requested processor, cores.
    pub requested_cpu: Option<f64>,
    /// Requested memory, bytes.
    pub requested_memory_bytes: Option<u64>,
    /// The limit of processor, cores.
    pub limit_cpu: Option<f64>,
    /// The limit of memory, bytes.
    pub limit_memory_bytes: Option<u64>,
    /// Size of the input picture's file, bytes.
    pub input_bytes: Option<u64>,
    /// Its width, pixels.
    pub input_width: Option<u32>,
    /// Its height, pixels.
    pub input_height: Option<u32>,
    /// Its channels.
    pub input_channels: Option<u8>,
    /// Its bits a channel.
    pub input_bit_depth: Option<u8>,
    /// Its format.
    pub input_format: Option<String>,
}

impl Given {
    fn read(row: &Columns<'_>) -> Sql<Self> {
        Ok(Self {
            launcher: row.optional("launcher")?,
            source: row.optional("source")?,
            period_seconds: row.optional("period_seconds")?,
            image: row.optional("image")?,
            image_digest: row.optional("image_digest")?,
            command: row.json("command")?,
            requested_cpu: row.optional("requested_cpu")?,
            requested_memory_bytes: row.optional_count("requested_memory_bytes")?,
            limit_cpu: row.optional("limit_cpu")?,
            limit_memory_bytes: row.optional_count("limit_memory_bytes")?,
            input_bytes: row.optional_count("input_bytes")?,
            input_width: row.optional_count("input_width")?,
            input_height: row.optional_count("input_height")?,
            input_channels: row.optional_count("input_channels")?,
            input_bit_depth: row.optional_count("input_bit_depth")?,
            input_format: row.optional("input_format")?,
        })
    }
}

impl RunRow {
    pub(crate) fn read(row: &Row) -> Sql<Self> {
        let row = Columns(row);
        let end = run_rows::end(&row)?;
        Ok(Self {
            position: Position(row.count("position")?),
            task: row.word("task_name")?,
            task_id: row.get("task_id")?,
            attempt: Attempt(row.count("attempt")?),
            exit_code: end.as_ref().and_then(|e| e.exit_code),
            signal: end.as_ref().and_then(|e| e.signal),
            reason: end.as_ref().map(|e| e.reason),
            censored: end.as_ref().map(|e| e.censored),
            started_at: row.optional_time("started_at")?,
            ended_at: end.as_ref().map(|e| e.ended_at),
            message: end.and_then(|e| e.message),
            totals: run_rows::totals(&row)?,
            quality: run_rows::quality(&row)?,
            statistics: Statistics::read(&row)?,
            given: Given::read(&row)?,
            machine_id: row.get("machine_id")?,
            machine: MachineFacts {
                hostname: row.optional("hostname")?,
                processor: row.optional("processor")?,
                cores: row.optional_count("cores")?,
                memory_bytes: row.optional_count("machine_memory_bytes")?,
                kernel: row.optional("kernel")?,
                os: row.optional("os")?,
                architecture: row.optional("architecture")?,
            },
            output: row.optional("output")?,
        })
    }
}

pub(crate) const READING: &str = "reading the table run";

/// The statement that reads runs for [`RunRow::read`]: `more` columns in front (with a comma behind them), and
/// the `rest` that follows the tables.
pub(crate) fn select(more: &str, rest: &str) -> String {
    format!(
        "select {more} run.*, task.name as task_name, machine.hostname, machine.processor, \
         machine.cores, machine.memory_bytes as machine_memory_bytes, machine.kernel, \
         machine.os, machine.architecture \
         from run join task on task.id = run.task_id \
         join machine on machine.id = run.machine_id {rest}"
    )
}

impl Store {
    /// The runs of an order, by position and attempt. None if there is no such order.
    ///
    /// # Errors
    /// What the database says.
    pub async fn runs(&self, order: &OrderId) -> Result<Vec<RunRow>, Error> {
        let rest = "join orders on orders.id = run.order_id \
             where orders.name = $1 order by run.position, run.attempt";
        let runs = made(select("", rest), true).bind(order.as_str());
        self.database
            .all(runs)
            .await
            .and_then(|rows| rows.iter().map(RunRow::read).collect())
            .map_err(self.database.failed(READING))
    }
}
