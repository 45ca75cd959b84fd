//! What the API answers, as far as it is used here.

use model::{Attempt, OrderId, Position, Resource, Timestamp, Values};
use serde::Deserialize;
use serde_json::Value;
use store::{OrderRow, RunRow};

use crate::watch::series::Measured;

/// Some orders.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub(super) orders: Vec<OrderRow>,
    pub(super) next: Option<String>,
}

/// An order with its plan and runs.
#[derive(Debug, Deserialize)]
pub(crate) struct Detail {
    #[serde(flatten)]
    pub(crate) order: OrderRow,
    pub(crate) plan: Vec<Planned>,
    pub(crate) runs: Vec<RunRow>,
}

/// A task of the plan.
#[derive(Debug, Deserialize)]
pub(crate) struct Planned {
    pub(crate) task: String,
}

/// What was loaded.
#[derive(Debug, Deserialize)]
pub(crate) struct Loaded {
    /// The id that it got.
    pub(crate) id: OrderId,
}

/// What the server is and may.
#[derive(Debug, Deserialize)]
pub(crate) struct Session {
    /// Whether orders can be handed to it.
    pub(crate) can_load: bool,
}

/// The samples of some runs.
#[derive(Debug, Deserialize)]
pub(crate) struct Samples {
    columns: Vec<String>,
    series: Vec<RunSamples>,
}

#[derive(Debug, Deserialize)]
struct RunSamples {
    rows: Vec<Vec<Value>>,
}

/// The event `run`.
#[derive(Debug, Deserialize)]
pub(crate) struct RunEvent {
    pub(crate) run: RunRow,
}

/// The event `samples`.
#[derive(Debug, Deserialize)]
pub(crate) struct SamplesEvent {
    pub(crate) position: Position,
    pub(crate) attempt: Attempt,
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl Samples {
    /// The samples of the one run that was asked for.
    pub(crate) fn measured(&self) -> Vec<Measured> {
        let rows = self.series.iter().flat_map(|one| &one.rows);
        rows.filter_map(|row| measured(&self.columns, row))
            .collect()
    }
}

impl SamplesEvent {
    /// The samples.
    pub(crate) fn measured(&self) -> Vec<Measured> {
        let rows = self.rows.iter();
        rows.filter_map(|row| measured(&self.columns, row))
            .collect()
    }
}

/// A row by its columns' names. A resource of a newer version isn't ours to refuse.
fn measured(columns: &[String], row: &[Value]) -> Option<Measured> {
    let (mut time, mut seq, mut missed_before) = (None, None, 0);
    let mut values = Values::default();
    for (column, value) in columns.iter().zip(row) {
        match column.as_str() {
            "time" => time = value.as_str()?.parse::<Timestamp>().ok(),
            "seq" => seq = value.as_u64(),
            "missed_before" => missed_before = value.as_u64().unwrap_or(0),
            name => {
                if let Ok(resource) = name.parse::<Resource>() {
                    values.set(resource, value.as_f64());
                }
            }
        }
    }
    Some(Measured {
        time: time?,
        seq: seq?,
        missed_before,
        values,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn samples_are_read_by_their_columns() {
        let samples: Samples = serde_json::from_value(json!({
            "order": "leaf-1",
            "columns": ["time", "elapsed_seconds", "seq", "missed_before", "cpu", "gpu", "memory"],
            "series": [{"position": 0, "task": "x", "attempt": 1, "rows": [
                ["2026-01-01T00:00:01.000000Z", 0.01, 1, 3, 0.5, 7, null],
                ["no time", 0.01, 2, 0, 0.5, 7, null],
            ]}],
        }))
        .unwrap();
        let read = samples.measured();
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].seq, read[0].missed_before), (1, 3));
        assert_eq!(read[0].values.get(Resource::Cpu), Some(0.5));
        assert_eq!(read[0].values.get(Resource::Memory), None);
    }
}
