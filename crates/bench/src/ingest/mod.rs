//! How fast samples are stored: by the real consumer from a real Kafka, beside `psql \copy` of the same
//! rows into the same table and beside one INSERT for each message.

mod consumer;
mod fill;
mod latency;
mod psql;
mod sqlite;

use std::{fs, io::Write, path::Path, process::ExitCode};

use anyhow::{Context, Result};
use bus::{Bus, Settings, TopicSettings};
use model::OrderTopics;
use store::{Location, Migrations, ServerAddress, Store};
use tokio::runtime::Runtime;

use crate::{
    args::IngestArgs,
    cost::{Aims, Unit, beside},
    stack::Stack,
};
use consumer::{Progress, Took, drain};
use fill::{Orders, VALUES};
use psql::Psql;

/// How many rows go in by one INSERT each: the rate doesn't depend on it, the patience does.
const NAIVE: u64 = 20_000;

/// The servers, and the way to them.
struct World {
    stack: Stack,
    runtime: Runtime,
    bus: Bus,
    topics: OrderTopics,
    store: Store,
    /// The consumer's database.
    psql: Psql,
    /// One with the same tables, for the others.
    twin: Psql,
}

pub(crate) fn run(args: &IngestArgs) -> Result<ExitCode> {
    let world = World::start()?;
    let mut aims = Aims::begin("ingest");
    println!(
        "{} samples of {VALUES} values in {} rounds, {} partitions, {}",
        args.samples,
        args.rounds,
        TopicSettings::default().partitions,
        world.psql.run("select 'PostgreSQL ' || current_setting('server_version') || ', TimescaleDB ' || extversion from pg_extension where extname = 'timescaledb'")?
    );
    world.beside_copy(args, &mut aims)?;
    latency::measure(&world, args, &mut aims)?;
    world.growth(args, &mut aims)?;
    sqlite::beside_inserts(
        &world.runtime,
        world.stack.folder(),
        args.samples / 10,
        &mut aims,
    )?;
    Ok(aims.close())
}

impl World {
    fn start() -> Result<Self> {
        let stack = Stack::start(1, "1g")?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let admin = Psql::new(&stack.database_url);
        let base = stack.database_url.trim_end_matches("postgres").to_owned();
        for name in ["podometer", "twin"] {
            admin.run(&format!("create database {name}"))?;
        }
        let open = |name: &str| -> Result<(Store, Psql)> {
            let url = format!("{base}{name}");
            let location = Location::from(url.parse::<ServerAddress>()?);
            let store = runtime.block_on(Store::open(&location, Migrations::Run))?;
            Ok((store, Psql::new(&url)))
        };
        let (store, psql) = open("podometer")?;
        let (other, twin) = open("twin")?;
        runtime.block_on(other.close());
        let settings = Settings::new(&stack.bootstrap_servers)?;
        let (bus, topics) = runtime.block_on(async {
            let bus = Bus::external(&settings, TopicSettings::default())?;
            let topics = bus.create_shared().await?;
            anyhow::Ok((bus, topics))
        })?;
        Ok(Self {
            stack,
            runtime,
            bus,
            topics,
            store,
            psql,
            twin,
        })
    }

    fn database_url(&self) -> String {
        self.stack
            .database_url
            .trim_end_matches("postgres")
            .to_owned()
            + "podometer"
    }

    /// Publishes samples of so many new orders and has the consumer store them.
    fn stored(&self, tag: &str, orders: usize, samples: u64) -> Result<(Orders, Took)> {
        let mut orders = Orders::new(tag, orders)?;
        self.runtime
            .block_on(orders.publish(&self.bus, &self.topics, samples))?;
        let progress = self
            .runtime
            .block_on(Progress::of(&self.bus, &self.store, &self.topics))?;
        let mut consumer = consumer::program(
            self.stack.folder(),
            &self.stack.bootstrap_servers,
            &self.database_url(),
        )?;
        let took = drain(&self.runtime, &mut consumer, &progress)?;
        Ok((orders, took))
    }

