//! What only a server can do or suffer.

use std::time::Duration;

use sqlx::{Executor, Row};
use store::{Abilities, Error, Ingested, Item, Location, Migrations, Options, Store};

use crate::{
    given::*,
    server::{Database, connect, rows, run as execute, url},
};

const SCHEMA: &str = "select table_name || '.' || column_name || ' ' || data_type \
        || case when is_nullable = 'NO' then ' not null' else '' end \
    from information_schema.columns \
    where table_schema = 'podometer' and table_name not like '\\_%' \
    order by table_name, ordinal_position";
const INDEXES: &str = "select indexdef from pg_indexes \
    where schemaname = 'podometer' and tablename not like '\\_%' order by indexname";

#[tokio::test]
async fn the_schema_is_this() {
    let Some(given) = Given::server().await else {
        return;
    };
    let schema = given.rows(SCHEMA).await + &given.rows(INDEXES).await;
    insta::assert_snapshot!("the_schema_of_a_server_is_this", schema);
    assert_eq!(given.store.abilities(), Abilities::Apache);
    let chunks = "select time_interval::text from timescaledb_information.dimensions";
    assert_eq!(given.rows(chunks).await, "01:00:00\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_a_new_database_at_once() {
    let Some(database) = Database::make().await else {
        return;
    };
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let location = Location::from(database.address());
        tasks.spawn(async move {
            let store = Store::open(&location, Migrations::Run).await.unwrap();
            store
                .register(order(&format!("leaf-{n}"), n))
                .await
                .unwrap();
            store.close().await;
        });
    }
    assert_eq!(tasks.join_all().await.len(), 8);
}

#[tokio::test]
async fn a_chunk_covers_what_is_asked_for() {
    let Some(database) = Database::make().await else {
        return;
    };
    let options = Options {
        chunk_interval: Duration::from_mins(10),
        ..Migrations::Run.into()
    };
    Store::open(&database.address().into(), options)
        .await
        .unwrap();
    let chunks = "select time_interval::text from timescaledb_information.dimensions";
    assert_eq!(rows(&database.url, chunks).await, "00:10:00\n");
}

async fn refusal(url: &str, migrations: Migrations) -> (Error, String) {
    let location = Location::Server(url.parse().unwrap());
    let error = Store::open(&location, migrations).await.unwrap_err();
    let text = error.to_string();
    let place = location.to_string();
    let (_, port_and_database) = place.rsplit_once(':').unwrap();
    (error, text.replace(port_and_database, "PORT/DATABASE"))
}

