//! What the runner says on the bus and on its stream, with the real embedded broker.

#![allow(clippy::unwrap_used, reason = "a test that fails here says so")]

mod common;

use std::{collections::BTreeMap, path::Path, time::Duration};

use bus::{Bus, Event, Reader, Start};
use common::{run, spec, start, wait};
use model::{
    AttemptSpec, Message, OrderTopics, Reason,
    attempt::{BusAddress, Token},
    stream::{Ack, Frame, Hello},
    termination::Undelivered,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(20);

async fn bus(spec: &mut AttemptSpec) -> (Bus, Reader) {
    let bus = Bus::embedded().unwrap();
    let topics = OrderTopics::own("", &spec.order);
    bus.create_topics(&topics).await.unwrap();
    spec.bus = Some(bus.address(&topics));
    let reader = bus.reader("test").unwrap();
    reader.add(&topics.task, Start::Earliest).unwrap();
    reader.add(&topics.orchestrator, Start::Earliest).unwrap();
    (bus, reader)
}

async fn next(reader: &Reader) -> Message {
    let incoming = timeout(PATIENCE, reader.recv())
        .await
        .expect("a message")
        .unwrap();
    match incoming.event {
        Event::Message(envelope) => envelope.message,
        other => panic!("{other:?}"),
    }
}

/// All messages up to HALT and, if the task succeeds, PROGRESS.
async fn messages(reader: &Reader, progress: bool) -> Vec<Message> {
    let mut all = Vec::new();
    let has = |all: &[Message], kind| all.iter().any(|m: &Message| m.kind() == kind);
    while !(has(&all, "HALT") && (!progress || has(&all, "PROGRESS"))) {
        all.push(next(reader).await);
    }
    all
}

async fn runs(spec: AttemptSpec) -> i32 {
    tokio::task::spawn_blocking(move || run(&spec).0)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_task_says_everything_without_a_reader() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = spec(folder.path(), &["sh", "-c", "echo 42"]);
    let (_bus, reader) = bus(&mut spec).await;
    assert_eq!(runs(spec.clone()).await, 0);
    let all = messages(&reader, true).await;
    let of_task: Vec<_> = all.iter().filter(|m| m.kind() != "PROGRESS").collect();
    let kinds: Vec<_> = of_task.iter().map(|m| m.kind()).collect();
    assert_eq!(kinds, ["ORDER", "BACKLOG", "HALT"]);
    let (Message::Order(order), Message::Backlog(backlog), Message::Halt(halt)) =
        (of_task[0], of_task[1], of_task[2])
    else {
        panic!()
    };
    assert_eq!(order.baseline.seq, 0);
    assert!(order.facts.machine.cores.unwrap() > 0);
    assert_eq!(order.facts.command, spec.argv);
    let seqs: Vec<_> = backlog.readings.iter().map(|r| r.seq).collect();
    assert_eq!(seqs, (0..=halt.last_seq.unwrap()).collect::<Vec<_>>());
    assert!(backlog.readings.last().unwrap().is_final);
    assert_eq!(
        (halt.end.reason, halt.output.as_deref()),
        (Reason::Completed, Some("42"))
    );
    let progress = all.iter().find_map(|m| match m {
        Message::Progress(progress) => Some(progress),
        _ => None,
    });
    assert_eq!(progress.unwrap().output, "42");
    assert!(common::log(&spec).delivered);
}

type Conversation = (Lines<BufReader<OwnedReadHalf>>, OwnedWriteHalf);

async fn connect(address: &str, spec: &AttemptSpec, token: &str) -> Conversation {
    let (read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
    let hello = Hello {
        token: Token(token.to_owned()),
        key: spec.key,
    };
    write
        .write_all(format!("{}\n", serde_json::to_string(&hello).unwrap()).as_bytes())
        .await
        .unwrap();
    (BufReader::new(read).lines(), write)
}

async fn frame(lines: &mut Lines<BufReader<OwnedReadHalf>>) -> Option<Frame> {
    let line = timeout(PATIENCE, lines.next_line())
        .await
        .expect("a frame")
        .ok()??;
    Some(serde_json::from_str(&line).unwrap())
}

async fn reading(lines: &mut Lines<BufReader<OwnedReadHalf>>) -> u64 {
    match frame(lines).await {
        Some(Frame::Reading(reading)) => reading.seq,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_leave_at_once_and_what_is_acknowledged_is_not_told_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = spec(folder.path(), &["sleep", "3"]);
    let (_bus, reader) = bus(&mut spec).await;
    let child = start(&spec);
    let Message::Order(order) = next(&reader).await else {
        panic!()
    };
    let address = order.stream.unwrap();

    let (mut lines, _write) = connect(&address, &spec, "guess").await;
    assert_eq!(frame(&mut lines).await, Some(Frame::Refused));

    let (mut lines, mut write) = connect(&address, &spec, "secret").await;
    assert_eq!(reading(&mut lines).await, 0);
    assert_eq!(reading(&mut lines).await, 1);
    let ack = serde_json::to_string(&Ack { ack: 1 }).unwrap();
    write
        .write_all(format!("{ack}\n").as_bytes())
        .await
        .unwrap();
    assert_eq!(reading(&mut lines).await, 2);
    tokio::time::sleep(Duration::from_millis(400)).await;
    drop((lines, write));

    // The next reader is told the last acknowledged reading first, the base of its first rate.
    let (mut lines, _write) = connect(&address, &spec, "secret").await;
    assert!(matches!(frame(&mut lines).await, Some(Frame::Base(base)) if base.seq == 1));
    assert_eq!(reading(&mut lines).await, 2);
    let mut last = 2;
    while let Some(Frame::Reading(reading)) = frame(&mut lines).await {
        assert_eq!(reading.seq, last + 1);
        last = reading.seq;
    }
    tokio::task::spawn_blocking(move || wait(child))
        .await
        .unwrap();
    let all = messages(&reader, true).await;
    let backlog = all.iter().find_map(|m| match m {
        Message::Backlog(backlog) => Some(backlog),
        _ => None,
    });
    assert_eq!(backlog.unwrap().base.as_ref().map(|r| r.seq), Some(1));
    let backlog: Vec<_> = backlog.unwrap().readings.iter().map(|r| r.seq).collect();
    assert_eq!(backlog.first(), Some(&2), "0 and 1 are acknowledged");
    assert_eq!(backlog.last(), Some(&last));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_task_says_halt_and_no_progress() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = spec(folder.path(), &["sh", "-c", "exit 4"]);
    let (_bus, reader) = bus(&mut spec).await;
    assert_eq!(runs(spec).await, 4);
    let all = messages(&reader, false).await;
    assert!(all.iter().all(|m| m.kind() != "PROGRESS"));
    let Some(Message::Halt(halt)) = all.last() else {
        panic!()
    };
    assert_eq!(
        (halt.end.exit_code, halt.end.reason),
        (Some(4), Reason::Error)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_the_task_is_neither_delayed_nor_failed() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = spec(folder.path(), &["true"]);
    spec.bus = Some(nobody(&spec));
    let log_path = spec.termination_log.clone();
    let running = tokio::spawn(runs(spec.clone()));
    let ended = timeout(Duration::from_secs(8), ended(&log_path)).await;
    assert!(ended.is_ok(), "the termination log has the end at once");
    assert_eq!(running.await.unwrap(), 0);
    assert!(!common::log(&spec).delivered);
    let text = std::fs::read_to_string(spec.undelivered.unwrap()).unwrap();
    let kept = Undelivered::parse(&text, spec.key, &OrderTopics::own("", &spec.order)).unwrap();
    let kinds: Vec<_> = kept.iter().map(|(_, e)| e.message.kind()).collect();
    assert_eq!(kinds, ["ORDER", "PROGRESS", "BACKLOG", "HALT"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_delivered_is_kept_before_the_runner_can_be_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = spec(folder.path(), &["true"]);
    spec.bus = Some(nobody(&spec));
    let mut child = start(&spec);
    let file = spec.undelivered.clone().unwrap();
    common::soon("the file", || file.exists());
    assert!(child.try_wait().unwrap().is_none(), "it still tries");
    child.kill().unwrap();
    child.wait().unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    let topics = OrderTopics::own("", &spec.order);
    let kept = Undelivered::parse(&text, spec.key, &topics).unwrap();
    assert_eq!(kept.last().unwrap().1.message.kind(), "HALT");
    assert!(common::log(&spec).end.is_some());
}

/// An address where nobody listens.
fn nobody(spec: &AttemptSpec) -> BusAddress {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    BusAddress {
        bootstrap_servers: free.local_addr().unwrap().to_string(),
        options: BTreeMap::new(),
        topics: OrderTopics::own("", &spec.order),
        partitions: BTreeMap::new(),
    }
}

async fn ended(log: &Path) {
    loop {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let log: Option<model::TerminationLog> = serde_json::from_str(&text).ok();
        if log.is_some_and(|log| log.end.is_some()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
