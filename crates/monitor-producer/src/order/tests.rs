//! An order with a runner that speaks the real stream, on a broker that is there or isn't.

use std::collections::BTreeMap;

use bus::{Bus, Event, Reader, Settings, Start, TopicSettings};
use metrics::Gauge;
use model::{
    Attempt, OrderTopics, OrderUid, Position, Reason, Resources, Run, Sample, Status, Timestamp,
    Totals,
    attempt::{Launcher, Token},
    facts::MachineFacts,
    message::{AttemptEnd, Backlog, Sender, Terminate},
    run::{RunEnd, RunFacts},
    stream::{Ack as Acknowledged, Frame},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    task::JoinHandle,
    time::timeout,
};

use super::*;

const LIMIT: Duration = Duration::from_secs(30);

fn handle() -> OrderHandle {
    let order = "leaf".parse().unwrap();
    OrderHandle {
        topics: OrderTopics::own("", &order),
        order,
        order_uid: OrderUid(uuid::Uuid::from_u128(7)),
        token: Token("secret".to_owned()),
    }
}

fn key() -> AttemptKey {
    AttemptKey {
        order_uid: handle().order_uid,
        position: Position(0),
        attempt: Attempt(1),
    }
}

fn task() -> TaskName {
    "t".parse().unwrap()
}

fn reading(seq: u64) -> Reading {
    Reading {
        seq,
        time_us: Timestamp(seq as i64 * 1000),
        ..Reading::default()
    }
}

fn of_attempt(message: Message) -> Inbound {
    (Some((key(), task())), message)
}

fn order(stream: String) -> Inbound {
    let facts = RunFacts {
        task: task(),
        image: None,
        image_digest: None,
        command: Vec::new(),
        resources: Resources::default(),
        launcher: Launcher::Local,
        source: "process_tree".to_owned(),
        period_seconds: 1.0,
        machine: MachineFacts::default(),
        input: None,
    };
    of_attempt(Message::Order(Box::new(Started {
        stream: Some(stream),
        started_at: Timestamp(0),
        baseline: reading(0),
        facts,
    })))
}

/// The last words of a runner, and STOP.
fn ends(base: u64, backlog: std::ops::RangeInclusive<u64>) -> [Inbound; 3] {
    let last = *backlog.end();
    let reason = Reason::Completed;
    let end = RunEnd {
        ended_at: Timestamp(9),
        exit_code: Some(0),
        signal: None,
        reason,
        message: None,
        censored: false,
    };
    let backlog = Backlog {
        base: Some(Box::new(reading(base))),
        readings: backlog.map(reading).collect(),
    };
    let halt = Halt {
        from: Sender::Runner,
        task: task(),
        started_at: None,
        end,
        totals: Totals::default(),
        last_seq: Some(last),
        thinned: 0,
        output: None,
    };
    let attempts = vec![AttemptEnd {
        position: Position(0),
        attempt: Attempt(1),
        task: task(),
        reason,
    }];
    let stop = Stop {
        status: Status::Succeeded,
        message: None,
        ended_at: Timestamp(9),
        attempts,
        undrained: Vec::new(),
    };
    [
        of_attempt(Message::Backlog(backlog)),
        of_attempt(Message::Halt(Box::new(halt))),
        (None, Message::Stop(stop)),
    ]
}

/// A runner's port. Each reader is told what is set, from the acknowledged reading on.
struct Runner {
    address: String,
    taken: watch::Sender<u64>,
    acknowledged: watch::Receiver<Option<u64>>,
    task: JoinHandle<()>,
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Runner {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (taken, readings) = watch::channel(0);
        let (told, acknowledged) = watch::channel(None);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                serve_reader(stream, readings.clone(), told.clone()).await;
            }
        });
        Self {
            address,
            taken,
            acknowledged,
            task,
        }
    }

    async fn acknowledged(&self, wanted: u64) {
        let mut acknowledged = self.acknowledged.clone();
        let waited = acknowledged.wait_for(|ack| *ack >= Some(wanted));
        timeout(LIMIT, waited)
            .await
            .expect("an acknowledgement")
            .unwrap();
    }
}

