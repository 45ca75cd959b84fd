//! What the tests store.

use std::path::PathBuf;

use model::{
    Attempt, AttemptKey, InputFacts, MachineFacts, OrderId, OrderUid, Position, Reading, Reason,
    Resource, Resources, Run, Sample, TaskName, Timestamp, Totals, Values,
    attempt::{Amounts, Launcher},
    run::{Quality, RunEnd, RunFacts},
};
use store::{Advance, Batch, Ingested, Item, Location, Log, Migrations, NewOrder, Store};
use tempfile::TempDir;

use crate::server;

/// 2023-11-14T22:13:20Z.
pub(crate) const START: i64 = 1_700_000_000_000_000;
pub(crate) const TOPIC: &str = "resourceleaf-1";

/// A database of the test's own, deleted at its end.
pub(crate) struct Given {
    pub(crate) store: Store,
    pub(crate) location: Location,
    /// The file, if it is one.
    pub(crate) path: PathBuf,
    _folder: TempDir,
    database: Option<server::Database>,
}

impl Given {
    /// A file.
    pub(crate) async fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data").join("podometer.db");
        let location = Location::from(path.clone());
        Self {
            store: Store::open(&location, Migrations::Run).await.unwrap(),
            location,
            path,
            _folder: folder,
            database: None,
        }
    }

    /// A database on the server, if there is one.
    pub(crate) async fn server() -> Option<Self> {
        let database = server::Database::make().await?;
        let location = Location::from(database.address());
        Some(Self {
            store: Store::open(&location, Migrations::Run).await.unwrap(),
            location,
            path: PathBuf::new(),
            _folder: tempfile::tempdir().unwrap(),
            database: Some(database),
        })
    }

    pub(crate) fn is_server(&self) -> bool {
        matches!(self.location, Location::Server(_))
    }

    /// Another service's store on the same database.
    pub(crate) async fn another(&self) -> Store {
        Store::open(&self.location, Migrations::Run).await.unwrap()
    }

    pub(crate) async fn with_order(self) -> Self {
        self.store.register(order("leaf-1", 1)).await.unwrap();
        self
    }

    /// Rows of any query as text, a line each, columns apart by `|`, as the program `sqlite3` prints.
    pub(crate) async fn rows(&self, sql: &str) -> String {
        match &self.database {
            Some(database) => server::rows(&database.url, sql).await,
            None => rows(&self.path, sql).await,
        }
    }
}

pub(crate) async fn a_store() -> Given {
    Given::file().await
}

pub(crate) async fn a_store_with_order() -> Given {
    Given::file().await.with_order().await
}

