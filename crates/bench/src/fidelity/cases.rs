//! Which loads are run, and what must come out.

use crate::chance::Chance;

/// What is asked of a case's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// All CPU time.
    Cpu,
    /// All CPU time, or less and a flag that says so.
    CpuOrBound,
    /// The peak of anonymous memory; of one process it must be exact.
    Ramp {
        /// How many at once.
        processes: u64,
    },
    /// CPU time and what was written.
    Written,
}

/// One load, run as one task.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// How lines call it; cases of the same label are repetitions.
    pub(crate) label: String,
    /// The task's name, the same for all repetitions.
    pub(crate) task: &'static str,
    /// What comes after `bench load --truth NAME`.
    pub(crate) load: Vec<String>,
    pub(crate) expect: Expect,
}

/// Cases that go through Podometer in one invocation.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) name: &'static str,
    pub(crate) cases: Vec<Case>,
    /// How many orders they are spread over.
    pub(crate) orders: usize,
    /// How many of these run at a time.
    pub(crate) parallel: usize,
    /// Print a line for each, or one for all of a label.
    pub(crate) each: bool,
}

fn case(label: &str, task: &'static str, load: &[&str], expect: Expect) -> Case {
    Case {
        label: label.to_owned(),
        task,
        load: load.iter().map(|word| (*word).to_owned()).collect(),
        expect,
    }
}

/// All batches: alone what is about CPU time, side by side what is about memory, which neighbours
/// don't change.
pub(crate) fn batches(short: bool, seed: u64) -> Vec<Batch> {
    let mut chance = Chance::new(seed);
    let (one, three) = if short { (8, 4) } else { (50, 50) };
    let mut ramps = ramps(one, 1, short, &mut chance);
    ramps.extend(self::ramps(three, 3, short, &mut chance));
    // Few enough that each is over within half a second.
    let side_by_side = 5;
    let tiny = case("10 ms", "tiny", &["busy", "10", "1"], Expect::Cpu);
    vec![
        Batch {
            name: "cpu",
            cases: cpu(),
            orders: 1,
            parallel: 1,
            each: true,
        },
        Batch {
            name: "tiny",
            cases: vec![tiny; if short { 100 } else { 1000 }],
            orders: if short { 2 } else { 10 },
            parallel: 1,
            each: false,
        },
        Batch {
            name: "ramp",
            cases: ramps,
            orders: side_by_side,
            parallel: side_by_side,
            each: true,
        },
    ]
}

fn cpu() -> Vec<Case> {
    vec![
        case("busy 2 s", "busy", &["busy", "2000", "1"], Expect::Cpu),
        case(
            "busy 2 s x 2 threads",
            "threads",
            &["busy", "2000", "2"],
            Expect::Cpu,
        ),
        case(
            "200 children",
            "children",
            &["children", "200", "5"],
            Expect::Cpu,
        ),
        case("detached 1 s", "detached", &["detach", "1000"], Expect::Cpu),
        case(
            "ignored SIGCHLD",
            "deaf",
            &["deaf", "20", "50"],
            Expect::CpuOrBound,
        ),
        case(
            "write 200 MiB, fsync",
            "write",
            &["write", "200"],
            Expect::Written,
        ),
    ]
}

/// 300 MiB in one process or together, at a random moment.
fn ramps(count: usize, processes: u64, short: bool, chance: &mut Chance) -> Vec<Case> {
    let latest = if short { 3000 } else { 8000 };
    let make = |_| {
        let after = chance.between(300, latest);
        let load = [
            "ramp".to_owned(),
            (300 / processes).to_string(),
            after.to_string(),
            processes.to_string(),
        ];
        Case {
            label: format!("ramp x {processes} at {after} ms"),
            task: "ramp",
            load: load.to_vec(),
            expect: Expect::Ramp { processes },
        }
    };
    (0..count).map(make).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_were_asked_for() {
        let count = |short| -> Vec<_> {
            let batches = batches(short, 1).into_iter();
            batches.map(|batch| batch.cases.len()).collect()
        };
        assert_eq!(count(false), [6, 1000, 100]);
        assert_eq!(count(true), [6, 100, 12]);
    }
}
