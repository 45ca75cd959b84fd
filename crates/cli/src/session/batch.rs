//! Many orders, one after another or some at a time.

use std::{collections::VecDeque, sync::Arc};

use anyhow::Result;
use tokio::task::JoinSet;

use super::{Done, Host, Session};
use crate::{load::Prepared, output::progress::Progress};

/// How many orders an embedded broker carries before it is replaced: it can't forget, and an order
/// leaves up to 10 MB in it.
const ORDERS_PER_BROKER: usize = 16;

/// What came of many orders.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Those that are over, in the order in which they were asked for.
    pub(crate) done: Vec<Done>,
    /// How many were never begun.
    pub(crate) not_started: usize,
    /// Why no more were begun, unless somebody wanted it so.
    pub(crate) error: Option<anyhow::Error>,
}

/// Takes orders through their tasks, at most `parallel` at a time.
pub(crate) async fn run_all(
    host: &Arc<Host>,
    orders: Vec<Prepared>,
    parallel: usize,
    progress: &Progress,
) -> Batch {
    let mut queue: VecDeque<_> = orders.into_iter().enumerate().collect();
    let (mut done, mut error) = (Vec::new(), None);
    while !queue.is_empty() && error.is_none() && !host.wish.is_to_end() {
        match run_on_one_broker(host, &mut queue, parallel, progress, &mut done).await {
            Ok(()) => {}
            Err(why) => error = Some(why),
        }
    }
    done.sort_by_key(|(place, _)| *place);
    let done = done.into_iter().map(|(_, done)| done).collect();
    Batch {
        done,
        not_started: queue.len(),
        error,
    }
}

async fn run_on_one_broker(
    host: &Arc<Host>,
    queue: &mut VecDeque<(usize, Prepared)>,
    parallel: usize,
    progress: &Progress,
    done: &mut Vec<(usize, Done)>,
) -> Result<()> {
    let session = Arc::new(Session::start(Arc::clone(host))?);
    let mut left = if session.is_embedded() {
        ORDERS_PER_BROKER
    } else {
        usize::MAX
    };
    let (mut running, mut error) = (JoinSet::new(), None);
    loop {
        let go_on = left > 0 && error.is_none() && !host.wish.is_to_end();
        if go_on
            && running.len() < parallel
            && let Some((place, order)) = queue.pop_front()
        {
            left -= 1;
            let (session, progress) = (Arc::clone(&session), progress.order(&order.order));
            running.spawn(async move { (place, session.run(&order, progress).await) });
            continue;
        }
        match running.join_next().await {
            None => break,
            Some(Ok((place, Ok(order)))) => done.push((place, order)),
            Some(Ok((_, Err(why)))) => error = error.or(Some(why)),
            Some(Err(panicked)) => error = error.or(Some(panicked.into())),
        }
    }
    if let Some(session) = Arc::into_inner(session) {
        session.stop().await;
    }
    error.map_or(Ok(()), Err)
}
