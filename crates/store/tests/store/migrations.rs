use model::Resource;
use store::{Error, Migrations, Store};

use crate::given::*;

const SCHEMA: &str = "select sql || ';' from sqlite_schema \
    where sql is not null and name not like '_sqlx%' and name not like 'sqlite_%' order by name";

#[tokio::test]
async fn the_schema_is_this() {
    let given = a_store().await;
    insta::assert_snapshot!(rows(&given.path, SCHEMA).await);
    let pragmas = "select * from pragma_journal_mode, pragma_auto_vacuum";
    assert_eq!(rows(&given.path, pragmas).await, "wal|2\n");
}

const SERVER_SCHEMA: &str = "select table_name || '.' || column_name from information_schema.columns \
    where table_schema = 'podometer' and table_name not like '\\_%' order by table_name, ordinal_position";

on_both! {
async fn up_and_down_and_up_again(given) {
    let given = given.with_order().await;
    ingest(&given.store, 1, whole_run(key(1, 0, 1), "resize")).await;
    given.store.housekeep(at(60)).await.unwrap();
    let schema = if given.is_server() { SERVER_SCHEMA } else { SCHEMA };
    let before = given.rows(schema).await;
    // Each form has what the earlier ones have.
    given.store.migrate_down(2).await.unwrap();
    assert!(!given.rows(schema).await.contains("sample_minute"));
    given.store.migrate_down(1).await.unwrap();
    assert!(!given.rows(schema).await.contains("run_named"));
    let again = given.another().await;
    assert_eq!(given.rows(schema).await, before);
    assert_eq!(again.sample_count(uid(1)).await.unwrap(), 5);
    assert_eq!(offset(&again, 1).await, Some(7));
    again.migrate_down(0).await.unwrap();
    assert_eq!(given.rows(schema).await, "");
    let empty = given.another().await;
    assert_eq!(given.rows(schema).await, before);
    assert_eq!(empty.sample_count(uid(1)).await.unwrap(), 0);
}
}

#[tokio::test]
async fn a_later_form_is_refused() {
    let given = a_store().await;
    given.store.close().await;
    rows(
        &given.path,
        "insert into _sqlx_migrations values (9999, 'later', '2030-01-01', true, x'00', 0)",
    )
    .await;
    for opened in [
        Store::open(&given.location, Migrations::Run).await,
        Store::open_existing(&given.location).await,
    ] {
        let Err(error @ Error::Newer { version: 9999, .. }) = opened else {
            panic!("{opened:?}");
        };
        assert!(error.to_string().contains("update Podometer"), "{error}");
    }
}

#[tokio::test]
async fn the_lookup_is_the_vocabulary() {
    let given = a_store().await;
    let line = |r: &Resource| format!("{}|{}|{}\n", r.id(), r.name(), r.unit().as_str());
    let known: Vec<_> = Resource::ALL.iter().map(line).collect();
    let expected = format!("0|unknown|\n{}", known.concat());
    assert_eq!(
        rows(
            &given.path,
            "select id, name, unit from resource order by id"
        )
        .await,
        expected
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_a_new_store_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("podometer.db");
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let path = path.clone();
        tasks.spawn(async move {
            let store = Store::open(&path.clone().into(), Migrations::Run)
                .await
                .unwrap();
            store
                .register(order(&format!("leaf-{n}"), n))
                .await
                .unwrap();
        });
    }
    assert_eq!(tasks.join_all().await.len(), 8);
}
