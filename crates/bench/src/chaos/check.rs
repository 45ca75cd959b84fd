//! Whether what is stored is what was sent.

use anyhow::{Context, Result, ensure};
use model::{Attempt, Position, Reason, Status};
use store::Store;

use super::order::Load;
use crate::fidelity::integral;

/// Every sample once, totals as they were sent.
pub(crate) async fn whole(store: &Store, load: &Load) -> Result<u64> {
    let order = store.order_by_uid(load.uid).await?;
    let order = order.with_context(|| format!("order {} is not in the store", load.order))?;
    ensure!(
        order.status == Status::Succeeded && order.storing_complete,
        "order {}: {}, storing complete: {}",
        order.name,
        order.status,
        order.storing_complete
    );
    let runs = store.runs(&order.name).await?;
    ensure!(
        runs.len() == load.size.tasks as usize,
        "{} runs",
        runs.len()
    );
    let (expected, mut count) = (load.size.readings + 1, 0);
    for run in &runs {
        let what = format!("order {}, position {}", order.name, run.position);
        let samples = store.samples(&order.name, run.position, Attempt(1)).await?;
        let seqs = samples.iter().map(|sample| sample.seq);
        ensure!(
            seqs.clone().eq(0..expected),
            "{what}: {} samples, first wrong: {:?} of {expected}",
            samples.len(),
            seqs.zip(0..).find(|(seq, place)| seq != place)
        );
        let finals = samples
            .iter()
            .filter(|sample| sample.flags.is_final)
            .count();
        ensure!(
            finals == 1 && samples.iter().all(|s| s.flags.missed_before == 0),
            "{what}: flags"
        );
        let total = load.size.readings as f64 * 1e-3;
        let cpu = run.totals.cpu_seconds.context("no total")?;
        ensure!((cpu - total).abs() < 1e-9, "{what}: {cpu} s of {total} s");
        let sum = integral(&samples);
        ensure!(
            (sum - total).abs() < 1e-6 * total.max(1.0),
            "{what}: rates sum up to {sum} of {total}"
        );
        let quality = &run.quality;
        ensure!(
            quality.samples == expected
                && quality.missed_samples == 0
                && run.reason == Some(Reason::Completed),
            "{what}: {quality:?}, {:?}",
            run.reason
        );
        count += samples.len() as u64;
    }
    ensure!(
        runs.iter()
            .map(|r| r.position)
            .eq((0..load.size.tasks).map(Position)),
        "positions"
    );
    Ok(count)
}
