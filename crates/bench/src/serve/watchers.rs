//! Those who watch the event stream, and what they have seen.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, Result};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::client::Client;

/// A sample: its order, and position, attempt and sequence number as text.
type Key = (String, String);

/// What a watcher was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    samples: HashMap<Key, u32>,
    ended: BTreeSet<String>,
    resets: u32,
}

/// Somebody who watches.
pub(super) struct Watcher {
    told: Arc<Mutex<Told>>,
    reading: JoinHandle<()>,
}

/// What they all missed, or were told twice.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) missed: usize,
    pub(super) doubled: usize,
    pub(super) ends_missed: usize,
    pub(super) resets: u32,
}

impl Watcher {
    pub(super) async fn begin(address: &str) -> Result<Self> {
        let (body, client) = Client::connect(address)
            .await?
            .stream("/api/events")
            .await?;
        let told = Arc::<Mutex<Told>>::default();
        let reading = tokio::spawn(read(body, client, Arc::clone(&told)));
        Ok(Self { told, reading })
    }

    /// Whether it has been told that these have ended.
    pub(super) fn knows_the_end_of(&self, orders: &[String]) -> bool {
        let told = self.told.lock().expect("nobody panics with it");
        orders.iter().all(|order| told.ended.contains(order))
    }

    /// Ends, and compares what was told with what is stored.
    pub(super) fn judge(self, stored: &BTreeSet<Key>, orders: &[String], verdict: &mut Verdict) {
        self.reading.abort();
        let told = self.told.lock().expect("nobody panics with it");
        verdict.missed += stored
            .iter()
            .filter(|key| !told.samples.contains_key(key))
            .count();
        verdict.doubled += told.samples.values().filter(|times| **times > 1).count();
        verdict.ends_missed += orders
            .iter()
            .filter(|order| !told.ended.contains(*order))
            .count();
        verdict.resets += told.resets;
    }
}

async fn read(mut body: Incoming, _connection: Client, told: Arc<Mutex<Told>>) {
    let mut text = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else {
            continue;
        };
        text.extend_from_slice(&data);
        while let Some(end) = text.windows(2).position(|two| two == b"\n\n") {
            let block: Vec<u8> = text.drain(..end + 2).collect();
            note(&String::from_utf8_lossy(&block), &told);
        }
    }
}

fn note(block: &str, told: &Mutex<Told>) {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    let (Some(kind), Some(data)) = (field("event: "), field("data: ")) else {
        return;
    };
    let data: Value = serde_json::from_str(data).unwrap_or_default();
    let mut told = told.lock().expect("nobody panics with it");
    match kind {
        "samples" => {
            for key in keys(&data["order"], &data) {
                *told.samples.entry(key).or_default() += 1;
            }
        }
        "order" if !data["ended_at"].is_null() => {
            told.ended.extend(data["id"].as_str().map(str::to_owned));
        }
        "reset" => told.resets += 1,
        _ => {}
    }
}

/// The samples of a series.
fn keys<'a>(order: &'a Value, series: &'a Value) -> impl Iterator<Item = Key> + 'a {
    let order = order.as_str().unwrap_or_default();
    let rows = series["rows"].as_array().into_iter().flatten();
    rows.map(move |row| {
        let place = format!("{}.{}.{}", series["position"], series["attempt"], row[2]);
        (order.to_owned(), place)
    })
}

/// The samples that are stored of some orders.
pub(super) async fn stored(address: &str, orders: &[String]) -> Result<BTreeSet<Key>> {
    let mut client = Client::connect(address).await?;
    let mut all = BTreeSet::new();
    for order in orders {
        let samples = client
            .json(&format!("/api/orders/{order}/samples?resource=cpu"))
            .await?;
        let series = samples["series"].as_array().context("no series")?;
        for series in series {
            all.extend(keys(&samples["order"], series));
        }
    }
    Ok(all)
}

/// How often it is looked whether all are told.
pub(super) const LOOK: Duration = Duration::from_millis(200);
