//! What is known of an order, as its source tells it piece by piece.

use std::collections::BTreeMap;

use model::{Attempt, Position, Resource, Timestamp};
use store::{OrderRow, RunRow};

use super::series::{Measured, Series};

/// An attempt's place: the task's, and the try.
pub(crate) type At = (Position, Attempt);

/// Something that a source has to tell.
#[derive(Debug)]
pub(crate) enum Update {
    /// How the order stands.
    Order(Box<OrderRow>),
    /// The names of its tasks.
    Tasks(Vec<String>),
    /// A run has begun or ended.
    Run(Box<RunRow>),
    /// Samples of a run, in order.
    Samples(At, Vec<Measured>),
    /// What keeps tasks from starting, in words.
    Waits(Vec<String>),
    /// All of it is told once more from the beginning.
    Anew,
    /// What is wrong with the way to the data; nothing if it is well again.
    Trouble(Option<String>),
}

/// A run with its samples.
#[derive(Debug, Clone, Default)]
pub(crate) struct Run {
    /// As it is stored; nothing while only samples of it came.
    pub(crate) row: Option<RunRow>,
    /// What was measured.
    pub(crate) series: Series,
}

/// How a task or one of its attempts stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Waiting,
    Running,
    Succeeded,
    Failed,
}

/// All that is known.
#[derive(Debug, Clone)]
pub(crate) struct Data {
    pub(crate) order: OrderRow,
    pub(crate) tasks: Vec<String>,
    pub(crate) runs: BTreeMap<At, Run>,
    pub(crate) waits: Vec<String>,
}

impl Data {
    pub(crate) fn new(order: OrderRow) -> Self {
        Self {
            order,
            tasks: Vec::new(),
            runs: BTreeMap::new(),
            waits: Vec::new(),
        }
    }

    /// Takes in what is told; trouble is none of its business.
    pub(crate) fn update(&mut self, update: Update) {
        match update {
            Update::Order(order) => self.order = *order,
            Update::Tasks(tasks) => self.tasks = tasks,
            Update::Run(row) => {
                let run = self.runs.entry((row.position, row.attempt)).or_default();
                run.row = Some(*row);
            }
            Update::Samples(at, samples) => {
                let run = self.runs.entry(at).or_default();
                for one in &samples {
                    run.series.add(one);
                }
            }
            Update::Waits(waits) => self.waits = waits,
            Update::Anew => self.runs.clear(),
            Update::Trouble(_) => {}
        }
    }

    /// The attempts, and the tasks that have none yet, in their order.
    pub(crate) fn rows(&self) -> Vec<At> {
        let mut rows: Vec<At> = self.runs.keys().copied().collect();
        let begun = |position| rows.iter().any(|(at, _)| *at == position);
        let tasks = (0..self.tasks.len() as u32).map(Position);
        let waiting: Vec<_> = tasks.filter(|position| !begun(*position)).collect();
        rows.extend(waiting.into_iter().map(|position| (position, Attempt(1))));
        rows.sort_unstable();
        rows
    }

    /// The one that is looked at by those who follow: what runs, else what ran last, else the first task.
    pub(crate) fn current(&self) -> Option<At> {
        let running = self
            .runs
            .keys()
            .rev()
            .find(|at| self.standing(**at) == Standing::Running);
        let last = self.runs.keys().next_back();
        running
            .or(last)
            .copied()
            .or_else(|| self.rows().first().copied())
    }

    /// How a task or attempt stands.
    pub(crate) fn standing(&self, at: At) -> Standing {
        let Some(run) = self.runs.get(&at) else {
            return Standing::Waiting;
        };
        match run.row.as_ref().and_then(|row| row.reason) {
            Some(reason) if reason.is_success() => Standing::Succeeded,
            Some(_) => Standing::Failed,
            // Its end may never be told.
            None if self.order.status.is_final() => Standing::Failed,
            None => Standing::Running,
        }
    }

    /// How many tasks are done.
    pub(crate) fn done(&self) -> usize {
        let succeeded = |at: &&At| self.standing(**at) == Standing::Succeeded;
        let mut done: Vec<_> = self.runs.keys().filter(succeeded).map(|at| at.0).collect();
        done.dedup();
        done.len()
    }

    /// How many tasks there are, if that is known.
    pub(crate) fn count(&self) -> Option<usize> {
        let named = Some(self.tasks.len()).filter(|n| *n > 0);
        self.order.tasks.map(|n| n as usize).or(named)
    }

    /// A task's name.
    pub(crate) fn name(&self, at: At) -> &str {
        let row = self.runs.get(&at).and_then(|run| run.row.as_ref());
        let listed = || self.tasks.get(at.0.0 as usize).map(String::as_str);
        row.map(|row| row.task.as_str())
            .or_else(listed)
            .unwrap_or("?")
    }

    /// How long the order has taken, or takes already, seconds.
    pub(crate) fn elapsed(&self, now: Timestamp) -> Option<f64> {
        crate::output::table::duration(&self.order, now)
    }
}

impl Run {
    /// When its command started.
    pub(crate) fn start(&self) -> Option<Timestamp> {
        let told = self.row.as_ref().and_then(|row| row.started_at);
        told.or_else(|| self.series.begins())
    }

    /// How long it took, or takes already, seconds.
    pub(crate) fn seconds(&self, is_running: bool, now: Timestamp) -> Option<f64> {
        let told = self
            .row
            .as_ref()
            .and_then(|row| row.totals.duration_seconds);
        let so_far = || is_running.then(|| Some(now.seconds_since(self.start()?).max(0.0)));
        told.or_else(|| so_far().flatten())
    }

    /// Processor time, seconds: its total, else what its samples amount to. And whether it may be more.
    pub(crate) fn cpu_seconds(&self) -> Option<(f64, bool)> {
        let totals = self.row.as_ref().map(|row| &row.totals);
        let told = totals.and_then(|t| Some((t.cpu_seconds?, t.cpu_lower_bound)));
        told.or_else(|| Some((self.series.cpu_seconds()?, false)))
    }

    /// The peak of anonymous memory, bytes: its total, else the most that was seen. And whether it may be more.
    pub(crate) fn memory_peak(&self) -> Option<(f64, bool)> {
        let totals = self.row.as_ref().map(|row| &row.totals);
        let told = totals.and_then(|t| {
            let bytes = t.memory_anon_peak_bytes? as f64;
            Some((bytes, !t.memory_anon_peak_exact))
        });
        told.or_else(|| Some((self.series.peak(Resource::MemoryAnon)?, false)))
    }

    /// What was requested and what is allowed of a resource, in its unit.
    pub(crate) fn bounds(&self, resource: Resource) -> (Option<f64>, Option<f64>) {
        let bytes = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64);
        let Some(given) = self.row.as_ref().map(|row| &row.given) else {
            return (None, None);
        };
        match resource {
            Resource::Cpu | Resource::CpuUser => (given.requested_cpu, given.limit_cpu),
            Resource::Memory | Resource::MemoryAnon => (
                bytes(given.requested_memory_bytes),
                bytes(given.limit_memory_bytes),
            ),
            _ => (None, None),
        }
    }
}
