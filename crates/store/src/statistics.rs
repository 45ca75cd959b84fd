//! What the samples of an ended run amount to.
//!
//! Processor use is a mean over each sample's time step, so its percentiles are weighted by time:
//! `cpu_p95` is the least value such that the task spent 95 % of the measured time at or below it.
//! (By sample, the dense start of a run would count for more than it lasted.) A time step reaches
//! from the previous stored sample to this one. Memory is what was held at each instant; its
//! percentiles are over samples, by the nearest rank: the least value such that 95 % of the samples
//! are at or below it.

use model::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    columns::{Columns, Sql, whole},
    database::{Row, Transaction, made, sql},
    run_rows::Numbered,
    samples::{PAGE, Place, following},
};

/// What the samples of a run amount to. All `None` until the run has ended.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Statistics {
    /// How many samples of it are stored.
    pub stored_samples: Option<u64>,
    /// Half of the time it used at most so much, cores.
    pub cpu_p50: Option<f64>,
    /// 95 % of the time it used at most so much, cores.
    pub cpu_p95: Option<f64>,
    /// The most in any time step, cores.
    pub cpu_max: Option<f64>,
    /// Half of its samples held at most so much, bytes.
    pub memory_p50: Option<f64>,
    /// 95 % of its samples held at most so much, bytes.
    pub memory_p95: Option<f64>,
    /// The most in any sample, bytes.
    pub memory_max: Option<f64>,
}

/// One sample's part in them.
#[derive(Debug, Clone, Copy)]
struct Point {
    time_us: i64,
    cpu: Option<f64>,
    memory: Option<f64>,
}

impl Statistics {
    /// From a run's samples in the order of their sequence numbers.
    fn of(points: &[Point]) -> Self {
        let steps = points.windows(2).filter_map(|pair| {
            let step_us = pair[1].time_us.saturating_sub(pair[0].time_us).max(0);
            pair[1].cpu.map(|cpu| (cpu, step_us as f64))
        });
        let cpu = Distribution::new(steps);
        let memory = Distribution::new(points.iter().filter_map(|p| p.memory).map(|m| (m, 1.0)));
        Self {
            stored_samples: Some(points.len() as u64),
            cpu_p50: cpu.quantile(0.5),
            cpu_p95: cpu.quantile(0.95),
            cpu_max: cpu.quantile(1.0),
            memory_p50: memory.quantile(0.5),
            memory_p95: memory.quantile(0.95),
            memory_max: memory.quantile(1.0),
        }
    }

    pub(crate) fn read(row: &Columns<'_>) -> Sql<Self> {
        Ok(Self {
            stored_samples: row.optional_count("stored_samples")?,
            cpu_p50: row.optional("cpu_p50")?,
            cpu_p95: row.optional("cpu_p95")?,
            cpu_max: row.optional("cpu_max")?,
            memory_p50: row.optional("memory_p50")?,
            memory_p95: row.optional("memory_p95")?,
            memory_max: row.optional("memory_max")?,
        })
    }
}

/// Values with weights, by value.
struct Distribution(Vec<(f64, f64)>);

impl Distribution {
    fn new(weighted: impl Iterator<Item = (f64, f64)>) -> Self {
        let mut values: Vec<_> = weighted.collect();
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self(values)
    }

    /// The least value that has at least `share` of the weight at or below it.
    fn quantile(&self, share: f64) -> Option<f64> {
        let largest = self.0.last()?.0;
        let whole: f64 = self.0.iter().map(|(_, weight)| weight).sum();
        if share >= 1.0 || whole <= 0.0 {
            return Some(largest);
        }
        let mut upto = 0.0;
        let reached = self.0.iter().find(|(_, weight)| {
            upto += weight;
            upto >= share * whole
        });
        Some(reached.map_or(largest, |(value, _)| *value))
    }
}

/// Works out the statistics of a run that has ended, and notes them with it. A producer that was
/// started anew in the middle counts less than what is stored: then that is what counts. And once the
/// final sample is stored, the gaps between the sequence numbers are what is missing, whoever says more.
pub(crate) async fn refresh(to: &mut Transaction, one: Numbered) -> Sql<()> {
    let Points {
        all: points,
        gaps,
        has_final,
    } = points(to, one).await?;
    if gaps > 0 {
        let (order, at) = (one.order, (one.position.0, one.attempt.0));
        tracing::warn!(order, ?at, "{gaps} samples of a run are missing");
    }
    let found = Statistics::of(&points);
    let times = || points.iter().map(|point| Timestamp(point.time_us));
    let update = sql(
        "update run set stored_samples = $4, cpu_p50 = $5, cpu_p95 = $6, cpu_max = $7, \
         memory_p50 = $8, memory_p95 = $9, memory_max = $10, \
         samples = case when samples < $4 then $4 else samples end, \
         missed_samples = case when $14 or missed_samples < $11 then $11 else missed_samples end, \
         first_sample_at = $12, last_sample_at = $13 \
         where order_id = $1 and position = $2 and attempt = $3",
    )
    .bind(one.order)
    .bind(one.position.0)
    .bind(one.attempt.0)
    .bind(found.stored_samples.map(whole))
    .bind(found.cpu_p50)
    .bind(found.cpu_p95)
    .bind(found.cpu_max)
    .bind(found.memory_p50)
    .bind(found.memory_p95)
    .bind(found.memory_max)
    .bind(gaps)
    .bind(times().min())
    .bind(times().max())
    .bind(has_final);
    to.execute(update).await.map(drop)
}

