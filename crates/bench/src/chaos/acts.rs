//! What is done to whom, and when.

use std::{thread, time::Duration};

use anyhow::Result;
use nix::sys::signal::Signal;

use super::Servers;
use crate::chance::Chance;

/// Who is hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    Consumer(usize),
    Producer(usize),
    Broker(usize),
    Database,
}

/// What happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// `kill -9`; it is started again after this time.
    Killed(Duration),
    /// SIGSTOP; it goes on after this time. Longer than a session: its partitions are another's then.
    Paused(Duration),
}

/// One blow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Act {
    /// After the round's beginning.
    pub(crate) at: Duration,
    pub(crate) victim: Victim,
    pub(crate) how: How,
}

impl Act {
    /// Draws one within so much time.
    pub(crate) fn draw(chance: &mut Chance, within: Duration) -> Self {
        let victim = match chance.between(0, 8) {
            0..=2 => Victim::Consumer(chance.between(0, 2) as usize),
            3 | 4 => Victim::Producer(chance.between(0, 2) as usize),
            5 | 6 => Victim::Broker(chance.between(0, 3) as usize),
            _ => Victim::Database,
        };
        let how = if chance.between(0, 3) > 0 {
            How::Killed(Duration::from_millis(chance.between(0, 2000)))
        } else {
            How::Paused(Duration::from_millis(chance.between(100, 9000)))
        };
        Self {
            at: Duration::from_millis(chance.between(0, within.as_millis() as u64)),
            victim,
            how,
        }
    }

    /// Does it; returns when the victim lives again.
    pub(crate) fn strike(self, servers: &mut Servers) -> Result<()> {
        let server = servers.find(self.victim);
        match self.how {
            How::Killed(pause) => {
                server.kill();
                thread::sleep(pause);
                server.start()
            }
            How::Paused(pause) => {
                server.signal_tree(Signal::SIGSTOP);
                thread::sleep(pause);
                server.signal_tree(Signal::SIGCONT);
                Ok(())
            }
        }
    }
}
