//! How many samples a second the store takes in, beside what reading them back costs.
//!
//! `cargo run --release -p store --example ingest_rate -- PLACE [BATCHES] [BATCH]`, where PLACE is a
//! folder, or a URL: `postgres://postgres@127.0.0.1:5432/bench`, an empty database. There it also
//! says what `psql` takes to copy the same rows, in the binary form, into the same table.

use std::{env, error::Error, path::Path, process::Command, time::Instant};

use model::{
    Attempt, AttemptKey, OrderId, OrderUid, Position, Reading, Resource, Sample, TaskName,
    Timestamp, Values, attempt::Launcher,
};
use store::{Advance, Batch, Item, Location, Log, Migrations, NewOrder, ServerAddress, Store};

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
        sample: Box::new(Sample {
            reading: Reading {
                seq,
                time_us: Timestamp(1_700_000_000_000_000 + seq as i64 * 100_000),
                ..Reading::default()
            },
            values,
            missed_before: 0,
        }),
    }
}

struct Bench {
    store: Store,
    name: OrderId,
    task: TaskName,
    key: AttemptKey,
}

impl Bench {
    async fn new(location: &Location) -> Result<Self, Box<dyn Error>> {
        let bench = Self {
            store: Store::open(location, Migrations::Run).await?,
            name: "rate".parse()?,
            task: "load".parse()?,
            key: AttemptKey {
                order_uid: "0190e2a0-0000-7000-8000-000000000001".parse::<OrderUid>()?,
                position: Position(0),
                attempt: Attempt(1),
            },
        };
        let order = NewOrder {
            wanted: bench.name.clone(),
            again: false,
            order_uid: bench.key.order_uid,
            launcher: Launcher::Local,
            created_at: Timestamp(1_700_000_000_000_000),
            input: None,
            definition: "{}".to_owned(),
            tasks: 1,
            owner: String::new(),
        };
        bench.store.register(order).await?;
        Ok(bench)
    }

    fn batch(&self, from: u64, to: u64) -> Batch {
        let log = Log {
            bus: "bench".to_owned(),
            topic: "resource".to_owned(),
            partition: 0,
            generation: self.key.order_uid.to_string(),
        };
        Batch {
            advances: vec![Advance {
                log,
                expected: from as i64,
                next: to as i64,
            }],
            orders: [(self.key.order_uid, self.name.clone())].into(),
            items: (from..to)
                .map(|seq| sample(self.key, &self.task, seq))
                .collect(),
        }
    }

    /// Stores batches, then reads all of them.
    async fn run(&self, batches: u64, batch: u64) -> Result<f64, Box<dyn Error>> {
        let mut spent = 0.0;
        for n in 0..batches {
            let batch = self.batch(n * batch, (n + 1) * batch);
            let start = Instant::now();
            self.store.ingest(&batch).await?;
            spent += start.elapsed().as_secs_f64();
        }
        let rows = (batches * batch) as f64;
        let rate = rows / spent;
        println!("stored {rows} samples of {MEASURED} values: {rate:.0} rows/s");
        let start = Instant::now();
        let back = self
            .store
            .samples(&self.name, self.key.position, self.key.attempt)
            .await?;
        let read = back.len() as f64 / start.elapsed().as_secs_f64();
        println!("read {} samples: {read:.0} rows/s", back.len());
        Ok(rate)
    }
}

/// Copies the rows out with `psql`, empties the table, and copies them in again.
fn psql(url: &str) -> Result<f64, Box<dyn Error>> {
    let file = env::temp_dir().join("podometer-ingest-rate.copy");
    let ask = |command: String| -> Result<(), Box<dyn Error>> {
        let done = Command::new("psql")
            .args(["-q", "-v", "ON_ERROR_STOP=1", url, "-c", &command])
            .status()?;
        done.success()
            .then_some(())
            .ok_or_else(|| "psql failed".into())
    };
    let path = file.display();
    let all = "select * from podometer.sample_wide order by time";
    ask(format!("\\copy ({all}) to '{path}' (format binary)"))?;
    let rows: u64 = {
        let count = Command::new("psql")
            .args([
                "-At",
                url,
                "-c",
                "select count(*) from podometer.sample_wide",
            ])
            .output()?;
        String::from_utf8(count.stdout)?.trim().parse()?
    };
    ask("delete from podometer.sample_wide; select count(*) from public.drop_chunks('podometer.sample_wide', older_than => now())".to_owned())?;
    ask("checkpoint".to_owned())?;
    let start = Instant::now();
    ask(format!(
        "\\copy podometer.sample_wide from '{path}' (format binary)"
    ))?;
    let rate = rows as f64 / start.elapsed().as_secs_f64();
    std::fs::remove_file(&file)?;
    println!("psql copied {rows} of them: {rate:.0} rows/s");
    Ok(rate)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let number = |at: usize, or: u64| arguments.get(at).and_then(|a| a.parse().ok()).unwrap_or(or);
    let (batches, batch) = (number(1, 100), number(2, 5000));
    let place = arguments
        .first()
        .map_or("/dev/shm/podometer-ingest-rate", String::as_str);
    if place.starts_with("postgres") {
        let bench = Bench::new(&place.parse::<ServerAddress>()?.into()).await?;
        let ours = bench.run(batches, batch).await?;
        bench.store.close().await;
        let theirs = psql(place)?;
        println!("{:.2} of what psql takes", ours / theirs);
        return Ok(());
    }
    std::fs::remove_dir_all(place).ok();
    let path = Path::new(place).join("podometer.db");
    let bench = Bench::new(&Location::from(path.as_path())).await?;
    bench.run(batches, batch).await?;
    bench.store.close().await;
    let bytes = std::fs::metadata(&path)?.len() as f64;
    println!(
        "file: {:.0} bytes a sample",
        bytes / (batches * batch) as f64
    );
    std::fs::remove_dir_all(place)?;
    Ok(())
}
