use model::{
    Attempt, Position as Place, Reading, Reason, Timestamp, Values,
    message::{AttemptEnd, Header},
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn uid(n: u128) -> OrderUid {
    OrderUid(Uuid::from_u128(n))
}

fn name(n: u128) -> OrderId {
    format!("order-{n}").parse().unwrap()
}

fn key(topic: &str, partition: i32) -> LogKey {
    (topic.into(), partition)
}

fn log(key: &LogKey) -> Log {
    Log {
        bus: "b".to_owned(),
        topic: key.0.to_string(),
        partition: key.1,
        generation: "g".to_owned(),
    }
}

fn header(n: u128, attempt: bool) -> Header {
    let whose = AttemptKey {
        order_uid: uid(n),
        position: Place(0),
        attempt: Attempt(1),
    };
    if attempt {
        Header::attempt(name(n), whose, "t".parse().unwrap())
    } else {
        Header::order(name(n), uid(n))
    }
}

fn sample(n: u128, seq: u64) -> Envelope {
    let sample = Sample {
        reading: Reading {
            seq,
            ..Reading::default()
        },
        values: Values::default(),
        missed_before: 0,
    };
    Envelope {
        header: header(n, true),
        message: Message::Sample(Box::new(sample)),
    }
}

fn stop(n: u128) -> Envelope {
    let attempts = vec![AttemptEnd {
        position: Place(0),
        attempt: Attempt(1),
        task: "t".parse().unwrap(),
        reason: Reason::Completed,
    }];
    let stop = Stop {
        status: Status::Succeeded,
        message: None,
        ended_at: Timestamp(1),
        attempts,
        undrained: Vec::new(),
    };
    Envelope {
        header: header(n, false),
        message: Message::Stop(stop),
    }
}

fn begun(whose: Whose, stored: Option<i64>) -> (Gather, LogKey) {
    let (mut gather, key) = (Gather::new(whose), key("shared", 3));
    gather.begin(key.clone(), log(&key), stored);
    (gather, key)
}

fn moves(gathered: &Gathered) -> Vec<(i64, i64)> {
    let advances = gathered.batch.advances.iter();
    advances.map(|a| (a.expected, a.next)).collect()
}

#[test]
fn a_stop_holds_the_offset_until_terminate_is_sent() {
    let (mut gather, key) = begun(Whose::All, Some(10));
    gather.take(&key, (10, 0), sample(1, 0), false);
    gather.take(&key, (11, 0), stop(1), false);
    gather.take(&key, (12, 0), sample(2, 0), false);
    assert!(gather.is_urgent());
    let first = gather.gathered();
    assert_eq!(moves(&first), [(10, 11)]);
    assert_eq!((first.batch.items.len(), first.stops.len()), (3, 1));
    assert_eq!(first.batch.orders.len(), 2);
    assert!(!gather.is_due() && gather.stored().is_empty());
    gather.take(&key, (13, 0), sample(2, 1), false);
    assert_eq!(
        moves(&gather.gathered()),
        [(11, 11)],
        "fenced although it can't move"
    );
    gather.release(uid(1));
    assert!(gather.is_due());
    assert_eq!(moves(&gather.gathered()), [(11, 14)]);
    assert_eq!(gather.stored(), [(uid(1), Status::Succeeded)]);
    gather.over(uid(1));
    assert!(gather.stored().is_empty());
}

#[test]
fn what_came_before_is_passed_over() {
    let (mut gather, key) = begun(Whose::All, Some(10));
    gather.take(&key, (9, 0), sample(1, 0), false);
    gather.take(&key, (12, 0), sample(1, 1), false);
    gather.take(&key, (12, 0), sample(1, 1), false);
    let strange = ("other".into(), 0);
    gather.take(&strange, (50, 0), sample(1, 2), false);
    let gathered = gather.gathered();
    assert_eq!(
        (moves(&gathered), gathered.batch.items.len()),
        (vec![(10, 13)], 1)
    );
}

#[test]
fn another_executions_messages_on_an_orders_own_topic_are_nobodys() {
    let (mut gather, key) = begun(Whose::Added, None);
    gather.add(uid(1), name(1), key.clone());
    gather.take(&key, (0, 0), sample(2, 0), false);
    gather.take(&key, (1, 0), stop(2), false);
    gather.take(&key, (2, 0), sample(1, 0), false);
    let gathered = gather.gathered();
    assert_eq!(
        (moves(&gathered), gathered.batch.items.len()),
        (vec![(0, 3)], 1)
    );
    assert!(gathered.stops.is_empty());
}

#[test]
fn a_lost_log_goes_with_all_of_its_own() {
    let mut gather = Gather::new(Whose::All);
    let logs = [key("shared", 0), key("shared", 1)];
    for (n, key) in (1..).zip(&logs) {
        gather.begin(key.clone(), log(key), None);
        gather.take(key, (0, 0), sample(n, 0), true);
        gather.take(key, (1, 0), stop(n), true);
    }
    let mut gathered = gather.gathered();
    let place = gathered
        .logs
        .iter()
        .position(|key| *key == logs[0])
        .unwrap();
    assert_eq!(gathered.without(&[place]), [logs[0].clone()]);
    assert_eq!(
        (gathered.logs.as_slice(), gathered.batch.advances.len()),
        (&logs[1..], 1)
    );
    assert_eq!(
        (gathered.batch.items.len(), gathered.of_items.len()),
        (2, 2)
    );
    let stops: Vec<_> = gathered.stops.iter().map(|(uid, _)| *uid).collect();
    assert_eq!(stops, [uid(2)]);
    gather.forget(&logs[0]);
    assert!(gather.stored().is_empty() && !gather.is_due());
}

proptest! {
    /// Whatever is stored when: each record is in exactly one batch, offsets never pass a STOP that is
    /// held, and in the end all is noted.
    #[test]
    fn every_record_once(steps in prop::collection::vec((0u8..4, 1u128..4), 1..60)) {
        let (mut gather, key) = begun(Whose::All, None);
        let (mut offset, mut items, mut at, mut taken) = (0i64, 0usize, 0i64, 0usize);
        let (mut stopped, mut held) = (Vec::new(), Vec::new());
        for (what, n) in steps {
            match what {
                0 | 1 => {
                    gather.take(&key, (offset, 0), sample(n, offset as u64), false);
                    (offset, items) = (offset + 1, items + 1);
                }
                2 if !stopped.contains(&n) => {
                    gather.take(&key, (offset, 0), stop(n), false);
                    held.push((offset, n));
                    stopped.push(n);
                    (offset, items) = (offset + 1, items + 1);
                }
                2 => {}
                _ => {
                    if let Some((_, n)) = held.pop() {
                        gather.release(uid(n));
                    }
                    let gathered = gather.gathered();
                    taken += gathered.batch.items.len();
                    for (expected, next) in moves(&gathered) {
                        prop_assert_eq!(expected, at);
                        prop_assert!(next >= at && held.iter().all(|(stop, _)| next <= *stop));
                        at = next;
                    }
                }
            }
        }
        for (_, n) in held {
            gather.release(uid(n));
        }
        let gathered = gather.gathered();
        taken += gathered.batch.items.len();
        prop_assert_eq!(taken, items);
        prop_assert_eq!(moves(&gathered).last().map_or(at, |(_, next)| *next), offset);
        prop_assert!(!gather.is_due());
        prop_assert_eq!(gather.stored().len(), stopped.len());
    }
}