async fn serve_reader(
    stream: tokio::net::TcpStream,
    mut taken: watch::Receiver<u64>,
    acknowledged: watch::Sender<Option<u64>>,
) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    if !matches!(lines.next_line().await, Ok(Some(_))) {
        return;
    }
    let base = *acknowledged.borrow();
    let hear = async {
        while let Ok(Some(line)) = lines.next_line().await {
            let ack: Acknowledged = serde_json::from_str(&line).unwrap();
            acknowledged.send_replace(Some(ack.ack));
        }
    };
    let tell = async {
        let mut frames: Vec<_> = base
            .map(|seq| Frame::Base(reading(seq)))
            .into_iter()
            .collect();
        let mut next = base.map_or(0, |seq| seq + 1);
        loop {
            let last = *taken.borrow_and_update();
            frames.extend((next..=last).map(|seq| Frame::Reading(reading(seq))));
            next = next.max(last + 1);
            for frame in frames.drain(..) {
                let line = format!("{}\n", serde_json::to_string(&frame).unwrap());
                if write.write_all(line.as_bytes()).await.is_err() {
                    return;
                }
            }
            if taken.changed().await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = hear => {}
        () = tell => {}
    }
}

struct Producer {
    inbox: mpsc::Sender<Inbound>,
    task: JoinHandle<bool>,
}

impl Producer {
    fn start(bus: &Bus, spools: Option<Spools>) -> Self {
        let (inbox, received) = mpsc::channel(16);
        let publisher = Arc::new(bus.publisher().unwrap());
        let task = tokio::spawn(serve(
            handle(),
            publisher,
            spools,
            Metrics::default(),
            received,
        ));
        Self { inbox, task }
    }

    async fn hears(&self, message: Inbound) {
        self.inbox.send(message).await.unwrap();
    }

