//! SQLite: the store's own way beside prepared inserts of Python's sqlite3 module, which is C.

use std::{path::Path, process::Command, time::Instant};

use anyhow::{Context, Result, ensure};
use model::{Envelope, Message};
use store::{Advance, Batch, Item, Location, Log, Migrations, Store};
use tokio::runtime::Runtime;

use super::fill::{Orders, VALUES};
use crate::cost::{Aims, Unit, beside};

/// Samples in one transaction: the consumer's.
const BATCH: u64 = 5000;

const PYTHON: &str = r#"
import sqlite3, sys, time
source, target, batch = sys.argv[1], sys.argv[2], int(sys.argv[3])
old = sqlite3.connect(source)
rows = old.execute("select * from sample_wide").fetchall()
new = sqlite3.connect(target, isolation_level=None)
new.execute("pragma journal_mode = wal")
new.execute("pragma synchronous = normal")
new.execute(old.execute("select sql from sqlite_schema where name = 'sample_wide'").fetchone()[0])
insert = "insert into sample_wide values (%s) on conflict do nothing" % ", ".join("?" * len(rows[0]))
begun = time.monotonic()
for at in range(0, len(rows), batch):
    new.execute("begin immediate")
    new.executemany(insert, rows[at:at + batch])
    new.execute("commit")
print(len(rows) / (time.monotonic() - begun))
"#;

pub(super) fn beside_inserts(
    runtime: &Runtime,
    folder: &Path,
    samples: u64,
    aims: &mut Aims,
) -> Result<()> {
    let path = folder.join("podometer.db");
    let store = runtime.block_on(Store::open(&Location::from(path.clone()), Migrations::Run))?;
    let rate = runtime.block_on(ours(&store, samples))?;
    runtime.block_on(store.close());
    let output = Command::new("python3")
        .args(["-c", PYTHON])
        .args([&path, &folder.join("plain.db")])
        .arg(BATCH.to_string())
        .output()
        .context("python3")?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let plain: f64 = String::from_utf8_lossy(&output.stdout).trim().parse()?;
    beside(
        "SQLite: the store, values a second",
        Unit::Rate,
        rate * VALUES as f64,
    );
    beside(
        "SQLite: prepared inserts from Python, values a second",
        Unit::Rate,
        plain * VALUES as f64,
    );
    aims.at_least(
        "SQLite: the store's rate by that of prepared inserts",
        Unit::Times,
        rate / plain,
        0.8,
    );
    Ok(())
}

/// Rows a second by the store.
async fn ours(store: &Store, samples: u64) -> Result<f64> {
    let mut orders = Orders::new("file", 1)?;
    let (name, uid) = orders.all[0].clone();
    let (mut spent, mut at) = (0.0, 0);
    while at < samples {
        let items: Vec<Item> = (0..BATCH)
            .filter_map(|_| item(orders.envelope(None)))
            .collect();
        let batch = Batch {
            advances: vec![Advance {
                log: Log {
                    bus: "bench".to_owned(),
                    topic: "resource".to_owned(),
                    partition: 0,
                    generation: uid.to_string(),
                },
                expected: at as i64,
                next: (at + BATCH) as i64,
            }],
            orders: [(uid, name.clone())].into(),
            items,
        };
        let begun = Instant::now();
        store.ingest(&batch).await?;
        spent += begun.elapsed().as_secs_f64();
        at += BATCH;
    }
    Ok(at as f64 / spent)
}

fn item(envelope: Envelope) -> Option<Item> {
    let key = envelope.header.key()?;
    let (_, _, task) = envelope.header.attempt?;
    match envelope.message {
        Message::Sample(sample) => Some(Item::Sample { key, task, sample }),
        _ => None,
    }
}
