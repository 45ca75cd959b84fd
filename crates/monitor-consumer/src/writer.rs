//! Writing batches: again and again until the store takes them.

use std::time::{Duration, Instant};

use store::{Error, Ingested, Store};
use tokio::time::sleep;

use crate::{
    Metrics,
    gather::{Gathered, LogKey},
};

/// The first and the longest pause before a store that failed is tried again.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What became of a batch.
pub(crate) struct Written {
    /// The batch without what was lost.
    pub(crate) gathered: Gathered,
    /// Logs that somebody else stores by now.
    pub(crate) lost: Vec<LogKey>,
    /// Items that no database takes, by their places, with the reason.
    pub(crate) refused: Vec<(usize, String)>,
}

/// Writes a batch, however long the database is away.
pub(crate) async fn write(store: Store, mut gathered: Gathered, metrics: Metrics) -> Written {
    let (mut pause, mut away, mut lost) = (RETRY.0, Away::default(), Vec::new());
    loop {
        let began = Instant::now();
        match store.ingest(&gathered.batch).await {
            Ok(Ingested::Stored {
                samples,
                duplicates,
                refused,
            }) => {
                away.over();
                metrics.stored(&gathered.batch.items, began, samples, duplicates);
                return Written {
                    gathered,
                    lost,
                    refused,
                };
            }
            Ok(Ingested::Fenced { logs }) => {
                metrics.fenced_batches.inc();
                let places: Vec<_> = logs.iter().map(|(place, _)| *place).collect();
                lost.extend(gathered.without(&places));
            }
            Err(error) => {
                metrics.database_retries.inc();
                away.failed(&error);
                sleep(pause).await;
                pause = (pause * 2).min(RETRY.1);
            }
        }
    }
}

/// Asks where the store stands with logs, however long the database is away.
pub(crate) async fn offsets(
    store: &Store,
    logs: &[store::Log],
    metrics: &Metrics,
) -> Vec<Option<i64>> {
    let (mut pause, mut away) = (RETRY.0, Away::default());
    loop {
        match store.offsets(logs).await {
            Ok(offsets) => {
                away.over();
                return offsets;
            }
            Err(error) => {
                metrics.database_retries.inc();
                away.failed(&error);
                sleep(pause).await;
                pause = (pause * 2).min(RETRY.1);
            }
        }
    }
}

/// Says once that the store fails, and once that it works again.
#[derive(Default)]
struct Away {
    since: Option<Instant>,
}

impl Away {
    fn failed(&mut self, error: &Error) {
        if self.since.is_none() {
            self.since = Some(Instant::now());
            tracing::warn!("storing waits: {error}; it is tried again until it works");
        } else {
            tracing::debug!("storing still waits: {error}");
        }
    }

    fn over(&mut self) {
        if let Some(since) = self.since.take() {
            let seconds = since.elapsed().as_secs_f64();
            tracing::warn!("storing goes on after {seconds:.1} s; nothing was lost");
        }
    }
}
