//! The one place that hears signals: the first one ends orders in good form, the second at once,
//! the third this process.

use std::{fs, time::Duration};

use anyhow::{Context, Result};
use orchestrator::Control;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    time::{Instant, timeout_at},
};

use crate::{exit::Code, output};

/// Signals that come so close together are one: `timeout` signals the process and its group, and a
/// terminal that closes sends several kinds.
const TOGETHER: Duration = Duration::from_millis(100);

/// How people want things to go on.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    control: watch::Receiver<Control>,
}

impl Wish {
    /// For an order.
    pub(crate) fn control(&self) -> watch::Receiver<Control> {
        self.control.clone()
    }

    /// Whether it is over.
    pub(crate) fn is_to_end(&self) -> bool {
        *self.control.borrow() > Control::Run
    }

    /// Waits until it is to end.
    pub(crate) async fn over(&mut self) {
        let wait = self.control.wait_for(|control| *control > Control::Run);
        if wait.await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until it is to end at once.
    pub(crate) async fn at_once(&mut self) {
        let wait = self.control.wait_for(|control| *control == Control::Hard);
        if wait.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Begins to listen; what was the default before is not done any more.
///
/// # Errors
/// If the system takes no handler.
pub(crate) fn listen() -> Result<Wish> {
    let on = |kind| signal(kind).context("no handler of signals can be set");
    let (interrupt, terminate) = (on(SignalKind::interrupt())?, on(SignalKind::terminate())?);
    // With nohup a hang-up is of no concern.
    let hangup = if is_ignored(SignalKind::hangup()) {
        None
    } else {
        Some(on(SignalKind::hangup())?)
    };
    let (sender, control) = watch::channel(Control::Run);
    tokio::spawn(hear(interrupt, terminate, hangup, sender));
    Ok(Wish { control })
}

async fn hear(
    mut interrupt: Signal,
    mut terminate: Signal,
    mut hangup: Option<Signal>,
    control: watch::Sender<Control>,
) {
    let say = |text: &str| output::note(&format!("podometer: {text}"));
    let mut any = async || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = next(&mut hangup) => {}
        }
    };
    for number in 1.. {
        any().await;
        let together = Instant::now() + TOGETHER;
        match number {
            1 => {
                say("ending in good form; once more (Ctrl-C) to end at once");
                control.send_replace(Control::Soft);
            }
            2 => {
                say("ending at once");
                control.send_replace(Control::Hard);
            }
            // Whatever runs below gets SIGTERM by this end.
            _ => std::process::exit(Code::INTERRUPTED.0.into()),
        }
        while timeout_at(together, any()).await.is_ok() {}
    }
}

async fn next(signal: &mut Option<Signal>) -> Option<()> {
    match signal {
        Some(signal) => signal.recv().await,
        None => std::future::pending().await,
    }
}

/// Whether this process was started with the signal ignored.
fn is_ignored(kind: SignalKind) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask
        .and_then(|text| u64::from_str_radix(text.trim(), 16).ok())
        .unwrap_or(0);
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_ignores_broken_pipes_and_nothing_else_of_ours() {
        assert!(is_ignored(SignalKind::pipe()));
        assert!(!is_ignored(SignalKind::child()));
    }
}
