//! Processes that vanished without their numbers reaching their parent: children of one that
//! ignores SIGCHLD or sets `SA_NOCLDWAIT`. The kernel drops what they used; what was seen stays.

use crate::parse::Io;
use crate::process::Process;

/// A vanished process.
#[derive(Debug, Clone, Copy)]
struct Gone {
    pid: i32,
    ppid: i32,
    clock_nsec: u64,
    waited_ticks: u64,
    io: Option<Io>,
}

/// What a living parent says of the children that it waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parent {
    waited_ticks_rise: u64,
    ignores_sigchld: bool,
}

impl From<&Process> for Parent {
    fn from(process: &Process) -> Self {
        Self {
            waited_ticks_rise: process
                .waited_ticks()
                .saturating_sub(process.waited_ticks_before),
            ignores_sigchld: process.status.sigchld_ignored == Some(true),
        }
    }
}

/// What is known to be lost.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    /// Numbers of children may have been lost.
    pub(crate) any: bool,
    /// What was seen of vanished processes and is in nobody's numbers, nanoseconds.
    pub(crate) cpu_nsec: u64,
    pub(crate) io: Io,
    gone: Vec<Gone>,
}

impl Lost {
    /// Looks whether the process lets its children vanish.
    pub(crate) fn note(&mut self, process: &Process) {
        self.any |= process.status.sigchld_ignored == Some(true);
    }

    /// A process is gone that the caller has not reaped.
    pub(crate) fn gone(&mut self, process: &Process) {
        self.gone.push(Gone {
            pid: process.pid,
            ppid: process.stat.ppid,
            clock_nsec: process.clock_nsec,
            waited_ticks: process.waited_ticks(),
            io: process.io,
        });
    }

    /// For every living parent of vanished processes: did its waited-for time rise by as much as was
    /// seen of them? `ask` reads the parent anew, after they were found gone.
    pub(crate) fn settle(
        &mut self,
        own_pid: i32,
        tick_nsec: u64,
        mut ask: impl FnMut(i32) -> Option<Parent>,
    ) {
        let mut gone = std::mem::take(&mut self.gone);
        while let Some(first) = gone.last() {
            let parent = living_parent(&gone, first.ppid);
            let (mut seen_nsec, mut seen_io) = (0, Io::default());
            let chain = gone.clone();
            gone.retain(|one| {
                let same = living_parent(&chain, one.ppid) == parent;
                if same {
                    seen_nsec += one.clock_nsec + one.waited_ticks * tick_nsec;
                    seen_io = seen_io.plus(one.io.unwrap_or_default());
                }
                !same
            });
            if parent == own_pid {
                continue; // the caller reaped them: getrusage has them
            }
            if let Some(parent) = ask(parent) {
                self.weigh(parent, seen_nsec, seen_io, tick_nsec);
            }
        }
        gone.clear();
        self.gone = gone;
    }

    fn weigh(&mut self, parent: Parent, seen_nsec: u64, seen_io: Io, tick_nsec: u64) {
        let rise = parent.waited_ticks_rise * tick_nsec;
        // Both of the parent's counters are cut to ticks.
        let tolerance = if parent.ignores_sigchld && rise == 0 {
            0
        } else {
            2 * tick_nsec
        };
        let missing = seen_nsec.saturating_sub(rise).saturating_sub(tolerance);
        if missing > 0 {
            self.any = true;
            self.cpu_nsec += missing;
            if rise == 0 {
                self.io = self.io.plus(seen_io);
            }
        }
    }
}

/// Follows parents that vanished as well up to one that has not.
fn living_parent(gone: &[Gone], mut parent: i32) -> i32 {
    for _ in 0..gone.len() {
        match gone.iter().find(|one| one.pid == parent) {
            Some(one) => parent = one.ppid,
            None => break,
        }
    }
    parent
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: u64 = 10_000_000;

    fn gone(pid: i32, ppid: i32, clock_nsec: u64) -> Gone {
        Gone {
            pid,
            ppid,
            clock_nsec,
            waited_ticks: 0,
            io: None,
        }
    }

    fn settled(all: &[Gone], rise: Option<u64>, ignores_sigchld: bool) -> (bool, u64) {
        let mut lost = Lost {
            gone: all.to_vec(),
            ..Lost::default()
        };
        lost.settle(1, TICK, |parent| {
            assert_eq!(parent, 2, "the one that lives");
            rise.map(|waited_ticks_rise| Parent {
                waited_ticks_rise,
                ignores_sigchld,
            })
        });
        assert!(lost.gone.is_empty());
        (lost.any, lost.cpu_nsec)
    }

    #[test]
    fn a_parent_that_waited_has_it() {
        assert_eq!(
            settled(&[gone(3, 2, 50_000_000)], Some(5), false),
            (false, 0)
        );
        assert_eq!(
            settled(&[gone(3, 2, 59_000_000)], Some(5), false),
            (false, 0),
            "ticks are cut"
        );
    }

    #[test]
    fn a_parent_that_did_not_wait_has_lost_it() {
        assert_eq!(
            settled(&[gone(3, 2, 50_000_000)], Some(0), true),
            (true, 50_000_000)
        );
        assert_eq!(
            settled(&[gone(3, 2, 50_000_000)], Some(0), false),
            (true, 30_000_000)
        );
    }

    #[test]
    fn a_chain_of_vanished_ones_is_asked_of_the_one_that_lives() {
        let chain = [gone(4, 3, 300_000_000), gone(3, 2, 100_000_000)];
        assert_eq!(settled(&chain, Some(40), false), (false, 0));
        assert_eq!(settled(&chain, Some(10), false), (true, 280_000_000));
    }

    #[test]
    fn a_parent_that_cannot_be_asked_says_nothing() {
        assert_eq!(settled(&[gone(3, 2, 50_000_000)], None, false), (false, 0));
        let mut lost = Lost {
            gone: vec![gone(3, 1, 50_000_000)],
            ..Lost::default()
        };
        lost.settle(1, TICK, |_| unreachable!("the caller reaped it"));
        assert_eq!(lost.cpu_nsec, 0);
    }
}