/// Tests that say the same of a file and of a server.
macro_rules! on_both {
    ($($(#[$about:meta])* async fn $name:ident($given:ident) $body:block)*) => {$(
        $(#[$about])*
        async fn $name($given: Given) $body

        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn file() {
                super::$name(crate::given::Given::file().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn server() {
                if let Some(given) = crate::given::Given::server().await {
                    super::$name(given).await;
                }
            }
        }
    )*};
}
pub(crate) use on_both;

pub(crate) fn id(name: &str) -> OrderId {
    name.parse().unwrap()
}

pub(crate) fn task(name: &str) -> TaskName {
    name.parse().unwrap()
}

pub(crate) fn uid(n: u32) -> OrderUid {
    format!("0190e2a0-0000-7000-8000-{n:012}").parse().unwrap()
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp(START + seconds * 1_000_000)
}

pub(crate) fn key(order: u32, position: u32, attempt: u32) -> AttemptKey {
    AttemptKey {
        order_uid: uid(order),
        position: Position(position),
        attempt: Attempt(attempt),
    }
}

pub(crate) fn order(name: &str, n: u32) -> NewOrder {
    NewOrder {
        wanted: id(name),
        again: false,
        order_uid: uid(n),
        launcher: Launcher::Local,
        created_at: at(0),
        input: Some("images/leaf.jpg".to_owned()),
        definition: r#"{"id":"leaf-1","tasks":["resize",{"name":"segment"}]}"#.to_owned(),
        tasks: 2,
        owner: "1234".to_owned(),
    }
}

/// Sample `seq` of an attempt, taken `seq` seconds after the start: it uses 0.25 cores more at each,
/// and a MiB.
pub(crate) fn sample(key: AttemptKey, name: &str, seq: u64) -> Item {
    let mut values = Values::default();
    if seq > 0 {
        values.set(Resource::Cpu, Some(seq as f64 * 0.25));
    }
    values.set(Resource::Memory, Some((seq + 1) as f64 * 1_048_576.0));
    sample_of(key, name, seq, &values)
}

pub(crate) fn sample_of(key: AttemptKey, name: &str, seq: u64, values: &Values) -> Item {
    Item::Sample {
        key,
        task: task(name),
        sample: Box::new(Sample {
            reading: Reading {
                seq,
                time_us: at(seq as i64),
                is_final: seq == 4,
                ..Reading::default()
            },
            values: *values,
            missed_before: 0,
        }),
    }
}

pub(crate) fn facts(name: &str) -> RunFacts {
    RunFacts {
        task: task(name),
        image: Some("registry.example/tasks:1.4".to_owned()),
        image_digest: None,
        command: vec!["podometer".to_owned(), name.to_owned()],
        resources: Resources {
            requests: Amounts {
                cpu: Some("500m".parse().unwrap()),
                memory: Some("128Mi".parse().unwrap()),
            },
            limits: Amounts {
                cpu: None,
                memory: Some("256Mi".parse().unwrap()),
            },
        },
        launcher: Launcher::Local,
        source: "process_tree".to_owned(),
        period_seconds: 1.0,
        machine: MachineFacts {
            hostname: Some("bench".to_owned()),
            cores: Some(2),
            memory_bytes: Some(8_000_000_000),
            ..MachineFacts::default()
        },
        input: Some(InputFacts {
            bytes: Some(123_456),
            width: Some(4000),
            height: Some(3000),
            channels: Some(3),
            bit_depth: Some(8),
            format: Some("jpeg".to_owned()),
        }),
    }
}

pub(crate) fn started(name: &str) -> Run {
    Run {
        facts: Some(facts(name)),
        started_at: Some(at(0)),
        end: None,
        totals: Totals::default(),
        quality: Quality::default(),
        output: None,
    }
}

pub(crate) fn ended(reason: Reason, exit_code: Option<i32>) -> Run {
    Run {
        facts: None,
        started_at: Some(at(0)),
        end: Some(RunEnd {
            ended_at: at(4),
            exit_code,
            signal: None,
            reason,
            message: None,
            censored: false,
        }),
        totals: Totals {
            duration_seconds: Some(4.0),
            cpu_seconds: Some(2.5),
            memory_peak_bytes: Some(5_242_880),
            memory_anon_peak_bytes: Some(5_000_000),
            memory_anon_peak_exact: true,
            ..Totals::default()
        },
        quality: Quality {
            samples: 5,
            missed_samples: 0,
            largest_gap_seconds: Some(1.0),
        },
        output: Some("done".to_owned()),
    }
}

pub(crate) fn run(key: AttemptKey, name: &str, run: Run) -> Item {
    Item::Run {
        key,
        task: task(name),
        run: Box::new(run),
    }
}

/// A run with five samples, from its start to its end.
pub(crate) fn whole_run(key: AttemptKey, name: &str) -> Vec<Item> {
    let mut items = vec![run(key, name, started(name))];
    items.extend((0..5).map(|seq| sample(key, name, seq)));
    items.push(run(key, name, ended(Reason::Completed, Some(0))));
    items
}

/// The own topic of an order.
pub(crate) fn log(order: u32) -> Log {
    Log {
        bus: "embedded-1".to_owned(),
        topic: TOPIC.to_owned(),
        partition: 0,
        generation: uid(order).to_string(),
    }
}

pub(crate) fn advance(order: u32, expected: i64, next: i64) -> Advance {
    Advance {
        log: log(order),
        expected,
        next,
    }
}

pub(crate) fn batch(order: u32, from: i64, items: Vec<Item>) -> Batch {
    Batch {
        advances: vec![advance(order, from, from + items.len() as i64)],
        orders: [(uid(order), id(&format!("leaf-{order}")))].into(),
        items,
    }
}

pub(crate) async fn offset(store: &Store, order: u32) -> Option<i64> {
    store.offsets(&[log(order)]).await.unwrap()[0]
}

pub(crate) fn stored(samples: u64, duplicates: u64) -> Ingested {
    Ingested::Stored {
        samples,
        duplicates,
        refused: vec![],
    }
}

/// Stores the items where the offset stands; how many samples were new.
pub(crate) async fn ingest(store: &Store, order: u32, items: Vec<Item>) -> u64 {
    let from = offset(store, order).await.unwrap_or(0);
    match store.ingest(&batch(order, from, items)).await.unwrap() {
        Ingested::Stored {
            samples, refused, ..
        } => {
            assert_eq!(refused, []);
            samples
        }
        Ingested::Fenced { logs } => panic!("fenced: {logs:?}"),
    }
}

/// Instants in text, as a person reads them: in one database views have them as numbers, in the
/// other as text.
pub(crate) fn readable(text: &str) -> String {
    let cell = |cell: &str| match cell.parse() {
        Ok(us) if us > START - 3_600_000_000 => Timestamp(us).to_string(),
        _ => cell.to_owned(),
    };
    let line = |line: &str| line.split('|').map(cell).collect::<Vec<_>>().join("|") + "\n";
    text.lines().map(line).collect()
}

/// The same of a file.
pub(crate) async fn rows(path: &std::path::Path, sql: &str) -> String {
    use sqlx::{ConnectOptions, Row, TypeInfo, ValueRef, sqlite::SqliteConnectOptions};
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .connect()
        .await
        .unwrap();
    let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
        .fetch_all(&mut connection)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = (0..row.columns().len())
            .map(|i| {
                let value = row.try_get_raw(i).unwrap();
                let kind = value.type_info().name().to_owned();
                match kind.as_str() {
                    _ if value.is_null() => String::new(),
                    "INTEGER" | "BOOLEAN" => row.get_unchecked::<i64, _>(i).to_string(),
                    "REAL" => row.get_unchecked::<f64, _>(i).to_string(),
                    _ => row.get_unchecked::<String, _>(i),
                }
            })
            .collect();
        text.push_str(&cells.join("|"));
        text.push('\n');
    }
    text
}
