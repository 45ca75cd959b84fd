//! Samples as JSON: series of rows, one for each run. Events on the stream have the same rows.

use std::io::{self, Write as _};

use bytes::Bytes;
use model::Resource;
use serde::Serialize;
use serde_json::json;
use store::{RunRow, StoredSample};

use super::{Wanted, Write, columns, elapsed};

/// Writes them.
pub(super) struct Json {
    text: Vec<u8>,
    resources: Vec<Resource>,
    runs: usize,
    rows: usize,
}

impl Json {
    pub(super) fn new(wanted: &Wanted) -> Self {
        let names: Vec<_> = columns(&wanted.resources).collect();
        let start = format!(
            "{{\"order\":{},\"columns\":{},\"series\":[",
            json!(wanted.order),
            json!(names)
        );
        Self {
            text: start.into(),
            resources: wanted.resources.clone(),
            runs: 0,
            rows: 0,
        }
    }

    fn end_run(&mut self) {
        if self.runs > 0 {
            self.text.extend_from_slice(b"]}");
        }
    }
}

impl Write for Json {
    fn run(&mut self, run: &RunRow) {
        self.end_run();
        let comma = if self.runs > 0 { "," } else { "" };
        let (position, attempt) = (run.position, run.attempt);
        let head = format!(
            "{comma}{{\"position\":{position},\"task\":{},\"attempt\":{attempt},\"rows\":[",
            json!(run.task)
        );
        self.text.extend_from_slice(head.as_bytes());
        (self.runs, self.rows) = (self.runs + 1, 0);
    }

    fn rows(&mut self, run: &RunRow, samples: &[StoredSample]) -> io::Result<()> {
        for sample in samples {
            if self.rows > 0 {
                self.text.push(b',');
            }
            row(&mut self.text, run, sample, &self.resources)?;
            self.rows += 1;
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.end_run();
        self.text.extend_from_slice(b"]}");
        Ok(())
    }

    fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.text).into()
    }
}

/// A sample as a row.
pub(crate) fn row(
    to: &mut Vec<u8>,
    run: &RunRow,
    sample: &StoredSample,
    resources: &[Resource],
) -> io::Result<()> {
    to.push(b'[');
    value(to, &sample.time.to_string())?;
    to.push(b',');
    value(to, &elapsed(run, sample))?;
    to.push(b',');
    value(to, &sample.seq)?;
    let flags = sample.flags;
    write!(
        to,
        ",{},{},{}",
        flags.missed_before, flags.cpu_lower_bound, flags.is_final
    )?;
    for resource in resources {
        to.push(b',');
        value(to, &sample.values.get(*resource))?;
    }
    to.push(b']');
    Ok(())
}

fn value(to: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(to, value).map_err(io::Error::from)
}
