//! What those who look at orders read, on both databases: summaries, tasks, pages, and what is new.

use model::{Attempt, Position, Reason, Status, Timestamp};
use store::{Beyond, RunsFrom, Span, SummaryFilter};

use crate::given::*;

const ALL: SummaryFilter = SummaryFilter {
    status: None,
    name: None,
    before: None,
    limit: 10,
};

fn beyond(order: i64, position: u32, seq: i64) -> Beyond {
    Beyond {
        order,
        position: Position(position),
        attempt: Attempt(1),
        seq,
        since: at(-1),
    }
}

on_both! {
async fn summaries_come_in_pages_and_say_what_runs(given) {
    let store = &given.store;
    for n in 1..=3 {
        store.register(order(&format!("leaf-{n}"), n)).await.unwrap();
    }
    ingest(store, 1, whole_run(key(1, 0, 1), "resize")).await;
    ingest(store, 1, vec![run(key(1, 1, 1), "segment", started("segment"))]).await;
    ingest(store, 2, vec![run(key(2, 0, 1), "resize", ended(Reason::Error, Some(1)))]).await;

    let page = store.summaries(&ALL).await.unwrap();
    let ids: Vec<_> = page.iter().map(|one| one.order.name.to_string()).collect();
    assert_eq!(ids, ["leaf-3", "leaf-2", "leaf-1"]);
    let first = &page[2];
    assert_eq!((first.done, first.position), (1, Some(Position(1))));
    assert_eq!(first.task.as_ref().map(model::TaskName::as_str), Some("segment"));
    assert_eq!((first.cpu_seconds, first.memory_anon_peak_bytes), (Some(2.5), Some(5_000_000)));
    // Nobody knows the peak of the run that goes on; that of the second order's only one is known.
    assert_eq!((first.cpu_lower_bound, first.memory_anon_peak_exact), (false, false));
    assert_eq!((page[1].memory_anon_peak_exact, page[0].memory_anon_peak_exact), (true, false));
    assert_eq!((page[1].done, &page[1].task), (0, &None));
    assert_eq!((page[0].cpu_seconds, page[0].duration_seconds), (None, None));

    let more = SummaryFilter { before: Some(page[0].order.id), limit: 1, ..ALL };
    assert_eq!(store.summaries(&more).await.unwrap()[0].order.name, id("leaf-2"));
    let named = SummaryFilter { name: Some("F-1".to_owned()), status: Some(Status::Running), ..ALL };
    assert_eq!(store.summaries(&named).await.unwrap().len(), 1);
    let none = SummaryFilter { name: Some("leaf_".to_owned()), ..ALL };
    assert_eq!(store.summaries(&none).await.unwrap(), []);
    assert_eq!(store.summary(&id("leaf-1")).await.unwrap().as_ref(), Some(first));
    assert_eq!(store.summary(&id("none")).await.unwrap(), None);
}

async fn who_watches_is_given_what_is_open_new_or_asked_for(given) {
    let store = &given.store;
    assert_eq!(store.newest_order().await.unwrap(), 0);
    for n in 1..=3 {
        store.register(order(&format!("leaf-{n}"), n)).await.unwrap();
    }
    for n in 1..=2 {
        store.set_status(uid(n), Status::Failed, None, at(1)).await.unwrap();
    }
    let newest = store.newest_order().await.unwrap();
    let numbers = async |after, numbers: &[i64]| {
        let orders = store.summaries_to_watch(after, numbers).await.unwrap();
        orders.iter().map(|one| newest - one.order.id).collect::<Vec<_>>()
    };
    assert_eq!(numbers(newest, &[]).await, [0]);
    assert_eq!(numbers(newest - 2, &[]).await, [0, 1]);
    assert_eq!(numbers(newest, &[newest - 2]).await, [0, 2]);
}

async fn runs_and_samples_beyond_what_is_known(given) {
    let given = given.with_order().await;
    let store = &given.store;
    ingest(store, 1, whole_run(key(1, 0, 1), "resize")).await;
    ingest(store, 1, whole_run(key(1, 1, 1), "segment")).await;
    let number = store.newest_order().await.unwrap();

    let from = |position| RunsFrom { order: number, position: Position(position) };
    let runs = store.runs_from(&[from(1)]).await.unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!((runs[0].0, runs[0].1.task.as_str()), (number, "segment"));
    assert_eq!(runs[0].1, store.runs(&id("leaf-1")).await.unwrap()[1]);
    assert_eq!(store.runs_from(&[]).await.unwrap(), []);

    let wanted = [beyond(number, 0, 2), beyond(number, 1, -1), beyond(number, 2, -1)];
    let new = store.samples_beyond(&wanted, 100).await.unwrap();
    let seqs: Vec<_> = new.iter().map(|one| (one.position.0, one.sample.seq)).collect();
    assert_eq!(seqs, [(0, 3), (0, 4), (1, 0), (1, 1), (1, 2), (1, 3), (1, 4)]);
    assert_eq!(store.samples_beyond(&wanted, 3).await.unwrap(), new[..3]);
    assert_eq!(store.samples_beyond(&[], 3).await.unwrap(), []);
    let highest = store.highest_samples(&wanted).await.unwrap();
    let mut highest: Vec<_> = highest.iter().map(|(_, position, _, seq)| (position.0, *seq)).collect();
    highest.sort_unstable();
    assert_eq!(highest, [(0, 4), (1, 4)]);
}

async fn samples_come_page_by_page_within_a_span(given) {
    let given = given.with_order().await;
    let store = &given.store;
    ingest(store, 1, whole_run(key(1, 0, 1), "resize")).await;
    let (leaf, position, attempt) = (id("leaf-1"), Position(0), Attempt(1));
    let far = Timestamp(i64::MAX / 4);
    for (span, expected) in [
        (Span::ALL, vec![vec![0, 1], vec![2, 3], vec![4]]),
        (Span { from: at(1), to: at(3) }, vec![vec![1, 2], vec![3]]),
        (Span { from: at(2), to: far }, vec![vec![2, 3], vec![4]]),
        (Span { from: at(9), to: far }, vec![]),
        (Span { from: Timestamp(-377_705_023_201_000_000), to: at(0) }, vec![vec![0]]),
    ] {
        let mut pages = store.sample_pages(&leaf, position, attempt, span, 2).await.unwrap();
        let mut seqs = Vec::new();
        while let Some(page) = pages.next().await.unwrap() {
            seqs.push(page.iter().map(|sample| sample.seq).collect::<Vec<_>>());
        }
        assert_eq!(seqs, expected, "{span:?}");
        let count = store.samples_between(&leaf, position, attempt, span).await.unwrap();
        assert_eq!(count as usize, expected.iter().map(Vec::len).sum::<usize>());
    }
}

async fn a_task_is_seen_over_all_orders(given) {
    let store = &given.store;
    for n in 1..=2 {
        store.register(order(&format!("leaf-{n}"), n)).await.unwrap();
        ingest(store, n, whole_run(key(n, 0, 1), "resize")).await;
    }
    let tasks = store.tasks().await.unwrap();
    assert_eq!(tasks.len(), 1);
    assert_eq!((tasks[0].runs, tasks[0].orders, tasks[0].last_started_at), (2, 2, Some(at(0))));
    let runs = store.task_runs(&task("resize"), 10).await.unwrap();
    let orders: Vec<_> = runs.iter().map(|run| run.order.to_string()).collect();
    assert_eq!(orders, ["leaf-2", "leaf-1"]);
    assert_eq!(store.task_runs(&task("resize"), 1).await.unwrap(), runs[..1]);
    assert_eq!(store.task_runs(&task("none"), 1).await.unwrap(), []);
}
}