    /// Round by round: the consumer, `\copy` of what it stored, INSERTs of some of it.
    fn beside_copy(&self, args: &IngestArgs, aims: &mut Aims) -> Result<()> {
        let a_round = args.samples / args.rounds;
        let (mut ours, mut copies, mut naive, mut cpu, mut memory) =
            (Vec::new(), Vec::new(), Vec::new(), 0.0, 0);
        for round in 0..args.rounds {
            let (orders, took) = self.stored(&format!("copy{round}"), 10, a_round)?;
            let rate = took.samples as f64 / took.seconds;
            let copied = self.copied(&orders, a_round)?;
            let inserted = self.naive(&orders)?;
            println!(
                "  round {round}: consumer {rate:.0} rows/s, \\copy {copied:.0} rows/s, INSERTs {inserted:.0} rows/s"
            );
            ours.push(rate);
            copies.push(copied);
            naive.push(inserted);
            cpu += took.cpu_seconds;
            memory = memory.max(took.memory_bytes);
        }
        let middle = |mut rates: Vec<f64>| {
            rates.sort_by(f64::total_cmp);
            rates[rates.len() / 2]
        };
        let (ours, copies, naive) = (middle(ours), middle(copies), middle(naive));
        aims.at_least(
            "the consumer, values a second (median)",
            Unit::Rate,
            ours * VALUES as f64,
            1e6,
        );
        beside(
            "psql \\copy of the same rows, values a second",
            Unit::Rate,
            copies * VALUES as f64,
        );
        beside(
            "one INSERT a message, values a second",
            Unit::Rate,
            naive * VALUES as f64,
        );
        aims.at_least(
            "the consumer's rate by that of \\copy",
            Unit::Times,
            ours / copies,
            0.8,
        );
        beside(
            "the consumer's rate by that of INSERTs",
            Unit::Times,
            ours / naive,
        );
        aims.aimed(
            "the consumer's resident memory at its highest",
            Unit::Mib,
            memory as f64,
            200e6,
        );
        beside(
            "its processor time for a million samples",
            Unit::Seconds,
            cpu / args.samples as f64 * 1e6,
        );
        Ok(())
    }

    /// Has `\copy` bring the rows of orders into the other database; rows a second.
    fn copied(&self, orders: &Orders, rows: u64) -> Result<f64> {
        let file = self.stack.folder().join("rows.binary");
        self.dump(orders, &file)?;
        let copy = format!(
            "\\copy podometer.sample_wide from '{}' (format binary)",
            file.display()
        );
        Ok(rows as f64 / self.twin.timed(&copy)?.as_secs_f64())
    }

    /// Writes the rows of orders into a file, as `\copy` reads it.
    fn dump(&self, orders: &Orders, file: &Path) -> Result<()> {
        let query = format!(
            "select * from podometer.sample_wide where order_id in ({})",
            numbers(orders)
        );
        let _ = fs::remove_file(file);
        self.psql.run(&format!(
            "\\copy ({query}) to '{}' (format binary)",
            file.display()
        ))?;
        Ok(())
    }

    /// One INSERT, and so one transaction, for each of some rows; rows a second.
    fn naive(&self, orders: &Orders) -> Result<f64> {
        let columns = self.psql.run(
            "select string_agg(quote_ident(column_name), ',' order by ordinal_position) \
             from information_schema.columns where table_schema = 'podometer' and table_name = 'sample_wide'",
        )?;
        // Beside those of \copy, which has them already.
        let rows = self.psql.run(&format!(
            "select row(s.*) from (select * from podometer.sample_wide where order_id in ({}) limit {NAIVE}) s",
            numbers(orders)
        ))?;
        self.twin
            .run("create table if not exists naive (like podometer.sample_wide including all)")?;
        let path = self.stack.folder().join("naive.sql");
        let mut file = std::io::BufWriter::new(fs::File::create(&path)?);
        writeln!(file, "set search_path = podometer, public;")?;
        for row in rows.lines() {
            let values: Vec<_> = row
                .trim_matches(['(', ')'])
                .split(',')
                .map(literal)
                .collect();
            writeln!(
                file,
                "insert into public.naive ({columns}) values ({});",
                values.join(",")
            )?;
        }
        file.into_inner().context("naive.sql")?;
        let took = self.twin.file(&path)?.as_secs_f64();
        self.twin.run("truncate naive")?;
        Ok(NAIVE as f64 / took)
    }

