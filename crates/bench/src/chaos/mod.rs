//! Services, brokers and the database are killed and paused at random under load; then every sample
//! must be stored, once, and every total must be what was sent.

mod acts;
mod check;
mod order;
mod runner;

use std::{
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use bus::{Bus, Settings, TopicSettings};
use model::{OrderTopics, attempt::Token};
use store::{Location, Migrations, ServerAddress, Store};

use crate::{
    args::ChaosArgs,
    chance::Chance,
    stack::{Server, Stack, program},
};
use acts::{Act, Victim};
use order::{Load, Size};

/// What one round sends.
const SIZE: Size = Size {
    tasks: 2,
    readings: 1500,
    every: Duration::from_millis(1),
};
/// How many orders are under way at once.
const ORDERS: usize = 3;
/// Within which the blows of a round fall.
const WITHIN: Duration = Duration::from_secs(4);
/// How long a round's storing may take once everything lives again.
const PATIENCE: Duration = Duration::from_mins(3);
const SECRET: &str = "chaos";

/// All that may be hit.
pub(crate) struct Servers {
    stack: Stack,
    consumers: Vec<Server>,
    producers: Vec<Server>,
}

impl Servers {
    fn start() -> Result<Self> {
        let stack = Stack::start(3, "256m")?;
        let mut servers = Self {
            consumers: Vec::new(),
            producers: Vec::new(),
            stack,
        };
        for n in 1..=2 {
            let consumer = servers.service("monitor-consumer", n)?;
            let consumer = consumer.env("DATABASE_URL", &servers.stack.database_url);
            let producer = servers
                .service("monitor-producer", n)?
                .env("PODOMETER_SECRET", SECRET);
            servers.consumers.push(consumer);
            servers.producers.push(producer);
        }
        servers.all_live()?;
        Ok(servers)
    }

    /// A service that isn't started yet.
    fn service(&self, name: &str, number: usize) -> Result<Server> {
        let log = self.stack.folder().join(format!("{name}-{number}.log"));
        let options = self.stack.folder().join("kafka.properties");
        // As short as a broker allows, so that a pause can outlast it.
        std::fs::write(
            &options,
            "session.timeout.ms=6000\nheartbeat.interval.ms=1000\n",
        )?;
        let server = Server::new(program(name)?, Vec::new(), log);
        Ok(server
            .env("BOOTSTRAP_SERVERS", &self.stack.bootstrap_servers)
            .env("KAFKA_CONFIG", &options.display().to_string())
            .env(
                "SPOOL_DIR",
                &self
                    .stack
                    .folder()
                    .join(format!("spool-{number}"))
                    .display()
                    .to_string(),
            ))
    }

    pub(crate) fn find(&mut self, victim: Victim) -> &mut Server {
        match victim {
            Victim::Consumer(n) => &mut self.consumers[n],
            Victim::Producer(n) => &mut self.producers[n],
            Victim::Broker(n) => &mut self.stack.brokers[n],
            Victim::Database => &mut self.stack.database,
        }
    }

    /// Starts what isn't running.
    fn all_live(&mut self) -> Result<()> {
        let services = self.consumers.iter_mut().chain(&mut self.producers);
        let servers = self
            .stack
            .brokers
            .iter_mut()
            .chain([&mut self.stack.database]);
        for server in servers.chain(services) {
            server.start()?;
        }
        Ok(())
    }

    /// What everybody said last.
    fn last_words(&self) -> String {
        let services = self.consumers.iter().chain(&self.producers);
        let all = services
            .chain(&self.stack.brokers)
            .chain([&self.stack.database]);
        let said = all.map(|server| format!("== {}\n{}", server.name(), server.last_words()));
        said.collect::<Vec<_>>().join("\n")
    }
}

pub(crate) fn run(args: &ChaosArgs) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let servers = Arc::new(Mutex::new(Servers::start()?));
    println!("bench chaos: seed {}, {} rounds", args.seed, args.rounds);
    println!(
        "each round: {ORDERS} orders of {} attempts, {} readings each, 1 ms apart; 3 brokers, 2 consumers, 2 producers",
        SIZE.tasks, SIZE.readings
    );
    let world = runtime.block_on(World::open(&servers))?;
    let (mut passed, mut samples, begun) = (0, 0, Instant::now());
    for round in 0..args.rounds {
        let mut chance = Chance::new(args.seed.wrapping_mul(1_000_003).wrapping_add(round));
        let acts: Vec<_> = (0..chance.between(1, 5))
            .map(|_| Act::draw(&mut chance, WITHIN))
            .collect();
        let start = Instant::now();
        let striking = strike(&servers, acts.clone());
        let result = runtime.block_on(world.round(round));
        let struck = striking
            .join()
            .unwrap_or_else(|_| Err(anyhow!("the striking thread panicked")));
        let took = start.elapsed().as_secs_f64();
        let what: Vec<_> = acts
            .iter()
            .map(|act| format!("{:?} {:?}", act.victim, act.how))
            .collect();
        match result.and_then(|stored| struck.map(|()| stored)) {
            Ok(stored) => {
                passed += 1;
                samples += stored;
                println!(
                    "round {round:>3}: ok, {stored} samples, {took:.1} s: {}",
                    what.join("; ")
                );
            }
            Err(error) => {
                println!(
                    "round {round:>3}: FAILED after {took:.1} s: {error:#}\n  {}",
                    what.join("; ")
                );
                let servers = servers.lock().unwrap_or_else(PoisonError::into_inner);
                println!("{}", servers.last_words());
                break;
            }
        }
    }
    println!("{samples} samples, {:.0} s", begun.elapsed().as_secs_f64());
    println!("{passed} passed, {} failed", args.rounds - passed);
    runtime.shutdown_background();
    Ok(ExitCode::from(u8::from(passed < args.rounds)))
}