#[tokio::test]
async fn what_hinders_says_what_to_do() {
    let Some(database) = Database::make().await else {
        return;
    };
    let (start, name) = database.url.rsplit_once('/').unwrap();
    let (error, text) = refusal(&database.url, Migrations::Expect).await;
    assert!(matches!(error, Error::Outdated { found: 0, .. }));
    insta::assert_snapshot!(text, @"postgres@127.0.0.1:PORT/DATABASE: the database has the form 0, this Podometer needs the form 4; run: podometer migrate");
    let (error, text) = refusal(&format!("{start}/{name}_not"), Migrations::Run).await;
    assert!(matches!(error, Error::NoDatabase { .. }));
    insta::assert_snapshot!(text, @"postgres@127.0.0.1:PORT/DATABASE: there is no such database; make it first: createdb, or create database in psql");
    let stranger = database.url.replace("postgres@", "stranger:secret@");
    let (error, text) = refusal(&stranger, Migrations::Run).await;
    assert!(matches!(error, Error::Login { .. }));
    insta::assert_snapshot!(text, @r#"stranger@127.0.0.1:PORT/DATABASE: the database does not let this user in (role "stranger" does not exist); check the user in the address and the password (in it, or in the file that PGPASSFILE names)"#);
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let away = format!("postgres://ada:secret@127.0.0.1:{}/lab", free.port());
    let (error, text) = refusal(&away, Migrations::Run).await;
    assert!(matches!(error, Error::Unreachable { .. }));
    insta::assert_snapshot!(text, @"ada@127.0.0.1:PORT/DATABASE: the database can't be reached (Connection refused (os error 111)); check that it runs and that the address is right (--database-url)");
    assert!(!format!("{error:?}").contains("secret"));
    let secure = format!("{}?sslmode=require", database.url);
    let (error, text) = refusal(&secure, Migrations::Run).await;
    assert!(matches!(error, Error::Insecure { .. }), "{error:?}");
    insta::assert_snapshot!(text, @"postgres@127.0.0.1:PORT/DATABASE: no secure connection to the database (server does not support TLS); name the authority that signed its certificate with PGSSLROOTCERT, or choose another sslmode in the address");
}

#[tokio::test]
async fn who_may_not_is_told_so() {
    let Some(database) = Database::make().await else {
        return;
    };
    let name = database.url.rsplit_once('/').unwrap().1;
    let role = name.replace("test", "guest");
    execute(
        &database.url,
        &format!("drop role if exists {role}; create role {role} login"),
    )
    .await;
    let guest = database.url.replace("postgres@", &format!("{role}@"));
    let (error, text) = refusal(&guest, Migrations::Run).await;
    assert!(matches!(error, Error::Forbidden { .. }), "{error:?}");
    insta::assert_snapshot!(text.replace(&role, "guest").replace(name, "podometer_guest"), @"guest@127.0.0.1:PORT/DATABASE: the user may not do that (bringing the tables up to date: permission denied for database podometer_guest); let the owner of the database run podometer migrate, and grant this user the use of the schema podometer and its tables");
    Store::open(&database.address().into(), Migrations::Run)
        .await
        .unwrap();
    // With the rights that the message names it can do all that a service does.
    execute(
        &database.url,
        &format!(
            "grant usage on schema podometer to {role}; \
         grant select, insert, update, delete on all tables in schema podometer to {role}"
        ),
    )
    .await;
    let location = Location::Server(guest.parse().unwrap());
    let store = Store::open_existing(&location).await.unwrap();
    store.register(order("leaf-1", 1)).await.unwrap();
    ingest(&store, 1, whole_run(key(1, 0, 1), "resize")).await;
    store.housekeep(at(60)).await.unwrap();
    store.close().await;
    execute(
        &database.url,
        &format!("drop owned by {role}; drop role {role}"),
    )
    .await;
}

#[tokio::test]
async fn a_later_form_is_refused() {
    let Some(given) = Given::server().await else {
        return;
    };
    given
        .rows("insert into _sqlx_migrations values (9999, 'later', now(), true, '', 0)")
        .await;
    for migrations in [Migrations::Run, Migrations::Expect] {
        let opened = Store::open(&given.location, migrations).await;
        assert!(
            matches!(opened, Err(Error::Newer { version: 9999, .. })),
            "{opened:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_killed_lose_nothing_and_store_nothing_twice() {
    let Some(given) = Given::server().await else {
        return;
    };
    let given = given.with_order().await;
    let mut killer = connect(&url().unwrap()).await;
    let name = given.rows("select current_database()").await;
    let kill = format!(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity \
         where datname = '{}' and state <> 'idle' and pid <> pg_backend_pid()",
        name.trim()
    );
    let killing = tokio::spawn(async move {
        let mut killed = 0;
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_millis(23)).await;
            let row = killer
                .fetch_one(sqlx::AssertSqlSafe(kill.clone()))
                .await
                .unwrap();
            killed += row.get::<i64, _>(0);
        }
        killed
    });
    let (mut next, mut failures) = (0, 0);
    // On a busy machine none may get through before the killing ends.
    while !killing.is_finished() || next == 0 {
        let items: Vec<Item> = (next..next + 3000)
            .map(|seq| sample(key(1, 0, 1), "resize", seq))
            .collect();
        match given.store.ingest(&batch(1, next as i64, items)).await {
            Ok(Ingested::Stored { samples, .. }) => {
                assert_eq!(samples, 3000);
                next += 3000;
            }
            // It was stored, and only the answer was lost.
            Ok(Ingested::Fenced { logs }) => {
                assert_eq!(logs, [(0, next as i64 + 3000)]);
                next += 3000;
            }
            Err(error) => {
                assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
                failures += 1;
            }
        }
    }
    assert!(killing.await.unwrap() > 0 && failures > 0);
    assert_eq!(given.store.sample_count(uid(1)).await.unwrap(), next);
    assert_eq!(offset(&given.store, 1).await, Some(next as i64));
}

#[tokio::test]
async fn one_item_that_the_database_refuses_does_not_stop_the_others() {
    let Some(given) = Given::server().await else {
        return;
    };
    let given = given.with_order().await;
    // A constraint of the owner's stands for whatever a later server may refuse.
    given
        .rows("alter table sample_wide add constraint small check (seq <> 3)")
        .await;
    given
        .rows("alter table run add constraint quiet check (output <> 'done')")
        .await;
    let items = whole_run(key(1, 0, 1), "resize");
    for (from, expected) in [(0, (4, 0)), (7, (0, 4))] {
        let outcome = given
            .store
            .ingest(&batch(1, from, items.clone()))
            .await
            .unwrap();
        let Ingested::Stored {
            samples,
            duplicates,
            refused,
        } = outcome
        else {
            panic!("{outcome:?}");
        };
        assert_eq!((samples, duplicates), expected);
        let places: Vec<_> = refused.iter().map(|(place, _)| *place).collect();
        assert_eq!(places, [4, 6]);
        assert!(refused[0].1.contains("small"), "{}", refused[0].1);
    }
    let runs = given.store.runs(&id("leaf-1")).await.unwrap();
    assert_eq!(
        (runs[0].reason, runs[0].statistics.stored_samples),
        (None, None)
    );
    let more: Vec<_> = (10..20)
        .map(|seq| sample(key(1, 0, 1), "resize", seq))
        .collect();
    assert_eq!(ingest(&given.store, 1, more).await, 10);
}

#[tokio::test]
async fn minutes_follow_their_samples_and_outlive_them() {
    let Some(database) = Database::make().await else {
        return;
    };
    let options = Options {
        retention: Some(Duration::from_hours(6)),
        ..Migrations::Run.into()
    };
    let store = Store::open(&database.address().into(), options)
        .await
        .unwrap();
    let sent = |from: u64, to: u64| -> Vec<Item> {
        (from..to)
            .map(|seq| sample(key(1, 0, 1), "resize", seq))
            .collect()
    };
    ingest(&store, 1, sent(0, 50)).await;
    let first = store.housekeep(at(60)).await.unwrap();
    assert_eq!((first.minutes, first.dropped), (2, 0));
    assert_eq!(
        store.housekeep(at(60)).await.unwrap(),
        store::Housekeeping::default()
    );
    ingest(&store, 1, sent(50, 70)).await;
    assert_eq!(store.housekeep(at(90)).await.unwrap().minutes, 1);
    let minutes = "select minute, samples, cpu_max from sample_minute order by minute";
    let expected = "1699999980000000|40|9.75\n1700000040000000|30|17.25\n";
    assert_eq!(rows(&database.url, minutes).await, expected);
    // All chunks but that of the new sample are too old by then.
    ingest(
        &store,
        1,
        vec![sample(key(1, 0, 1), "resize", 10 * 60 * 60)],
    )
    .await;
    let later = store.housekeep(at(10 * 60 * 60)).await.unwrap();
    assert_eq!((later.minutes, later.dropped), (1, 1));
    assert_eq!(store.sample_count(uid(1)).await.unwrap(), 1);
    assert_eq!(
        rows(&database.url, "select sum(samples) from sample_minute").await,
        "71\n"
    );
}

#[tokio::test]
async fn an_orders_values_are_looked_up_not_searched_for() {
    let Some(given) = Given::server().await else {
        return;
    };
    let given = given.with_order().await;
    // Three orders in turn, each two chunks long.
    for n in 1..=3 {
        let items = (0..3000)
            .map(|seq| sample(key(n, 0, 1), "resize", seq * 2))
            .collect();
        ingest(&given.store, n, items).await;
    }
    given.rows("analyze sample_wide").await;
    // So few rows would be gone through otherwise: the question is whether the key serves.
    for sql in [
        "select * from sample where order_id = 1 and resource_id = 5",
        "select * from sample where order_id = 1 and time > '2023-11-14T22:40:00Z'",
        "select * from sample_named where order_name = 'leaf-1' and resource = 'cpu'",
        "select * from sample_named where order_name = 'leaf-1' and time > '2023-11-14T22:40:00Z'",
        "select * from run_named where order_name = 'leaf-1'",
    ] {
        let plan = given
            .rows(&format!("set enable_seqscan = off; explain {sql}"))
            .await;
        assert!(!plan.contains("Seq Scan on _hyper"), "{sql}\n{plan}");
        assert!(!plan.contains("Seq Scan on sample_wide"), "{sql}\n{plan}");
    }
}
