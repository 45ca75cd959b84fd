//! The end of an attempt: what is said of it, and where.

use std::time::{Duration, Instant};

use model::{
    Reading, Timestamp, Totals,
    message::{Halt, Progress, Sender},
    run::RunEnd,
};
use tokio::{sync::oneshot, time::timeout};

use super::Attempt;
use crate::{
    outcome::{Ended, Intervention},
    report::{End, Reporter},
    setup::Asked,
};

/// How long the broker is tried after the command's end (DESIGN.md section 6).
const PATIENCE: Duration = Duration::from_secs(10);
/// The same when whoever launched the runner is gone, most likely together with its broker.
const PATIENCE_INTERRUPTED: Duration = Duration::from_millis(500);
/// How much longer it may take to write down what is not delivered.
const WRITING: Duration = Duration::from_secs(2);

impl Attempt {
    /// Writes and reports how it ended, and waits until that is delivered or hopeless.
    pub(super) async fn finish(
        &mut self,
        reporter: Reporter,
        started_at: Timestamp,
        ended_at: Instant,
        ended: &Ended,
        totals: Totals,
        (output, cut): (String, bool),
    ) {
        let end = RunEnd {
            ended_at: self.clock.at(ended_at),
            exit_code: ended.exit_code(),
            signal: ended.signal(),
            reason: ended.reason(self.intervention, totals.oom_kills),
            message: ended.message().or_else(|| {
                cut.then(|| "the output was longer than 64 KiB and was cut".to_owned())
            }),
            censored: false,
        };
        let mut log = self.log(started_at, None, Some(end.clone()));
        log.totals = totals.clone();
        log.output = Some(output.clone()).filter(|o| !o.is_empty());
        self.log_file.write(&log);
        let (delivered, confirmed) = oneshot::channel();
        let orphaned = self.intervention == Intervention::Interrupted || self.signals.orphaned;
        let patience = if orphaned {
            PATIENCE_INTERRUPTED
        } else {
            PATIENCE
        };
        let (base, backlog) = self.backlog();
        reporter.end(End {
            progress: end.reason.is_success().then(|| Progress {
                output: output.clone(),
                ended_at: end.ended_at,
            }),
            base,
            backlog,
            halt: self.halt(started_at, end, totals, output),
            patience,
            delivered,
        });
        // The stream goes on being served meanwhile.
        let confirmed = timeout(patience + WRITING, self.confirmed_or_orphaned(confirmed));
        if confirmed.await == Ok(true) {
            log.delivered = true;
            self.log_file.write(&log);
        }
    }

    /// Waits for the broker's word, for not much longer once the launcher is gone.
    async fn confirmed_or_orphaned(&mut self, mut confirmed: oneshot::Receiver<bool>) -> bool {
        loop {
            tokio::select! {
                word = &mut confirmed => return word.unwrap_or(false),
                asked = self.signals.next() => if asked == Asked::Orphaned {
                    let word = timeout(PATIENCE_INTERRUPTED, confirmed).await;
                    return matches!(word, Ok(Ok(true)));
                },
            }
        }
    }

    /// Ends the stream and takes what nobody has acknowledged, with the reading right before it.
    fn backlog(&mut self) -> (Option<Box<Reading>>, Vec<Reading>) {
        let mut retained = self.shared.retained.borrow_mut();
        retained.end();
        self.shared.changed.notify_one();
        (
            retained.base().map(Box::new),
            retained.after(None).copied().collect(),
        )
    }

    fn halt(&self, started_at: Timestamp, end: RunEnd, totals: Totals, output: String) -> Halt {
        Halt {
            from: Sender::Runner,
            task: self.spec.task.clone(),
            started_at: Some(started_at),
            end,
            totals,
            last_seq: Some(self.last.seq),
            thinned: self.shared.retained.borrow().thinned(),
            output: Some(output).filter(|o| !o.is_empty()),
        }
    }
}
