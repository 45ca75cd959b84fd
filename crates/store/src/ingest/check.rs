//! What no database can take is refused before anything is sent.

use std::collections::HashMap;

use model::{AttemptKey, OrderUid, TaskName, Timestamp};

use super::{Batch, Item};

/// 1970-01-01 and 10000-01-01, both in UTC, microseconds.
const YEARS: std::ops::Range<i64> = 0..253_402_300_800_000_000;

/// A batch's items, sorted out.
pub(super) struct Checked<'b> {
    /// Those that can be stored, with their places in the batch.
    pub(super) items: Vec<(usize, &'b Item)>,
    /// The attempts that they are about, each once.
    pub(super) attempts: Vec<(AttemptKey, &'b TaskName)>,
    /// For each of the items which of these it is about, if it is about one.
    pub(super) about: Vec<Option<usize>>,
    /// Those that can't, and why.
    pub(super) refused: Vec<(usize, String)>,
    /// The executions of the good ones, with the first instant that is told of each.
    pub(super) orders: HashMap<OrderUid, Option<Timestamp>>,
}

impl Checked<'_> {
    /// How many samples can be stored.
    pub(super) fn samples(&self) -> u64 {
        let is_sample = |(_, item): &&(usize, &Item)| matches!(item, Item::Sample { .. });
        self.items.iter().filter(is_sample).count() as u64
    }
}

pub(super) fn check(batch: &Batch) -> Checked<'_> {
    let mut checked = Checked {
        items: Vec::with_capacity(batch.items.len()),
        attempts: Vec::new(),
        about: Vec::with_capacity(batch.items.len()),
        refused: Vec::new(),
        orders: HashMap::new(),
    };
    // Items of one order come many in a row, and needn't be looked up each.
    let mut last = None;
    let mut places = Places::default();
    for (place, item) in batch.items.iter().enumerate() {
        let order = item.order_uid();
        let is_same = last == Some(order);
        let is_named = is_same || batch.orders.contains_key(&order);
        let wrong = if is_named {
            wrong(item)
        } else {
            Some(format!(
                "the batch doesn't say the id of its execution {order}"
            ))
        };
        if let Some(why) = wrong {
            checked.refused.push((place, why));
            continue;
        }
        if !is_same {
            let began = checked.orders.entry(order).or_default();
            *began = began.or_else(|| item.began());
            last = began.map(|_| order);
        }
        checked.items.push((place, item));
        checked
            .about
            .push(item.attempt().map(|attempt| places.of(attempt)));
    }
    checked.attempts = places.attempts;
    checked
}

/// The places of attempts in the order in which they were met.
#[derive(Default)]
struct Places<'b> {
    known: HashMap<(AttemptKey, &'b TaskName), usize>,
    attempts: Vec<(AttemptKey, &'b TaskName)>,
    last: usize,
}

impl<'b> Places<'b> {
    /// Many items of one attempt come in a row.
    fn of(&mut self, attempt: (AttemptKey, &'b TaskName)) -> usize {
        if self.attempts.get(self.last) != Some(&attempt) {
            self.last = *self.known.entry(attempt).or_insert(self.attempts.len());
            if self.last == self.attempts.len() {
                self.attempts.push(attempt);
            }
        }
        self.last
    }
}

fn wrong(item: &Item) -> Option<String> {
    if let Some((key, _)) = item.attempt() {
        for (what, number) in [("position", key.position.0), ("attempt", key.attempt.0)] {
            if i32::try_from(number).is_err() {
                return Some(format!("its {what} {number} is past {}", i32::MAX));
            }
        }
    }
    match item {
        Item::Sample { sample, .. } => {
            let seq = sample.reading.seq;
            if i64::try_from(seq).is_err() {
                return Some(format!("its sequence number {seq} is past {}", i64::MAX));
            }
            time("time", Some(sample.reading.time_us))
        }
        Item::Run { run, .. } => time("start", run.started_at)
            .or_else(|| time("end", run.end.as_ref().map(|end| end.ended_at))),
        Item::Status { at, .. } => time("time", Some(*at)),
    }
}

fn time(what: &str, time: Option<Timestamp>) -> Option<String> {
    let time = time.filter(|time| !YEARS.contains(&time.0))?;
    Some(format!(
        "its {what}, {} microseconds since 1970, is outside of the years 1970 to 9999",
        time.0
    ))
}