    /// The rate with many orders at once and with much in the table; a query there.
    fn growth(&self, args: &IngestArgs, aims: &mut Aims) -> Result<()> {
        let (mut alone, mut copy_alone) = (None, None);
        for orders in [1, 10, 100, 1000] {
            let samples = args.samples / 5;
            let (stored, took) = self.stored(&format!("many{orders}"), orders, samples)?;
            let rate = took.samples as f64 / took.seconds;
            let copied = self.copied(&stored, samples)?;
            let (Some(alone), Some(copy_alone)) = (alone, copy_alone) else {
                (alone, copy_alone) = (Some(rate), Some(copied));
                beside(
                    "1 order at once, values a second",
                    Unit::Rate,
                    rate * VALUES as f64,
                );
                continue;
            };
            let what = format!("{orders} orders at once, by the rate of 1");
            aims.at_least(&what, Unit::Times, rate / alone, 0.8);
            beside(
                "  \\copy of the same rows, likewise",
                Unit::Times,
                copied / copy_alone,
            );
        }
        let held = self
            .psql
            .run("select count(*) from podometer.sample_wide")?
            .parse::<f64>()?;
        beside(
            "values in the table by now",
            Unit::Rate,
            held * VALUES as f64,
        );
        let (_, took) = self.stored("late", 1, args.samples / 5)?;
        let rate = took.samples as f64 / took.seconds;
        aims.at_least(
            "1 order there, by the rate of 1 before",
            Unit::Times,
            rate / alone.unwrap_or(rate),
            0.8,
        );
        self.last_minutes(aims)
    }

    /// The last 10 minutes of an order with a sample a second, among all the others.
    fn last_minutes(&self, aims: &mut Aims) -> Result<()> {
        let order = self.psql.run(
            "insert into podometer.orders (name, order_uid, status, created_at, launcher, definition, tasks, owner) \
             values ('slow', gen_random_uuid()::text, 'running', now(), 'local', '{}', 1, '') returning id",
        );
        let order = order.context("a slow order")?;
        self.psql.run(&format!(
            "insert into podometer.sample_wide (order_id, task_id, position, attempt, seq, time, cpu, memory, \
             cpu_lower_bound, is_final, missed_before) \
             select {order}, 1, 0, 1, n, now() - interval '2 hours' + n * interval '1 second', random(), n, \
             false, false, 0 from generate_series(0, 7200) n"
        ))?;
        self.psql.run("analyze podometer.sample_wide")?;
        let query = format!(
            "select time, value from podometer.sample where order_id = {order} and resource_id = 1 \
             and time > now() - interval '10 minutes' order by time"
        );
        let seconds = self.psql.query_seconds(&query)?;
        aims.aimed(
            "the last 10 minutes of one order (601 values)",
            Unit::Milliseconds,
            seconds,
            0.01,
        );
        Ok(())
    }
}

/// The numbers of orders, as a subquery.
fn numbers(orders: &Orders) -> String {
    let uids: Vec<_> = orders
        .all
        .iter()
        .map(|(_, uid)| format!("'{uid}'"))
        .collect();
    format!(
        "select id from podometer.orders where order_uid::text in ({})",
        uids.join(",")
    )
}

/// A field of a row's text as a literal.
fn literal(field: &str) -> String {
    match field.trim_matches('"') {
        "" => "null".to_owned(),
        text => format!("'{text}'"),
    }
}
