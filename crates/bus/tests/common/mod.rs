//! What the behaviour tests share: messages, and waits that end.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a module of tests, of which each uses its part"
)]

use std::{future::Future, time::Duration};

use bus::{Bus, Event, Incoming, Reader};
use model::{
    Attempt, AttemptKey, Envelope, MachineFacts, Message, OrderTopics, OrderUid, Position, Reading,
    Reason, Resource, Resources, Run, Sample, Status, Timestamp, Totals, Values,
    attempt::Launcher,
    message::{AttemptEnd, Backlog, Halt, Header, Progress, Sender, Started, Stop, Terminate},
    run::{Quality, RunEnd, RunFacts},
};
use uuid::Uuid;

/// No wait of a test is longer.
pub const LONG: Duration = Duration::from_mins(1);

pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future)
        .await
        .unwrap_or_else(|_| panic!("{what} took longer than {LONG:?}"))
}

pub async fn recv(reader: &Reader) -> Incoming {
    soon("recv", reader.recv()).await.unwrap()
}

pub async fn message(reader: &Reader) -> Envelope {
    match recv(reader).await.event {
        Event::Message(envelope) => envelope,
        other => panic!("no message: {other:?}"),
    }
}

/// A bus with one order's topics.
pub async fn embedded(order: &str) -> (Bus, OrderTopics) {
    let bus = Bus::embedded().unwrap();
    let topics = OrderTopics::own("", &order.parse().unwrap());
    soon("create_topics", bus.create_topics(&topics))
        .await
        .unwrap();
    (bus, topics)
}

pub fn header() -> Header {
    let key = AttemptKey {
        order_uid: OrderUid(Uuid::from_u128(7)),
        position: Position(3),
        attempt: Attempt(2),
    };
    Header::attempt("leaf-1".parse().unwrap(), key, "resize".parse().unwrap())
}

pub fn of_order(message: Message) -> Envelope {
    Envelope {
        header: Header::order("leaf-1".parse().unwrap(), OrderUid(Uuid::from_u128(7))),
        message,
    }
}

pub fn of_attempt(message: Message) -> Envelope {
    Envelope {
        header: header(),
        message,
    }
}

pub fn reading(seq: u64) -> Reading {
    Reading {
        seq,
        time_us: Timestamp(1_700_000_000_000_000 + seq as i64),
        step_us: 1000,
        ..Reading::default()
    }
}

pub fn sample(seq: u64) -> Envelope {
    let mut values = Values::default();
    values.set(Resource::Cpu, Some(0.25));
    of_attempt(Message::Sample(Box::new(Sample {
        reading: reading(seq),
        values,
        missed_before: 0,
    })))
}

pub fn progress(output: &str) -> Envelope {
    of_attempt(Message::Progress(Progress {
        output: output.to_owned(),
        ended_at: Timestamp(9),
    }))
}

pub fn backlog(first: u64, count: u64) -> Envelope {
    of_attempt(Message::Backlog(Backlog {
        base: None,
        readings: (first..first + count).map(reading).collect(),
    }))
}

fn facts() -> RunFacts {
    RunFacts {
        task: "resize".parse().unwrap(),
        image: None,
        image_digest: None,
        command: vec!["resize".to_owned(), "--half".to_owned()],
        resources: Resources::default(),
        launcher: Launcher::Local,
        source: "process_tree".to_owned(),
        period_seconds: 1.0,
        machine: MachineFacts::default(),
        input: None,
    }
}

pub fn end() -> RunEnd {
    RunEnd {
        ended_at: Timestamp(10),
        exit_code: Some(0),
        signal: None,
        reason: Reason::Completed,
        message: None,
        censored: false,
    }
}

pub fn order() -> Envelope {
    of_attempt(Message::Order(Box::new(Started {
        stream: Some("127.0.0.1:4000".to_owned()),
        started_at: Timestamp(8),
        baseline: reading(0),
        facts: facts(),
    })))
}

pub fn halt(last_seq: u64) -> Envelope {
    of_attempt(Message::Halt(Box::new(Halt {
        from: Sender::Runner,
        task: "resize".parse().unwrap(),
        started_at: Some(Timestamp(8)),
        end: end(),
        totals: Totals::default(),
        last_seq: Some(last_seq),
        thinned: 0,
        output: None,
    })))
}

/// One message of every kind.
pub fn every_kind() -> Vec<Envelope> {
    let run = Run {
        facts: Some(facts()),
        started_at: Some(Timestamp(8)),
        end: Some(end()),
        totals: Totals::default(),
        quality: Quality::default(),
        output: Some("out".to_owned()),
    };
    let stop = Stop {
        status: Status::Succeeded,
        message: None,
        ended_at: Timestamp(11),
        attempts: vec![AttemptEnd {
            position: Position(3),
            attempt: Attempt(2),
            task: "resize".parse().unwrap(),
            reason: Reason::Completed,
        }],
        undrained: Vec::new(),
    };
    vec![
        order(),
        progress("ünï:\ncode"),
        backlog(1, 9),
        halt(9),
        sample(4),
        of_attempt(Message::Run(Box::new(run))),
        of_order(Message::Stop(stop)),
        of_order(Message::Terminate(Terminate { samples: 10 })),
    ]
}

/// A message as another order would send it.
pub fn of_uid(uid: u128, mut envelope: Envelope) -> Envelope {
    envelope.header.order_uid = OrderUid(Uuid::from_u128(uid));
    envelope
}
