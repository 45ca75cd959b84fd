//! What the store wants done every now and then.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::Timestamp;
use store::Store;
use tokio::time::{MissedTickBehavior, interval};

const PERIOD: Duration = Duration::from_mins(1);

/// Keeps house for as long as the service runs.
pub(crate) async fn run(store: Store) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        if let Err(error) = store.housekeep(Timestamp(now.as_micros() as i64)).await {
            tracing::info!(%error, "keeping house; it is tried again in a minute");
        }
    }
}
