//! Every query of docs/queries.md, on an order of two tasks.

use model::{Reason, Run, Totals};

use crate::given::*;

const PAGE: &str = include_str!("../../../../docs/queries.md");

/// The page's queries with the headings that they stand under.
fn queries() -> Vec<(&'static str, &'static str)> {
    let mut heading = "";
    let mut found = Vec::new();
    for part in PAGE.split("\n## ").skip(1) {
        heading = part.lines().next().unwrap_or(heading);
        for block in part.split("```sql\n").skip(1) {
            found.push((heading, block.split("```").next().unwrap_or_default()));
        }
    }
    found
}

async fn two_orders() -> Given {
    let given = a_store_with_order().await;
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

#[tokio::test]
async fn every_query_of_the_page_answers() {
    let given = two_orders().await;
    let mut text = String::new();
    for (heading, sql) in queries() {
        let answer = rows(&given.path, sql).await;
        assert!(!answer.is_empty(), "{heading}: no rows\n{sql}");
        text.extend(["## ", heading, "\n", &answer, "\n"]);
    }
    insta::assert_snapshot!(text);
}
