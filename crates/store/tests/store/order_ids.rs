use std::collections::BTreeSet;

use model::Status;
use store::{Error, NewOrder, OrderFilter, Store};

use crate::given::*;

fn again(name: &str, n: u32) -> NewOrder {
    NewOrder {
        again: true,
        ..order(name, n)
    }
}

on_both! {
async fn an_id_names_one_execution(given) {
    let given = given.with_order().await;
    let taken = given.store.register(order("leaf-1", 2)).await;
    let Err(error @ Error::Exists { .. }) = taken else {
        panic!("{taken:?}");
    };
    insta::allow_duplicates! { insta::assert_snapshot!(error, @"order leaf-1 exists already; give it another id, or say --again to take the next free one") };
    assert_eq!(
        given.store.register(again("leaf-1", 2)).await.unwrap(),
        id("leaf-1-2")
    );
    assert_eq!(
        given.store.register(again("leaf-1", 3)).await.unwrap(),
        id("leaf-1-3")
    );
    assert_eq!(
        given.store.register(again("fresh", 4)).await.unwrap(),
        id("fresh")
    );
}

async fn orders_are_listed_newest_first(given) {
    for (n, name) in (1..).zip(["a", "b", "c"]) {
        given.store.register(order(name, n)).await.unwrap();
    }
    given
        .store
        .set_status(uid(2), Status::Failed, Some("broken"), at(5))
        .await
        .unwrap();
    let names = |orders: Vec<store::OrderRow>| -> Vec<String> {
        orders.iter().map(|o| o.name.to_string()).collect()
    };
    let all = given.store.orders(OrderFilter::default()).await.unwrap();
    assert_eq!(names(all), ["c", "b", "a"]);
    let two = OrderFilter {
        limit: Some(2),
        ..OrderFilter::default()
    };
    assert_eq!(names(given.store.orders(two).await.unwrap()), ["c", "b"]);
    let failed = OrderFilter {
        status: Some(Status::Failed),
        limit: None,
    };
    let failed = given.store.orders(failed).await.unwrap();
    insta::assert_snapshot!("orders_are_listed_newest_first", serde_json::to_string_pretty(&failed).unwrap());
    assert_eq!(names(given.store.unfinished().await.unwrap()), ["a", "c"]);
    assert_eq!(given.store.order(&id("d")).await.unwrap(), None);
}

async fn two_stores_never_give_the_same_id(given) {
    let other = given.another().await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..20 {
        let store = if n % 2 == 0 {
            given.store.clone()
        } else {
            other.clone()
        };
        tasks.spawn(async move { store.register(again("leaf", n)).await.unwrap() });
    }
    let names: BTreeSet<_> = tasks.join_all().await.into_iter().collect();
    assert_eq!(names.len(), 20);
    assert!(names.contains(&id("leaf")) && names.contains(&id("leaf-20")));
}
}

/// Services await the store in tasks of their own, so that what it returns must be `Send`.
#[allow(dead_code, reason = "that it compiles is the test")]
fn everything_can_be_awaited_anywhere(store: &'static Store) {
    fn sendable(_: impl Send) {}
    let name: &'static model::OrderId = Box::leak(Box::new(id("leaf")));
    let batch: &'static store::Batch = Box::leak(Box::new(batch(1, 0, vec![])));
    let location: &'static store::Location =
        Box::leak(Box::new(std::path::Path::new("podometer.db").into()));
    sendable(Store::open(location, store::Migrations::Run));
    sendable(Store::open_existing(location));
    sendable(store.register(order("leaf", 1)));
    sendable(store.ingest(batch));
    sendable(store.offsets(&[]));
    sendable(store.housekeep(at(0)));
    sendable(store.orders(OrderFilter::default()));
    sendable(store.order(name));
    sendable(store.order_by_uid(uid(1)));
    sendable(store.runs(name));
    sendable(store.samples(name, key(1, 0, 1).position, key(1, 0, 1).attempt));
    sendable(store.each_sample(name, key(1, 0, 1).position, key(1, 0, 1).attempt, drop));
    sendable(store.sample_count(uid(1)));
    sendable(store.set_status(uid(1), Status::Failed, None, at(0)));
    sendable(store.unfinished());
    sendable(store.interrupt(uid(1), at(0), &[]));
    sendable(store.delete(name));
    sendable(store.delete_older_than(at(0)));
    sendable(store.migrate_down(0));
}
