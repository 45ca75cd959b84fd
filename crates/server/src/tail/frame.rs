//! Events as text on the stream.

use bytes::Bytes;
use model::{OrderId, Resource};
use serde::Serialize;
use serde_json::json;
use store::{OrderSummary, RunRow, StoredSample};

use super::{
    news::News,
    ring::{Event, EventId},
};
use crate::{
    Draw,
    api::{columns, sample_row},
    views::RunView,
};

/// A sign of life.
pub(crate) const HEARTBEAT: Bytes = Bytes::from_static(b":\n\n");

/// Rows in one event.
const ROWS: usize = 500;

#[derive(Serialize)]
struct RunEvent<'a> {
    order: &'a OrderId,
    run: RunView,
}

/// The events of a piece of news; ids are given by whoever appends them.
pub(crate) fn events(news: News, draw: &dyn Draw) -> Vec<(OrderId, &'static str, Vec<u8>)> {
    match news {
        News::Order(summary) => {
            let data = serde_json::to_vec(&*summary).unwrap_or_default();
            vec![(summary.order.name, "order", data)]
        }
        News::Run(summary, run) => {
            let event = RunEvent {
                order: &summary.order.name,
                run: RunView::new(&summary.order, *run, draw),
            };
            let data = serde_json::to_vec(&event).unwrap_or_default();
            vec![(summary.order.name, "run", data)]
        }
        News::Samples(summary, run, samples) => samples
            .chunks(ROWS)
            .map(|some| {
                (
                    summary.order.name.clone(),
                    "samples",
                    rows(&summary, &run, some),
                )
            })
            .collect(),
    }
}

fn rows(summary: &OrderSummary, run: &RunRow, samples: &[StoredSample]) -> Vec<u8> {
    let names: Vec<_> = columns(Resource::ALL).collect();
    let head = format!(
        "{{\"order\":{},\"position\":{},\"task\":{},\"attempt\":{},\"columns\":{},\"rows\":[",
        json!(summary.order.name),
        run.position,
        json!(run.task),
        run.attempt,
        json!(names)
    );
    let mut data = head.into_bytes();
    for (place, sample) in samples.iter().enumerate() {
        if place > 0 {
            data.push(b',');
        }
        // Writing into memory doesn't fail.
        let _ = sample_row(&mut data, run, sample, Resource::ALL);
    }
    data.extend_from_slice(b"]}");
    data
}

/// An event with its id. JSON has no line breaks, so that the data is one line.
pub(crate) fn event(order: OrderId, kind: &str, id: EventId, data: &[u8]) -> Event {
    let mut frame = format!("event: {kind}\nid: {id}\ndata: ").into_bytes();
    frame.extend_from_slice(data);
    frame.extend_from_slice(b"\n\n");
    Event {
        order,
        frame: frame.into(),
    }
}

/// What tells a watcher that it has missed something; `at` is the event before the next one.
pub(crate) fn reset(at: EventId) -> Bytes {
    format!("event: reset\nid: {at}\ndata: {{}}\n\n").into()
}
