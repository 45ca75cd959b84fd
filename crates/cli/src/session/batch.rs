//! Many orders, one after another or some at a time.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use model::Status;
use tokio::{task::JoinSet, time::sleep};

use super::{
    Done, Host, Session,
    line::{Line, Waiting},
};
use crate::{
    output::{self, progress::Progress},
    time,
};

/// How many orders an embedded broker carries before it is replaced: it can't forget, and an order
/// leaves up to 10 MB in it.
const ORDERS_PER_BROKER: usize = 16;
/// The pause after something went wrong that isn't one order's own.
const AGAIN: Duration = Duration::from_secs(5);

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

/// Takes the orders of a line through their tasks, at most `parallel` at a time, until there is none.
pub(crate) async fn run_all(
    host: &Arc<Host>,
    line: &Line,
    parallel: usize,
    progress: &Progress,
) -> Batch {
    let (mut done, mut error) = (Vec::new(), None);
    while !line.is_empty() && error.is_none() && !host.wish.is_to_end() {
        match run_on_one_broker(host, line, parallel, progress, &mut done).await {
            Ok(()) => {}
            Err(why) => error = Some(why),
        }
    }
    done.sort_by_key(|(place, _)| *place);
    let done = done.into_iter().map(|(_, done)| done).collect();
    let batch = Batch {
        done,
        not_started: line.len(),
        error,
    };
    if host.wish.is_to_end() {
        leave(host, line).await;
    }
    batch
}

/// Takes orders through their tasks as they come, until this process is to end.
pub(crate) async fn run_as_they_come(
    host: &Arc<Host>,
    line: &Line,
    parallel: usize,
    progress: &Progress,
) {
    let mut wish = host.wish.clone();
    loop {
        tokio::select! {
            () = line.grows() => {}
            () = wish.over() => break,
        }
        while !line.is_empty() && !host.wish.is_to_end() {
            // An order whose beginning failed stands as failed; others may fare better.
            if let Some(error) = run_all(host, line, parallel, progress).await.error {
                output::note(&format!("podometer: {error:#}"));
                tokio::select! {
                    () = sleep(AGAIN) => {}
                    () = wish.over() => {}
                }
            }
        }
    }
    leave(host, line).await;
}

/// Those that have an id and won't begin any more.
async fn leave(host: &Host, line: &Line) {
    while let Some(waiting) = line.pop() {
        if let Waiting::Registered(one) = waiting {
            let why = Some("what was to run it was ended before it began");
            let uid = one.handle.order_uid;
            let noted = host
                .store
                .set_status(uid, Status::Terminated, why, time::now())
                .await;
            if let Err(error) = noted {
                tracing::warn!(
                    "the end of order {} can't be noted: {error}",
                    one.handle.order
                );
            }
        }
    }
}

async fn run_on_one_broker(
    host: &Arc<Host>,
    line: &Line,
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
    let mut place = done.len();
    let (mut running, mut error) = (JoinSet::new(), None);
    loop {
        let go_on = left > 0 && error.is_none() && !host.wish.is_to_end();
        let room = go_on && running.len() < parallel;
        if room && let Some(order) = line.pop() {
            left -= 1;
            place += 1;
            let (session, progress) = (Arc::clone(&session), progress.order(order.order()));
            running.spawn(async move { (place, session.run(order, progress).await) });
            continue;
        }
        let ended = tokio::select! {
            ended = running.join_next() => ended,
            () = line.grows(), if room && !running.is_empty() => continue,
        };
        match ended {
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
