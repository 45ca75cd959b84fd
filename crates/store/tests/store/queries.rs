//! Every query of docs/queries.md, on an order of two tasks.

use model::{Reason, Run, Totals};

use crate::given::*;

const PAGE: &str = include_str!("../../../../docs/queries.md");

/// The page's queries for a kind of store, with the headings that they stand under. Those that run on
/// one kind only say so where they begin.
fn queries(kind: &str) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    for part in PAGE.split("\n## ").skip(1) {
        let heading = part.lines().next().unwrap_or_default();
        for block in part.split("```sql").skip(1) {
            let (of, sql) = block.split_once('\n').unwrap_or_default();
            if of.is_empty() || of.trim() == kind {
                found.push((heading, sql.split("```").next().unwrap_or_default()));
            }
        }
    }
    found
}

async fn two_orders(given: Given) -> Given {
    let given = given.with_order().await;
    given.store.register(order("leaf-2", 2)).await.unwrap();
    for (n, cpu) in [(1, 2.5), (2, 3.5)] {
        ingest(&given.store, n, whole_run(key(n, 0, 1), "resize")).await;
        let mut items = whole_run(key(n, 1, 1), "segment");
        let end = ended(Reason::OomKilled, None);
        items[6] = run(
            key(n, 1, 1),
            "segment",
            Run {
                totals: Totals {
                    cpu_seconds: Some(cpu),
                    memory_peak_bytes: Some(100_000_000 * u64::from(n)),
                    ..end.totals.clone()
                },
                ..end
            },
        );
        ingest(&given.store, n, items).await;
    }
    given
}

on_both! {
async fn every_query_of_the_page_answers(given) {
    let given = two_orders(given).await;
    let mut text = String::new();
    let kind = if given.is_server() { "postgresql" } else { "sqlite" };
    given.store.housekeep(at(60)).await.unwrap();
    for (heading, sql) in queries(kind) {
        let answer = given.rows(sql).await;
        assert!(!answer.is_empty(), "{heading}: no rows\n{sql}");
        text.extend(["## ", heading, "\n", &answer, "\n"]);
    }
    // Instants are shown in the same way, and a number of processor cores has no more digits than that.
    insta::assert_snapshot!("every_query_of_the_page_answers", readable(&text));
}
}