    /// No good-byes.
    async fn killed(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// Its order is stored.
    async fn ends(self) {
        let terminate = Message::Terminate(Terminate { samples: 0 });
        self.hears((None, terminate)).await;
        let is_over = timeout(LIMIT, self.task).await.unwrap().unwrap();
        assert!(is_over);
    }
}

async fn embedded() -> (Bus, Reader) {
    let bus = Bus::embedded().unwrap();
    bus.create_topics(&handle().topics).await.unwrap();
    let reader = bus.reader("test").unwrap();
    reader
        .add(&handle().topics.resource, Start::Earliest)
        .unwrap();
    (bus, reader)
}

/// A Kafka that nobody has started.
fn nobody() -> Bus {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    Bus::external(&Settings::new(&address).unwrap(), TopicSettings::default()).unwrap()
}

/// All samples up to STOP by their number, the first of each, and the last RUN.
async fn published(reader: &Reader) -> (BTreeMap<u64, Sample>, Run) {
    let (mut samples, mut run) = (BTreeMap::new(), None);
    loop {
        let incoming = timeout(LIMIT, reader.recv())
            .await
            .expect("a message")
            .unwrap();
        let Event::Message(envelope) = incoming.event else {
            panic!("{incoming:?}");
        };
        match envelope.message {
            Message::Sample(sample) => {
                samples.entry(sample.reading.seq).or_insert(*sample);
            }
            Message::Run(new) => run = Some(*new),
            Message::Stop(stop) => {
                assert_eq!(stop.undrained, []);
                return (samples, run.unwrap());
            }
            other => panic!("{other:?}"),
        }
    }
}

fn complete(samples: &BTreeMap<u64, Sample>, last: u64) {
    let seqs: Vec<_> = samples.keys().copied().collect();
    assert_eq!(seqs, (0..=last).collect::<Vec<_>>());
    assert!(samples.values().all(|sample| sample.missed_before == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_started_anew_goes_on_where_the_other_ended() {
    let (bus, reader) = embedded().await;
    let runner = Runner::start().await;
    let first = Producer::start(&bus, None);
    first.hears(order(runner.address.clone())).await;
    runner.taken.send_replace(56);
    runner.acknowledged(56).await;
    first.killed().await;
    runner.taken.send_replace(60);
    let second = Producer::start(&bus, None);
    second.hears(order(runner.address.clone())).await;
    runner.acknowledged(60).await;
    for message in ends(60, 61..=61) {
        second.hears(message).await;
    }
    let (samples, run) = published(&reader).await;
    complete(&samples, 61);
    assert_eq!(run.quality.missed_samples, 0);
    second.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_comes_after_the_runner_claims_nothing_as_missed() {
    let (bus, reader) = embedded().await;
    let runner = Runner::start().await;
    let first = Producer::start(&bus, None);
    first.hears(order(runner.address.clone())).await;
    runner.taken.send_replace(9);
    runner.acknowledged(9).await;
    first.killed().await;
    let second = Producer::start(&bus, None);
    let gone = runner.address.clone();
    drop(runner);
    second.hears(order(gone)).await;
    for message in ends(9, 10..=12) {
        second.hears(message).await;
    }
    let (samples, run) = published(&reader).await;
    complete(&samples, 12);
    assert_eq!(run.quality.missed_samples, 0);
    second.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kafka_does_not_take_is_safe_on_disk_and_sent_by_a_successor() {
    let folder = tempfile::tempdir().unwrap();
    let spools = Spools::new(folder.path().join("spool"), 1 << 20, Gauge::default());
    let file = spools.path(handle().order_uid);
    let runner = Runner::start().await;
    let away = nobody();
    let first = Producer::start(&away, Some(spools.clone()));
    first.hears(order(runner.address.clone())).await;
    runner.taken.send_replace(30);
    runner.acknowledged(30).await;
    runner.taken.send_replace(40);
    runner.acknowledged(40).await;
    first.killed().await;
    assert!(file.exists());

    let (bus, reader) = embedded().await;
    let second = Producer::start(&bus, Some(spools));
    second.hears(order(runner.address.clone())).await;
    runner.taken.send_replace(50);
    runner.acknowledged(50).await;
    let until = Instant::now() + LIMIT;
    while file.exists() {
        assert!(Instant::now() < until, "all of it is delivered");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for message in ends(50, 51..=51) {
        second.hears(message).await;
    }
    let (samples, run) = published(&reader).await;
    complete(&samples, 51);
    assert_eq!(run.quality.missed_samples, 0);
    second.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn past_the_limit_nothing_is_acknowledged() {
    const LIMIT_BYTES: u64 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let spools = Spools::new(folder.path().join("spool"), LIMIT_BYTES, Gauge::default());
    let runner = Runner::start().await;
    let away = nobody();
    let first = Producer::start(&away, Some(spools.clone()));
    first.hears(order(runner.address.clone())).await;
    // One at a time, until no more is taken.
    let mut last = 0;
    let refused = loop {
        runner.taken.send_replace(last + 1);
        if timeout(Duration::from_secs(4), runner.acknowledged(last + 1))
            .await
            .is_err()
        {
            break last + 1;
        }
        last += 1;
    };
    first.killed().await;
    let file = spools.path(handle().order_uid);
    assert!(std::fs::metadata(&file).unwrap().len() <= LIMIT_BYTES);
    assert!(last > 10, "{last}");

    let (bus, reader) = embedded().await;
    let second = Producer::start(&bus, Some(spools));
    second.hears(order(runner.address.clone())).await;
    runner.acknowledged(refused).await;
    for message in ends(refused, refused + 1..=refused + 1) {
        second.hears(message).await;
    }
    let (samples, _) = published(&reader).await;
    complete(&samples, refused + 1);
    second.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_of_an_order_that_is_over_vanishes() {
    let folder = tempfile::tempdir().unwrap();
    let spools = Spools::new(folder.path().join("spool"), 1 << 20, Gauge::default());
    let runner = Runner::start().await;
    let away = nobody();
    let producer = Producer::start(&away, Some(spools.clone()));
    producer.hears(order(runner.address.clone())).await;
    runner.acknowledged(0).await;
    assert!(spools.path(handle().order_uid).exists());
    producer.ends().await;
    assert!(!spools.path(handle().order_uid).exists());
}