/// Strikes in a thread of its own; at its end everybody lives.
fn strike(servers: &Arc<Mutex<Servers>>, mut acts: Vec<Act>) -> thread::JoinHandle<Result<()>> {
    let servers = Arc::clone(servers);
    acts.sort_by_key(|act| act.at);
    thread::spawn(move || {
        let begun = Instant::now();
        for act in acts {
            thread::sleep(act.at.saturating_sub(begun.elapsed()));
            act.strike(&mut servers.lock().unwrap_or_else(PoisonError::into_inner))?;
        }
        servers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .all_live()
    })
}

/// The way to what is stored, and to the broker.
struct World {
    bus: Bus,
    topics: OrderTopics,
    store: Store,
    tag: u32,
}

impl World {
    async fn open(servers: &Mutex<Servers>) -> Result<Self> {
        let (kafka, database) = {
            let servers = servers.lock().unwrap_or_else(PoisonError::into_inner);
            (
                servers.stack.bootstrap_servers.clone(),
                servers.stack.database_url.clone(),
            )
        };
        let bus = Bus::external(&Settings::new(&kafka)?, TopicSettings::default())?;
        let location = Location::from(database.parse::<ServerAddress>()?);
        let store = Store::open(&location, Migrations::Run).await?;
        Ok(Self {
            topics: bus.create_shared().await?,
            bus,
            store,
            tag: std::process::id(),
        })
    }

    /// One round's orders; how many samples are stored.
    async fn round(&self, round: u64) -> Result<u64> {
        let mut running = Vec::new();
        for n in 0..ORDERS {
            let load = Load::new(&format!("c{}-{round}-{n}", self.tag), SIZE)?;
            let (bus, topics) = (self.bus.clone(), self.topics.clone());
            let token = Token::derived(SECRET, load.uid);
            let sent = load.clone();
            let task = tokio::spawn(async move { sent.run(&bus, &topics, &token, PATIENCE).await });
            running.push((load, task));
        }
        let mut stored = 0;
        for (load, task) in running {
            task.await.context("an order's task")??;
            stored += self.checked(&load).await?;
        }
        Ok(stored)
    }

    /// TERMINATE may be seen a moment before the database can be asked again.
    async fn checked(&self, load: &Load) -> Result<u64> {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            match check::whole(&self.store, load).await {
                Err(error)
                    if Instant::now() < until && error.downcast_ref::<store::Error>().is_some() =>
                {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
                other => return other,
            }
        }
    }
}
