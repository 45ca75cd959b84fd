//! Writing a batch's items.

use std::collections::{BTreeSet, HashMap};

use model::Timestamp;

use super::{
    Item,
    check::Checked,
    insert,
    known::Numbers,
    samples,
    way::{Way, is_data},
};
use crate::{
    Abilities,
    columns::Sql,
    database::{Transaction, sql},
    error::said,
    minute, orders,
    run_rows::{self, Numbered},
    statistics,
};

/// What became of the items.
#[derive(Default)]
pub(super) struct Written {
    pub(super) new_samples: u64,
    /// Places of items that the database doesn't take, and why.
    pub(super) refused: Vec<(usize, String)>,
    pub(super) refused_samples: u64,
    /// The attempts, and whether they have ended.
    pub(super) ended: HashMap<Numbered, bool>,
}

pub(super) async fn write(
    to: &mut Transaction,
    checked: &Checked<'_>,
    numbers: &Numbers,
    way: Way,
    abilities: Abilities,
) -> Sql<Written> {
    for (order, at) in &numbers.beginning {
        orders::begun(to, *order, *at).await?;
    }
    let mut written = Written {
        ended: attempts(to, numbers).await?,
        ..Written::default()
    };
    if way == Way::OneByOne {
        one_by_one(to, checked, numbers, &mut written).await?;
    } else {
        written.new_samples = samples::write(to, checked, numbers, way).await?;
        let is_other = |(_, item): &&(usize, &Item)| !matches!(item, Item::Sample { .. });
        for (_, item) in checked.items.iter().filter(is_other) {
            other(to, item, numbers).await?;
        }
    }
    note_ends(checked, numbers, &mut written);
    for (one, _) in written
        .ended
        .iter()
        .filter(|(_, ended)| **ended)
        .collect::<BTreeSet<_>>()
    {
        statistics::refresh(to, *one).await?;
    }
    if written.new_samples > 0 && matches!(abilities, Abilities::Plain | Abilities::Apache) {
        stale(to, checked, numbers).await?;
    }
    Ok(written)
}

/// Makes sure that every attempt has its row; which ones have ended.
async fn attempts(to: &mut Transaction, numbers: &Numbers) -> Sql<HashMap<Numbered, bool>> {
    let mut ended = HashMap::new();
    let mut unknown = Vec::new();
    for (one, (task, remembered)) in &numbers.attempts {
        match remembered {
            Some(has_ended) => drop(ended.insert(*one, *has_ended)),
            None => unknown.push((*one, *task)),
        }
    }
    // All who write lock them in the same order.
    unknown.sort();
    ended.extend(run_rows::known(to, &unknown).await?);
    Ok(ended)
}

/// Attempts whose end is in the batch have ended.
fn note_ends(checked: &Checked<'_>, numbers: &Numbers, written: &mut Written) {
    for (place, item) in &checked.items {
        if let Item::Run { key, run, .. } = item
            && run.end.is_some()
            && !written.refused.iter().any(|(refused, _)| refused == place)
        {
            written.ended.insert(numbers.one(*key), true);
        }
    }
}

/// Writes an item that is no sample.
async fn other(to: &mut Transaction, item: &Item, numbers: &Numbers) -> Sql<()> {
    match item {
        Item::Sample { .. } => Ok(()),
        Item::Run { key, run, .. } => run_rows::add(to, numbers.one(*key), (**run).clone()).await,
        Item::Status {
            order_uid,
            status,
            message,
            at,
            storing_complete,
        } => {
            let order = numbers.order(*order_uid);
            orders::stands(to, order, *status, message.as_deref(), *at).await?;
            if *storing_complete {
                orders::complete(to, order).await?;
            }
            Ok(())
        }
    }
}

/// Each item by itself: one that the database doesn't take is undone and noted.
async fn one_by_one(
    to: &mut Transaction,
    checked: &Checked<'_>,
    numbers: &Numbers,
    written: &mut Written,
) -> Sql<()> {
    for (place, item) in &checked.items {
        to.execute(sql("savepoint item")).await?;
        let row = samples::row(item, numbers);
        let done = match &row {
            Some(row) => insert::insert_one(to, row).await,
            None => other(to, item, numbers).await.map(|()| false),
        };
        match done {
            Ok(is_new) => {
                written.new_samples += u64::from(is_new);
                to.execute(sql("release savepoint item")).await?;
            }
            Err(error) if is_data(&error) => {
                written.refused_samples += u64::from(row.is_some());
                written.refused.push((*place, said(&error)));
                to.execute(sql("rollback to savepoint item")).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn stale(to: &mut Transaction, checked: &Checked<'_>, numbers: &Numbers) -> Sql<()> {
    let times = checked.items.iter().filter_map(|(_, item)| match item {
        Item::Sample { sample, .. } => Some(sample.reading.time_us),
        _ => None,
    });
    let (mut earliest, mut latest) = (Timestamp(i64::MAX), Timestamp(i64::MIN));
    for time in times {
        (earliest, latest) = (earliest.min(time), latest.max(time));
    }
    let touched: BTreeSet<i64> = numbers.attempts.keys().map(|one| one.order).collect();
    minute::stale(
        to,
        &touched.into_iter().collect::<Vec<_>>(),
        (earliest, latest),
    )
    .await
}
