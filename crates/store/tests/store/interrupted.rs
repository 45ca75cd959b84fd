use model::{Reason, Run, Status, TerminationLog, Totals, run::RunEnd};

use crate::given::*;

fn log(position: u32, end: Option<RunEnd>) -> TerminationLog {
    TerminationLog {
        v: 1,
        key: key(1, position, 1),
        started_at: Some(at(1)),
        written_at: at(3),
        last_seq: 3,
        totals: Totals {
            cpu_seconds: Some(1.25),
            ..Totals::default()
        },
        end,
        delivered: false,
        output: None,
        process_group: None,
    }
}

on_both! {
async fn open_runs_of_an_interrupted_order_end_with_what_is_known(given) {
    let given = given.with_order().await;
    let store = &given.store;
    let completed = ended(Reason::Completed, Some(0));
    ingest(store, 1, whole_run(key(1, 0, 1), "resize")).await;
    ingest(
        store,
        1,
        vec![run(key(1, 1, 1), "segment", started("segment"))],
    )
    .await;
    ingest(store, 1, vec![sample(key(1, 2, 1), "hash", 2)]).await;
    let left = [
        (
            key(1, 1, 1).position,
            key(1, 1, 1).attempt,
            Some(log(1, None)),
        ),
        (
            key(1, 3, 1).position,
            key(1, 3, 1).attempt,
            Some(log(3, completed.end.clone())),
        ),
        (key(1, 4, 1).position, key(1, 4, 1).attempt, None),
    ];
    assert!(store.interrupt(uid(1), at(100), &left).await.unwrap());
    assert!(!store.interrupt(uid(1), at(200), &left).await.unwrap());

    let order = store.order(&id("leaf-1")).await.unwrap().unwrap();
    assert_eq!(
        (order.status, order.ended_at),
        (Status::Failed, Some(at(100)))
    );
    assert_eq!(
        order.message.as_deref(),
        Some("interrupted: what ran this order was killed")
    );
    let runs = store.runs(&id("leaf-1")).await.unwrap();
    let seen: Vec<_> = runs
        .iter()
        .map(|r| {
            (
                r.task.to_string(),
                r.reason.unwrap(),
                r.censored.unwrap(),
                r.ended_at.unwrap(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("resize".to_owned(), Reason::Completed, false, at(4)),
            ("segment".to_owned(), Reason::Interrupted, true, at(3)),
            ("hash".to_owned(), Reason::Interrupted, true, at(2)),
            ("unknown".to_owned(), Reason::Completed, false, at(4)),
            ("unknown".to_owned(), Reason::Interrupted, true, at(100)),
        ]
    );
    ingest(
        store,
        1,
        vec![run(key(1, 3, 1), "denoise", started("denoise"))],
    )
    .await;
    let named = store.runs(&id("leaf-1")).await.unwrap();
    assert_eq!(named[3].task, task("denoise"));
    assert_eq!(runs[1].totals.cpu_seconds, Some(1.25));
    assert_eq!(runs[2].totals.cpu_seconds, None);
    assert_eq!(runs[2].statistics.stored_samples, Some(1));
    assert_eq!(store.unfinished().await.unwrap(), []);
}

async fn the_runners_late_report_completes_an_interrupted_run(given) {
    let given = given.with_order().await;
    let one = key(1, 0, 1);
    ingest(&given.store, 1, vec![run(one, "resize", started("resize"))]).await;
    given.store.interrupt(uid(1), at(50), &[]).await.unwrap();
    let late = Run {
        output: None,
        ..ended(Reason::Completed, Some(0))
    };
    ingest(&given.store, 1, vec![run(one, "resize", late)]).await;
    let runs = given.store.runs(&id("leaf-1")).await.unwrap();
    assert_eq!(runs[0].reason, Some(Reason::Interrupted));
    assert_eq!(runs[0].censored, Some(false));
    assert_eq!(runs[0].exit_code, Some(0));
    assert_eq!(runs[0].totals.cpu_seconds, Some(2.5));
}
}
