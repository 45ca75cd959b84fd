use model::Status;
use store::Error;

use crate::given::*;

on_both! {
async fn a_deleted_order_leaves_nothing_and_its_numbers_are_not_given_again(given) {
    let given = given.with_order().await;
    given.store.register(order("other", 2)).await.unwrap();
    ingest(&given.store, 1, whole_run(key(1, 0, 1), "resize")).await;
    ingest(&given.store, 2, whole_run(key(2, 0, 1), "resize")).await;
    let Err(error @ Error::Unfinished { .. }) = given.store.delete(&id("leaf-1")).await else {
        panic!("it is running");
    };
    insta::allow_duplicates! { insta::assert_snapshot!(error, @"order leaf-1 is running; end it first: podometer terminate leaf-1") };
    for n in [1, 2] {
        given
            .store
            .set_status(uid(n), Status::Succeeded, None, at(5))
            .await
            .unwrap();
    }
    assert!(given.store.delete(&id("leaf-1")).await.unwrap());
    assert!(!given.store.delete(&id("leaf-1")).await.unwrap());
    let left = "select (select max(id) from orders), (select count(*) from run), \
                (select count(*) from sample_wide), (select count(*) from ingest_offset)";
    assert_eq!(given.rows(left).await, "2|1|5|1\n");
    given.store.delete(&id("other")).await.unwrap();
    given.store.register(order("leaf-1", 3)).await.unwrap();
    let order = given.store.order(&id("leaf-1")).await.unwrap().unwrap();
    assert_eq!(order.id, 3);
}

async fn only_what_ended_before_is_old(given) {
    for (n, name) in (1..).zip(["a", "b", "c", "running"]) {
        given.store.register(order(name, n)).await.unwrap();
    }
    for n in 1..=3 {
        let end = at(i64::from(n) * 10);
        given
            .store
            .set_status(uid(n), Status::Failed, None, end)
            .await
            .unwrap();
    }
    let gone = given.store.delete_older_than(at(30)).await.unwrap();
    assert_eq!(gone, [id("a"), id("b")]);
    assert_eq!(
        given.rows("select name from orders order by id").await,
        "c\nrunning\n"
    );
}
}