/// An ended run's samples.
struct Points {
    /// In the order of their sequence numbers.
    all: Vec<Point>,
    /// Sequence numbers below the last one that are missing.
    gaps: i64,
    /// Whether the last one is there.
    has_final: bool,
}

/// Page by page: rows as the database hands them over take ten times the memory of points.
async fn points(to: &mut Transaction, one: Numbered) -> Sql<Points> {
    let mut points: Vec<(i64, Point)> = Vec::new();
    let mut has_final = false;
    let mut after = Place::START;
    let from = earliest(to, one).await?;
    let columns = "time, seq, task_id, cpu, memory, is_final";
    let page = following(columns, "$1", "and time >= $8", to.is_server());
    loop {
        let rows = made(page.clone(), true)
            .bind(one.order)
            .bind(one.position.0)
            .bind(one.attempt.0);
        let rows = to.all(after.bind(rows, PAGE).bind(from)).await?;
        let Some(last) = rows.last() else {
            break;
        };
        after = Place::of(last)?;
        for row in &rows {
            points.push((row.get("seq")?, point(row)?));
            has_final |= row.get::<bool>("is_final")?;
        }
    }
    points.sort_by_key(|(seq, point)| (*seq, point.time_us));
    let last = points.last().map_or(-1, |(seq, _)| *seq);
    let again = points.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    let there = points.len() - again.count();
    Ok(Points {
        gaps: last.saturating_add(1).saturating_sub(there as i64),
        has_final,
        all: points.into_iter().map(|(_, point)| point).collect(),
    })
}

/// Before all samples of a run: a day before its start, which a clock that is wrong may tell. So the
/// server need not look into all earlier chunks, of which there may be thousands.
async fn earliest(to: &mut Transaction, one: Numbered) -> Sql<Timestamp> {
    const DAY_US: i64 = 86_400_000_000;
    let started =
        sql("select started_at from run where order_id = $1 and position = $2 and attempt = $3")
            .bind(one.order)
            .bind(one.position.0)
            .bind(one.attempt.0);
    let started: Option<Timestamp> = to.one(started).await?.optional("started_at")?;
    Ok(started.map_or(Timestamp(i64::MIN), |at| {
        Timestamp(at.0.saturating_sub(DAY_US))
    }))
}

fn point(row: &Row) -> Sql<Point> {
    let row = Columns(row);
    Ok(Point {
        time_us: row.time("time")?.0,
        cpu: row.optional("cpu")?,
        memory: row.optional("memory")?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*};

    use super::*;

    fn point(time_us: i64, cpu: Option<f64>, memory: Option<f64>) -> Point {
        Point {
            time_us,
            cpu,
            memory,
        }
    }

    #[test]
    fn processor_is_weighted_by_time_and_memory_is_not() {
        // Busy for three short steps, idle for one that is longer than these together.
        let points = [
            point(0, None, Some(1.0)),
            point(10, Some(1.0), Some(5.0)),
            point(20, Some(1.0), Some(5.0)),
            point(30, Some(1.0), Some(5.0)),
            point(100, Some(0.1), Some(2.0)),
        ];
        let found = Statistics::of(&points);
        assert_eq!(found.stored_samples, Some(5));
        assert_eq!(found.cpu_p50, Some(0.1));
        assert_eq!(found.cpu_p95, Some(1.0));
        assert_eq!(found.cpu_max, Some(1.0));
        assert_eq!(found.memory_p50, Some(5.0));
        assert_eq!(found.memory_max, Some(5.0));
    }

    #[test]
    fn without_samples_nothing_is_known() {
        let none = Statistics {
            stored_samples: Some(0),
            ..Statistics::default()
        };
        assert_eq!(Statistics::of(&[]), none);
        assert_eq!(Statistics::of(&[point(0, None, None)]).cpu_p50, None);
    }

    proptest! {
        #[test]
        fn a_quantile_has_its_share_at_or_below_it(
            numbers in vec((0i64..1000, option::of(0.0..8.0f64), option::of(0.0..1e9f64)), 0..60),
        ) {
            let mut time = 0;
            let points: Vec<_> = numbers.into_iter().map(|(step, cpu, memory)| {
                time += step;
                point(time, cpu, memory)
            }).collect();
            let found = Statistics::of(&points);
            let steps: Vec<(f64, f64)> = points.windows(2)
                .filter_map(|p| p[1].cpu.map(|c| (c, (p[1].time_us - p[0].time_us) as f64)))
                .collect();
            let whole: f64 = steps.iter().map(|s| s.1).sum();
            if let Some(p95) = found.cpu_p95 {
                let upto: f64 = steps.iter().filter(|s| s.0 <= p95).map(|s| s.1).sum();
                let below: f64 = steps.iter().filter(|s| s.0 < p95).map(|s| s.1).sum();
                prop_assert!(upto >= 0.95 * whole);
                prop_assert!(whole == 0.0 || below < 0.95 * whole);
                prop_assert!(found.cpu_p50 <= found.cpu_p95 && found.cpu_p95 <= found.cpu_max);
            }
            let held: Vec<f64> = points.iter().filter_map(|p| p.memory).collect();
            prop_assert_eq!(found.memory_max, held.iter().copied().reduce(f64::max));
            if let Some(p50) = found.memory_p50 {
                let upto = held.iter().filter(|m| **m <= p50).count();
                let below = held.iter().filter(|m| **m < p50).count();
                prop_assert!(2 * upto >= held.len() && 2 * below < held.len());
            }
        }
    }
}
