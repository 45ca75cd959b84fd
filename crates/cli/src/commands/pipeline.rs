//! `podometer report --pipeline`: batch against stream.

use anyhow::Result;
use chart::units::MISSING;
use model::Timestamp;
use serde::Serialize;
use store::{OneBatch, OrderRow, Pipeline, Store};

use crate::{
    exit::Code,
    load::Usage,
    output::{self, json, table},
};

/// Both ways, side by side.
#[derive(Debug, Serialize)]
struct Report {
    order: String,
    stored_samples: u64,
    /// As it was; `None` if nobody has counted it.
    stream: Option<Pipeline>,
    batch: Batch,
}

/// The same samples, had they been kept until the order's end.
#[derive(Debug, Serialize)]
struct Batch {
    #[serde(flatten)]
    written: OneBatch,
    /// From the instant of a sample to the order's end, and then the writing.
    delay_p50_seconds: Option<f64>,
    delay_p99_seconds: Option<f64>,
    delay_max_seconds: Option<f64>,
}

pub(super) async fn run(store: &Store, order: &OrderRow, wants_json: bool) -> Result<Code> {
    let (Some(ended_at), true) = (order.ended_at, order.status.is_final()) else {
        return Err(Usage::NotEnded {
            order: order.name.clone(),
            status: order.status,
        }
        .into());
    };
    let mut times = Vec::new();
    for run in store.runs(&order.name).await? {
        let take = |sample: store::StoredSample| times.push(sample.time);
        store
            .each_sample(&order.name, run.position, run.attempt, take)
            .await?;
    }
    times.sort_unstable();
    let written = store.write_as_one_batch(order).await?;
    let delay = |share| delay(&times, ended_at, share).map(|wait| wait + written.write_seconds);
    let report = Report {
        order: order.name.to_string(),
        stored_samples: times.len() as u64,
        stream: store.pipeline(&order.name).await?,
        batch: Batch {
            written,
            delay_p50_seconds: delay(0.5),
            delay_p99_seconds: delay(0.99),
            delay_max_seconds: delay(1.0),
        },
    };
    output::print(&if wants_json {
        json::text(&report)?
    } else {
        text(&report)
    })?;
    Ok(Code::DONE)
}

/// How long samples would have waited for the end: `share` of them at most so long, by the nearest rank.
/// `times` are in order.
fn delay(times: &[Timestamp], ended_at: Timestamp, share: f64) -> Option<f64> {
    let rank = (times.len() as f64 * share).ceil() as usize;
    // The earliest wait longest.
    let time = times.get(times.len().checked_sub(rank.max(1))?)?;
    Some((ended_at.0 - time.0).max(0) as f64 / 1e6)
}

fn text(report: &Report) -> String {
    let (stream, batch) = (report.stream, &report.batch);
    let count = |of: fn(&Pipeline) -> u64| {
        stream
            .as_ref()
            .map_or_else(|| MISSING.to_owned(), |stream| of(stream).to_string())
    };
    let delay = |of: fn(&Pipeline) -> Option<f64>| table::seconds(stream.as_ref().and_then(of));
    let row = |what: &str, stream: String, batch: String| [what.to_owned(), stream, batch];
    let rows = [
        row("messages", count(|s| s.messages), "1".to_owned()),
        row(
            "bytes",
            table::bytes(stream.map(|s| s.bytes)),
            table::bytes(Some(batch.written.bytes)),
        ),
        row("transactions", count(|s| s.batches), "1".to_owned()),
        row(
            "from sample to row, half of them",
            delay(|s| s.delay_p50_seconds),
            table::seconds(batch.delay_p50_seconds),
        ),
        row(
            "from sample to row, 99 %",
            delay(|s| s.delay_p99_seconds),
            table::seconds(batch.delay_p99_seconds),
        ),
        row(
            "from sample to row, longest",
            delay(|s| s.delay_max_seconds),
            table::seconds(batch.delay_max_seconds),
        ),
    ];
    let head = ["", "stream, as it was", "one batch at the end"];
    let mut text = format!(
        "order {}: {} samples\n",
        report.order, report.stored_samples
    );
    text.push_str(&table::beside(head, rows));
    text.push_str(&output::lines(notes(report)));
    text
}

fn notes(report: &Report) -> Vec<String> {
    let written = table::seconds(Some(report.batch.written.write_seconds));
    let mut notes = vec![
        "note: bytes are keys and values of the messages before compression; of the batch, rows as COPY sends them"
            .to_owned(),
        format!("note: the batch was written just now, apart from the others, in {written}"),
    ];
    notes.extend(match &report.stream {
        None => Some(
            "note: nobody has counted the stream: an older version stored it, or its end isn't stored"
                .to_owned(),
        ),
        Some(stream) if stream.samples < report.stored_samples => Some(format!(
            "note: counted for {} of {} samples; another consumer stored the others",
            stream.samples, report.stored_samples
        )),
        Some(_) => None,
    });
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_wait_longest() {
        let times: Vec<_> = (0..100).map(|n| Timestamp(n * 1_000_000)).collect();
        let end = Timestamp(100_000_000);
        assert_eq!(delay(&times, end, 0.5), Some(50.0));
        assert_eq!(delay(&times, end, 0.99), Some(99.0));
        assert_eq!(delay(&times, end, 1.0), Some(100.0));
        assert_eq!(delay(&[], end, 0.5), None);
    }
}
