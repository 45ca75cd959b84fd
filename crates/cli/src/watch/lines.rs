//! Plain lines, where nobody sees a screen: one for each event, and a reading each second.

use std::collections::BTreeMap;

use anyhow::Result;
use chart::units;
use model::{Attempt, Resource, Timestamp};
use tokio::sync::mpsc::Receiver;

use super::data::{At, Data, Standing, Update};
use crate::output::{self, table};

/// Between readings, seconds. Samples come a bit early and a bit late.
const STEP: f64 = 0.9;

/// What has been said.
#[derive(Default)]
struct Said {
    runs: BTreeMap<At, Standing>,
    reading: Option<(At, Timestamp)>,
    waits: Vec<String>,
}

/// Prints what happens until nothing comes any more.
pub(super) async fn print(data: &mut Data, updates: &mut Receiver<Update>) -> Result<()> {
    let mut said = Said::default();
    let mut troubled = None;
    output::print(&output::lines(said.news(data)))?;
    while let Some(update) = updates.recv().await {
        match update {
            Update::Trouble(trouble) if trouble == troubled => {}
            Update::Trouble(trouble) => {
                let order = &data.order.name;
                let text = trouble
                    .clone()
                    .unwrap_or_else(|| "connected again".to_owned());
                output::note(&format!("{order}: {text}"));
                troubled = trouble;
            }
            other => data.update(other),
        }
        output::print(&output::lines(said.news(data)))?;
    }
    Ok(())
}

impl Said {
    /// What is to be said now.
    fn news(&mut self, data: &Data) -> Vec<String> {
        let mut lines = Vec::new();
        let order = &data.order.name;
        for (at, run) in &data.runs {
            let Some(row) = &run.row else { continue };
            let standing = data.standing(*at);
            let before = self.runs.insert(*at, standing);
            let which = which(data, *at);
            if before.is_none() {
                lines.push(format!("{order}: {which} started"));
            }
            if before != Some(standing)
                && let Some(reason) = row.reason
            {
                let is_censored = row.censored == Some(true);
                let how = table::result(reason, row.exit_code, row.signal, is_censored);
                let why = row.message.as_deref().map(|why| format!(": {why}"));
                lines.push(format!("{order}: {which} {how}{}", why.unwrap_or_default()));
            }
        }
        if data.waits != self.waits {
            lines.extend(data.waits.iter().map(|why| format!("{order}: {why}")));
            self.waits.clone_from(&data.waits);
        }
        lines.extend(self.reading(data));
        lines
    }

    /// The newest reading of the task that runs, if the last one is old enough.
    fn reading(&mut self, data: &Data) -> Option<String> {
        let at = data
            .current()
            .filter(|at| data.standing(*at) == Standing::Running)?;
        let run = &data.runs[&at];
        let (newest, start) = (run.series.newest()?, run.start()?);
        let is_early =
            |(of, time): (At, Timestamp)| of == at && newest.time.seconds_since(time) < STEP;
        if run.row.is_none() || self.reading.is_some_and(is_early) {
            return None;
        }
        let value = |resource, format: fn(f64) -> String| newest.values.get(resource).map(format);
        let cpu = value(Resource::Cpu, units::format_cores);
        let memory = value(Resource::Memory, units::format_bytes);
        let values: Vec<_> = cpu.into_iter().chain(memory).collect();
        if values.len() < 2 {
            return None;
        }
        self.reading = Some((at, newest.time));
        let since = units::format_seconds(newest.time.seconds_since(start).max(0.0));
        let (order, which) = (&data.order.name, which(data, at));
        Some(format!(
            "{order}: {which} at {since}: {}",
            values.join(", ")
        ))
    }
}

fn which(data: &Data, at: At) -> String {
    let of = data.count().map_or_else(String::new, |n| format!("/{n}"));
    let again = match at.1 {
        Attempt(0 | 1) => String::new(),
        Attempt(n) => format!(", attempt {n}"),
    };
    format!("task {}{of} {}{again}", at.0.0 + 1, data.name(at))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::watch::given;

    #[test]
    fn each_event_is_said_once_and_a_reading_each_second() {
        let mut data = given::running();
        let mut said = Said::default();
        let mut lines = said.news(&data);
        let key = data.current().unwrap();
        for seq in 91..115 {
            let one = given::sample(1, seq, seq as f64 / 10.0);
            data.update(Update::Samples(key, vec![one]));
            lines.extend(said.news(&data));
        }
        let end = json!({"reason": "error", "exit_code": 3, "censored": false});
        let row = given::run(1, "resize", Some(&end));
        data.update(Update::Run(serde_json::from_value(row).unwrap()));
        for _ in 0..2 {
            lines.extend(said.news(&data));
        }
        insta::assert_snapshot!(lines.join("\n"));
    }
}
