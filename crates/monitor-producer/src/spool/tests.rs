use model::{
    Attempt, Position, Sample, Timestamp, Values,
    message::{Header, Stop},
};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

fn order() -> OrderUid {
    OrderUid(uuid::Uuid::from_u128(7))
}

fn key(attempt: u32) -> AttemptKey {
    AttemptKey {
        order_uid: order(),
        position: Position(0),
        attempt: Attempt(attempt),
    }
}

fn sample(attempt: u32, seq: u64) -> Envelope {
    let reading = Reading {
        seq,
        time_us: Timestamp(seq as i64),
        ..Reading::default()
    };
    let sample = Sample {
        reading,
        values: Values::default(),
        missed_before: 0,
    };
    let task = "t".parse().unwrap();
    Envelope {
        header: Header::attempt("leaf".parse().unwrap(), key(attempt), task),
        message: Message::Sample(Box::new(sample)),
    }
}

fn stop() -> Envelope {
    let stop = Stop {
        status: model::Status::Succeeded,
        message: Some("a\nb \u{e9}".to_owned()),
        ended_at: Timestamp(1),
        attempts: Vec::new(),
        undrained: Vec::new(),
    };
    Envelope {
        header: Header::order("leaf".parse().unwrap(), order()),
        message: Message::Stop(stop),
    }
}

fn spools(folder: &TempDir, limit_bytes: u64) -> Spools {
    Spools::new(folder.path().join("spool"), limit_bytes, Gauge::default())
}

fn bytes(envelopes: &[Envelope]) -> Vec<u8> {
    let lines = envelopes.iter().map(|e| line(&e.encode().unwrap()));
    lines.collect::<Vec<_>>().concat()
}

fn keep(file: &mut SpoolFile, spools: &Spools, envelopes: &[Envelope]) -> bool {
    let lines = bytes(envelopes);
    let count = lines.len() as u64;
    if !file.reserve(spools, count) {
        return false;
    }
    file.append(lines)().unwrap();
    file.extend(count);
    true
}

fn read(file: &SpoolFile, from: u64) -> Vec<Envelope> {
    let all = file.read(from, u64::MAX).unwrap();
    all.into_iter().map(|(envelope, _)| envelope).collect()
}

#[test]
fn what_is_kept_is_read_back_also_by_a_successor() {
    let folder = tempfile::tempdir().unwrap();
    let spools = spools(&folder, 1 << 20);
    assert!(spools.left(order()).unwrap().is_none());
    let mut file = spools.create(order()).unwrap();
    let all = [sample(1, 4), sample(1, 5), sample(2, 0), stop()];
    assert!(keep(&mut file, &spools, &all[..2]));
    assert!(keep(&mut file, &spools, &all[2..]));
    assert_eq!(read(&file, 0), all);
    let (first, end) = file.read(0, 1).unwrap().remove(0);
    assert_eq!(
        (first, read(&file, end)),
        (all[0].clone(), all[1..].to_vec())
    );
    drop(file);
    let left = spools.left(order()).unwrap().unwrap();
    assert_eq!((left.messages, read(&left.file, 0)), (4, all.to_vec()));
    let last: Vec<_> = left
        .last
        .iter()
        .map(|(k, r)| (k.attempt.0, r.seq))
        .collect();
    assert_eq!(last, [(1, 5), (2, 0)]);
    left.file.remove();
    assert!(spools.left(order()).unwrap().is_none());
}

#[test]
fn the_limit_is_the_whole_services() {
    let folder = tempfile::tempdir().unwrap();
    let one = bytes(&[sample(1, 1)]).len() as u64;
    let spools = spools(&folder, 3 * one);
    let other = OrderUid(uuid::Uuid::from_u128(8));
    let mut a = spools.create(order()).unwrap();
    let mut b = spools.create(other).unwrap();
    assert!(keep(&mut a, &spools, &[sample(1, 1), sample(1, 2)]));
    assert!(!keep(&mut b, &spools, &[sample(1, 1), sample(1, 2)]));
    assert!(keep(&mut b, &spools, &[sample(1, 1)]));
    assert!(!keep(&mut b, &spools, &[sample(1, 2)]));
    a.remove();
    assert!(keep(&mut b, &spools, &[sample(1, 2)]));
}

#[test]
fn a_file_in_use_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let spools = spools(&folder, 1 << 20);
    let file = spools.create(order()).unwrap();
    let path = spools.path(order());
    let other = File::open(path).unwrap();
    assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
    drop(file);
    other.try_lock().unwrap();
}

#[test]
fn what_nobody_comes_back_for_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let spools = spools(&folder, 1 << 20);
    let other = OrderUid(uuid::Uuid::from_u128(8));
    drop((
        spools.create(order()).unwrap(),
        spools.create(other).unwrap(),
    ));
    let old = std::time::SystemTime::now() - FORGOTTEN - Duration::from_mins(1);
    let file = OpenOptions::new().write(true).open(spools.path(order()));
    file.unwrap().set_modified(old).unwrap();
    spools.tidy();
    assert!(!spools.path(order()).exists() && spools.path(other).exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Wherever a crash tears the end and whatever stands there then, whole messages stay.
    #[test]
    fn torn_tails_are_cut_off(
        count in 0u64..6,
        cut in 0.0..1.0f64,
        rubbish in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        // It would make the last line whole.
        prop_assume!(rubbish.first() != Some(&b'\n'));
        let folder = tempfile::tempdir().unwrap();
        let spools = spools(&folder, 1 << 20);
        fs::create_dir_all(folder.path().join("spool")).unwrap();
        let all: Vec<_> = (0..=count).map(|seq| sample(1, seq)).collect();
        let (whole, last) = (bytes(&all[..count as usize]), bytes(&all[count as usize..]));
        let torn = &last[..(cut * last.len() as f64) as usize];
        let text = [whole.as_slice(), torn, &rubbish].concat();
        fs::write(spools.path(order()), text).unwrap();
        let mut left = spools.left(order()).unwrap().unwrap();
        prop_assert_eq!(left.messages, count);
        prop_assert_eq!(left.file.written(), whole.len() as u64);
        prop_assert!(keep(&mut left.file, &spools, &[sample(1, 99)]));
        let mut expected = all[..count as usize].to_vec();
        expected.push(sample(1, 99));
        prop_assert_eq!(read(&left.file, 0), expected);
    }
}
