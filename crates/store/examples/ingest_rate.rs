//! How many samples a second the store takes in, beside what reading them back costs.
//!
//! `cargo run --release -p store --example ingest_rate -- FOLDER [BATCHES] [BATCH]`

use std::{env, error::Error, path::Path, time::Instant};

use model::{
    Attempt, AttemptKey, OrderId, OrderUid, Position, Reading, Resource, Sample, TaskName,
    Timestamp, Values, attempt::Launcher,
};
use store::{Batch, Item, NewOrder, Store};

/// What a process tree on a laptop has; the others are missing there.
const MEASURED: usize = 14;

fn sample(key: AttemptKey, task: &TaskName, seq: u64) -> Item {
    let mut values = Values::default();
    for resource in &Resource::ALL[..MEASURED] {
        values.set(
            *resource,
            Some((seq % 97) as f64 * 1.7 + f64::from(resource.id())),
        );
    }
    Item::Sample {
        key,
        task: task.clone(),
        sample: Sample {
            reading: Reading {
                seq,
                time_us: Timestamp(1_700_000_000_000_000 + seq as i64 * 100_000),
                ..Reading::default()
            },
            values,
            missed_before: 0,
        },
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let number = |at: usize, or: u64| arguments.get(at).and_then(|a| a.parse().ok()).unwrap_or(or);
    let (batches, batch) = (number(1, 100), number(2, 5000));
    let folder = arguments
        .first()
        .map_or("/dev/shm/podometer-ingest-rate", String::as_str);
    std::fs::remove_dir_all(folder).ok();
    let path = Path::new(folder).join("podometer.db");
    let store = Store::open(&path).await?;
    let name: OrderId = "rate".parse()?;
    let task: TaskName = "load".parse()?;
    let key = AttemptKey {
        order_uid: "0190e2a0-0000-7000-8000-000000000001".parse::<OrderUid>()?,
        position: Position(0),
        attempt: Attempt(1),
    };
    store
        .register(NewOrder {
            wanted: name.clone(),
            again: false,
            order_uid: key.order_uid,
            launcher: Launcher::Local,
            created_at: Timestamp(1_700_000_000_000_000),
            input: None,
            definition: "{}".to_owned(),
            tasks: 1,
            owner: String::new(),
        })
        .await?;
    let mut spent = 0.0;
    for n in 0..batches {
        let batch = Batch {
            bus: "bench".to_owned(),
            topic: "resource".to_owned(),
            order_uid: key.order_uid,
            expected: (n * batch) as i64,
            next: ((n + 1) * batch) as i64,
            items: (n * batch..(n + 1) * batch)
                .map(|seq| sample(key, &task, seq))
                .collect(),
        };
        let start = Instant::now();
        store.ingest(&batch).await?;
        spent += start.elapsed().as_secs_f64();
    }
    let rows = (batches * batch) as f64;
    println!(
        "stored {rows} samples of {MEASURED} values: {:.0} rows/s",
        rows / spent
    );
    let start = Instant::now();
    let back = store.samples(&name, key.position, key.attempt).await?;
    let rate = back.len() as f64 / start.elapsed().as_secs_f64();
    println!("read {} samples: {rate:.0} rows/s", back.len());
    store.close().await;
    let bytes = std::fs::metadata(&path)?.len() as f64;
    println!("file: {:.0} bytes a sample", bytes / rows);
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
