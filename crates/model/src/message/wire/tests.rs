//! The wire forms, whole and broken.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::{
    Reading, Reason, Run, Sample, Status, Timestamp, Totals, Values,
    attempt::Launcher,
    message::{AttemptEnd, Backlog, Halt, Progress, Sender, Started, Stop, Terminate},
    reading::Counters,
    run::{Quality, RunEnd, RunFacts},
};

fn key() -> AttemptKey {
    AttemptKey {
        order_uid: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
        position: Position(1),
        attempt: Attempt(2),
    }
}

fn facts() -> RunFacts {
    RunFacts {
        task: "segment".parse().unwrap(),
        image: None,
        image_digest: None,
        command: vec!["t".to_owned(), "segment".to_owned()],
        resources: serde_json::from_str(r#"{"requests": {"cpu": "500m"}}"#).unwrap(),
        launcher: Launcher::Local,
        source: "cgroup_v1".to_owned(),
        period_seconds: 1.0,
        machine: crate::MachineFacts {
            cores: Some(2),
            ..Default::default()
        },
        input: None,
    }
}

fn reading() -> Reading {
    Reading {
        seq: 4,
        time_us: Timestamp(1_700_000_000_000_000),
        step_us: 10,
        counters: Counters {
            cpu_usage_nsec: Some(5),
            ..Counters::default()
        },
        ..Reading::default()
    }
}

fn end() -> RunEnd {
    RunEnd {
        ended_at: Timestamp(1_700_000_001_000_000),
        exit_code: None,
        signal: Some(9),
        reason: Reason::OomKilled,
        message: None,
        censored: true,
    }
}

fn messages() -> Vec<Message> {
    let totals = Totals {
        cpu_seconds: Some(0.1),
        ..Totals::default()
    };
    let mut values = Values::default();
    values.set(crate::Resource::Cpu, Some(0.1 + 0.2));
    vec![
        Message::Order(Box::new(Started {
            stream: Some("127.0.0.1:4000".to_owned()),
            started_at: Timestamp(1),
            baseline: Reading::default(),
            facts: facts(),
        })),
        Message::Progress(Progress {
            output: "é\n".to_owned(),
            ended_at: Timestamp(2),
        }),
        Message::Backlog(Backlog {
            base: Some(Box::new(reading())),
            readings: vec![reading()],
        }),
        Message::Halt(Box::new(Halt {
            from: Sender::Orchestrator,
            task: "segment".parse().unwrap(),
            started_at: Some(Timestamp(1)),
            end: end(),
            totals: totals.clone(),
            last_seq: Some(4),
            thinned: 0,
            output: None,
        })),
        Message::Sample(Box::new(Sample {
            reading: reading(),
            values,
            missed_before: 0,
        })),
        Message::Run(Box::new(Run {
            facts: Some(facts()),
            started_at: Some(Timestamp(1)),
            end: Some(end()),
            totals,
            quality: Quality {
                samples: 5,
                ..Quality::default()
            },
            output: Some("o".to_owned()),
        })),
        Message::Stop(Stop {
            status: Status::Failed,
            message: Some("task 1 (segment)".to_owned()),
            ended_at: Timestamp(3),
            attempts: vec![AttemptEnd {
                position: Position(1),
                attempt: Attempt(2),
                task: "segment".parse().unwrap(),
                reason: Reason::OomKilled,
            }],
            undrained: Vec::new(),
        }),
        Message::Terminate(Terminate { samples: 5 }),
    ]
}

fn envelope(message: Message) -> Envelope {
    let order = "leaf-1".parse().unwrap();
    let header = match message {
        Message::Stop(_) | Message::Terminate(_) => Header::order(order, key().order_uid),
        _ => Header::attempt(order, key(), "segment".parse().unwrap()),
    };
    Envelope { header, message }
}

#[test]
fn every_message_reads_back() {
    let mut wire = String::new();
    for message in messages() {
        let envelope = envelope(message);
        let record = envelope.encode().unwrap();
        let text = String::from_utf8(record.value.clone()).unwrap();
        writeln!(wire, "{} {:?}\n{text}\n", record.key, record.headers).unwrap();
        let back = Envelope::decode(Some(record.key.as_bytes()), &record.value).unwrap();
        assert_eq!(back, envelope);
    }
    insta::assert_snapshot!(wire);
}

#[test]
fn broken_messages_say_what() {
    let good = envelope(messages().remove(1)).encode().unwrap();
    let good = String::from_utf8(good.value).unwrap();
    let cases: Vec<(Option<&[u8]>, String)> = vec![
        (None, good.clone()),
        (Some(b"\xff"), good.clone()),
        (Some(b""), good.clone()),
        (Some(b"progress"), good.clone()),
        (Some(b"PROGRESS"), String::new()),
        (Some(b"PROGRESS"), "HALT".to_owned()),
        (Some(b"PROGRESS"), "{}".to_owned()),
        (Some(b"PROGRESS"), good.replace("\"v\":1", "\"v\":2")),
        (Some(b"PROGRESS"), "{\"v\":3,\"all\":\"new\"}".to_owned()),
        (Some(b"PROGRESS"), good.replace("\"position\":1,", "")),
        (
            Some(b"PROGRESS"),
            good.replace("\"attempt\":2", "\"attempt\":-2"),
        ),
        (Some(b"PROGRESS"), good.replace("leaf-1", "Leaf 1")),
        (Some(b"PROGRESS"), good.replace("01890a5d", "x")),
        (Some(b"HALT"), good.clone()),
        (Some(b"SAMPLE"), good[..good.len() - 3].to_owned()),
    ];
    let mut said = String::new();
    for (key, value) in cases {
        let error = Envelope::decode(key, value.as_bytes()).expect_err(&value);
        writeln!(
            said,
            "{:?} {value}\n  => {error}\n",
            key.map(String::from_utf8_lossy)
        )
        .unwrap();
    }
    insta::assert_snapshot!(said);
}

proptest! {
    #[test]
    fn any_bytes_decode_or_err(key in prop::sample::select(vec![
        "ORDER", "PROGRESS", "BACKLOG", "HALT", "SAMPLE", "RUN", "STOP", "TERMINATE", "x",
    ]), value in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Envelope::decode(Some(key.as_bytes()), &value);
    }

    #[test]
    fn a_damaged_message_never_panics(which in 0usize..8, at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut record = envelope(messages().swap_remove(which)).encode().unwrap();
        let at = at.index(record.value.len());
        record.value[at] = byte;
        let _ = Envelope::decode(Some(record.key.as_bytes()), &record.value);
    }
}
