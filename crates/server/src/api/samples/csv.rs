//! Samples as CSV (RFC 4180). No value needs quotes: names are DNS labels, the rest numbers and times.
//! What isn't known is empty.

use std::io::{self, Write as _};

use bytes::Bytes;
use model::{OrderId, Resource};
use store::{RunRow, StoredSample};

use super::{Wanted, Write, columns, elapsed};

/// Writes them.
pub(super) struct Csv {
    text: Vec<u8>,
    order: OrderId,
    resources: Vec<Resource>,
}

impl Csv {
    pub(super) fn new(wanted: &Wanted) -> Self {
        let names: Vec<_> = columns(&wanted.resources).collect();
        Self {
            text: format!("order,position,task,attempt,{}\r\n", names.join(",")).into(),
            order: wanted.order.clone(),
            resources: wanted.resources.clone(),
        }
    }
}

impl Write for Csv {
    fn run(&mut self, _: &RunRow) {}

    fn rows(&mut self, run: &RunRow, samples: &[StoredSample]) -> io::Result<()> {
        let to = &mut self.text;
        for sample in samples {
            let (order, task) = (&self.order, &run.task);
            write!(
                to,
                "{order},{},{task},{},{},",
                run.position, run.attempt, sample.time
            )?;
            optional(to, elapsed(run, sample))?;
            let flags = sample.flags;
            write!(
                to,
                ",{},{},{},{}",
                sample.seq, flags.missed_before, flags.cpu_lower_bound, flags.is_final
            )?;
            for resource in &self.resources {
                to.push(b',');
                optional(to, sample.values.get(*resource))?;
            }
            to.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.text).into()
    }
}

fn optional(to: &mut Vec<u8>, value: Option<f64>) -> io::Result<()> {
    match value {
        Some(value) => write!(to, "{value}"),
        None => Ok(()),
    }
}
