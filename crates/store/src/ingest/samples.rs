//! Samples with the numbers that their rows carry.

use model::{AttemptKey, Sample};

use super::{Item, check::Checked, insert, known::Numbers, way::Way};
use crate::{columns::Sql, database::Transaction};

/// A sample's row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SampleRow<'a> {
    pub(crate) order: i64,
    pub(crate) task: i64,
    pub(crate) key: AttemptKey,
    pub(crate) sample: &'a Sample,
}

/// The row of an item, if it is a sample.
pub(super) fn row<'a>(item: &'a Item, numbers: &Numbers) -> Option<SampleRow<'a>> {
    let Item::Sample { key, task, sample } = item else {
        return None;
    };
    Some(SampleRow {
        order: numbers.order(key.order_uid),
        task: numbers.task(task),
        key: *key,
        sample,
    })
}

/// The rows of a batch. What they have of their attempt is looked up once for each.
fn rows<'a>(checked: &Checked<'a>, numbers: &Numbers) -> Vec<SampleRow<'a>> {
    let attempts: Vec<_> = checked
        .attempts
        .iter()
        .map(|(key, task)| (*key, numbers.order(key.order_uid), numbers.task(task)))
        .collect();
    let row = |(about, (_, item)): (&Option<usize>, &(usize, &'a Item))| {
        let Item::Sample { sample, .. } = item else {
            return None;
        };
        let (key, order, task) = *attempts.get((*about)?)?;
        Some(SampleRow {
            order,
            task,
            key,
            sample,
        })
    };
    let items = checked.about.iter().zip(&checked.items);
    let mut rows: Vec<_> = items.filter_map(row).collect();
    // As the index has them: rows of one order then fall on few of its pages.
    rows.sort_by_key(|row| (row.order, row.sample.reading.time_us));
    rows
}

/// Writes the samples of a batch; how many are new.
pub(super) async fn write(
    to: &mut Transaction,
    checked: &Checked<'_>,
    numbers: &Numbers,
    way: Way,
) -> Sql<u64> {
    let rows = rows(checked, numbers);
    if rows.is_empty() {
        return Ok(0);
    }
    match to {
        Transaction::Sqlite(_) => insert::insert(to, &rows).await,
        Transaction::Postgres(to) if way == Way::Fast => super::copy::copy(to, &rows).await,
        Transaction::Postgres(to) => super::copy::merge(to, &rows).await,
    }
}
