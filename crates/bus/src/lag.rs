//! How far behind a reader is.

use std::{ffi::CString, fmt, sync::Arc};

use rdkafka::{
    bindings::rd_kafka_get_watermark_offsets,
    consumer::{BaseConsumer, Consumer},
    types::RDKafkaRespErr,
};

use crate::watching::Watching;

/// How far behind a reader is on a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The offset that the owner gets next.
    pub next: i64,
    /// The offset behind the last record, as the broker last said.
    pub end: i64,
}

impl Lag {
    /// Records that are there and that the owner hasn't got.
    pub fn records(&self) -> i64 {
        (self.end - self.next).max(0)
    }
}

impl fmt::Display for Lag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (topic, partition, next) = (&self.topic, self.partition, self.next);
        let records = self.records();
        write!(
            f,
            "{topic}[{partition}] is read up to {next}, {records} records behind"
        )
    }
}

/// Asks the client, which has heard the ends with what it fetched: no broker is asked.
pub(crate) fn of(consumer: &BaseConsumer<Watching>, nexts: Vec<(Arc<str>, i32, i64)>) -> Vec<Lag> {
    let lag = |(topic, partition, next): (Arc<str>, i32, i64)| {
        let name = CString::new(&*topic).ok()?;
        let (mut first, mut end) = (0, 0);
        // SAFETY: the client and the name live, and the two numbers are written before it returns.
        let answer = unsafe {
            rd_kafka_get_watermark_offsets(
                consumer.client().native_ptr(),
                name.as_ptr(),
                partition,
                &raw mut first,
                &raw mut end,
            )
        };
        let known = answer == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && end >= 0;
        let end = if known { end } else { next };
        Some(Lag {
            topic,
            partition,
            next,
            end,
        })
    };
    nexts.into_iter().filter_map(lag).collect()
}
