//! What each input means for an attempt.

use model::{Reason, Timestamp, Totals, run::RunEnd};

use super::{
    Action, At, ExitView, Hard, LostHalt, Note, Plan, Reminder, Stage, Try,
    close::{self, Cause},
};

impl Plan {
    /// The attempt if it exists and its end isn't known; else a note.
    fn open(&mut self, at: At, agrees: impl Fn(&RunEnd) -> bool) -> Option<&mut Try> {
        let note = match self.tries.get(&at) {
            None => Note::Unknown(at),
            Some(Try { end: None, .. }) => return self.tries.get_mut(&at),
            Some(Try { end: Some(end), .. }) if agrees(end) => Note::Late(at),
            Some(_) => Note::Contradiction(at),
        };
        self.actions.push(Action::Note(note));
        None
    }

    pub(super) fn progress(&mut self, at: At, output: String, ended_at: Timestamp) {
        let Some(attempt) = self.open(at, |end| end.reason.is_success()) else {
            return;
        };
        let known = attempt.waiting.as_ref().map(|(end, _)| end.clone());
        let end = known
            .filter(|end| end.reason.is_success())
            .unwrap_or_else(|| completed(ended_at));
        let output = Some(output);
        if !self.awaits_word(at, &end, output.as_ref()) {
            self.close(at, &end, output);
        }
    }

    fn reports_itself(&self, at: At) -> bool {
        let task = self.tasks.get(at.0.0 as usize);
        task.is_some_and(|task| task.reports_itself)
    }

    /// Whether the task's own word must come first. It was sent before all that the runner says of the end,
    /// but keyed otherwise, so on a topic of several partitions it may be read later.
    fn awaits_word(&mut self, at: At, end: &RunEnd, output: Option<&String>) -> bool {
        if !self.reports_itself(at) || !end.reason.is_success() {
            return false;
        }
        let Some(attempt) = self.tries.get_mut(&at) else {
            return false;
        };
        if attempt.end.is_some() || attempt.text_output.is_some() {
            return false;
        }
        let word = (end.clone(), output.cloned());
        if attempt.waiting.replace(word).is_none() {
            let after = self.patience.output;
            self.remind(Reminder::Output(at), after);
        }
        true
    }

    /// Whether the launcher's view must come first: something told the runner to end that isn't this
    /// plan, and the launcher may know what.
    fn awaits_cause(&mut self, at: At, end: &RunEnd, output: Option<&String>) -> bool {
        if end.reason != Reason::Terminated || self.terminate.is_some() {
            return false;
        }
        let Some(attempt) = self.tries.get_mut(&at).filter(|attempt| !attempt.exited) else {
            return false;
        };
        if attempt
            .waiting
            .replace((end.clone(), output.cloned()))
            .is_none()
        {
            let after = self.patience.linger;
            self.remind(Reminder::Output(at), after);
        }
        true
    }

    fn wait_no_more(&mut self, at: At) {
        let attempt = self.tries.get_mut(&at);
        if let Some((end, output)) = attempt.and_then(|attempt| attempt.waiting.take()) {
            self.close(at, &end, output);
        }
    }

    pub(super) fn text_output(&mut self, at: At, output: String) {
        let reports_itself = self.reports_itself(at);
        let Some(attempt) = self.open(at, |_| true) else {
            return;
        };
        if !reports_itself || attempt.text_output.is_some() {
            return self.actions.push(Action::Note(Note::Late(at)));
        }
        attempt.text_output = Some(output);
        self.wait_no_more(at);
    }

    pub(super) fn halt(&mut self, at: At, end: &RunEnd, output: Option<String>) {
        if let Some(attempt) = self.tries.get_mut(&at) {
            attempt.halted = true;
        }
        let success = end.reason.is_success();
        let waits = |attempt: &Try| {
            let end = attempt.waiting.as_ref().map(|(end, _)| end);
            end.is_some_and(|end| end.reason.is_success())
        };
        if self.tries.get(&at).is_some_and(waits) && !success {
            // It ended well by the first word, which stands.
            return self.actions.push(Action::Note(Note::Contradiction(at)));
        }
        let open = self.open(at, |known| known.reason.is_success() == success);
        if open.is_some()
            && !self.awaits_word(at, end, output.as_ref())
            && !self.awaits_cause(at, end, output.as_ref())
        {
            self.close(at, end, output);
        }
    }

    pub(super) fn exited(&mut self, at: At, exit: Box<ExitView>) {
        let cause = self.cause(at);
        let Some(attempt) = self.tries.get_mut(&at).filter(|attempt| !attempt.exited) else {
            let known = self.tries.contains_key(&at);
            let note = if known {
                Note::Late(at)
            } else {
                Note::Unknown(at)
            };
            return self.actions.push(Action::Note(note));
        };
        attempt.exited = true;
        let told = attempt
            .waiting
            .take_if(|(end, _)| !end.reason.is_success())
            .map(|(end, _)| end);
        let end = match &told {
            Some(told) => close::explained(told.clone(), &exit, cause),
            None => close::end_of(&exit, cause),
        };
        let known = attempt.end.clone();
        let halt_waits = attempt.waiting.is_some();
        let said = exit.log.as_ref().and_then(|log| log.end.as_ref());
        // What the runner's HALT says of the reason isn't all.
        let explained = known.is_none()
            && told
                .as_ref()
                .or(said)
                .is_some_and(|said| said.reason != end.reason);
        let report = explained || (!attempt.halted && !exit.delivered());
        let reported = exit.log.as_ref().is_some_and(|log| log.end.is_some());
        let mut instead = None;
        if report {
            attempt.halted = true;
            // What is known already stands; that its totals are not whole is new.
            let end = match known.clone() {
                Some(known) if !reported => RunEnd {
                    censored: true,
                    ..known
                },
                Some(known) => known,
                None => end.clone(),
            };
            let halt = lost_halt(at, end, &exit, attempt.text_output.clone());
            instead = Some(Box::new(halt));
        }
        self.actions.extend(match (exit.undelivered, instead) {
            (true, instead) => Some(Action::SendUndelivered { at, instead }),
            (false, Some(halt)) => Some(Action::SendHalt(halt)),
            (false, None) => None,
        });
        match known {
            None if halt_waits || (!report && self.awaits_word(at, &end, exit.output.as_ref())) => {
            }
            None => self.close(at, &end, exit.output),
            Some(known) if reported && known.reason.is_success() != end.reason.is_success() => {
                self.actions.push(Action::Note(Note::Contradiction(at)));
            }
            Some(_) => {}
        }
    }

    fn cause(&self, at: At) -> Cause {
        match self.tries.get(&at) {
            Some(attempt) if attempt.overdue => Cause::Deadline,
            _ if self.terminate.is_some() => Cause::Terminate,
            _ => Cause::None,
        }
    }

    pub(super) fn known(&mut self, at: At, end: &RunEnd, output: Option<String>) {
        if self.open(at, |_| true).is_some() {
            self.close(at, end, output);
        }
    }

    pub(super) fn launch_failed(
        &mut self,
        at: At,
        reason: Reason,
        message: String,
        ended_at: Timestamp,
    ) {
        let mut report = false;
        if let Some(attempt) = self.tries.get_mut(&at) {
            attempt.exited = true;
            report = !std::mem::replace(&mut attempt.halted, true);
        }
        let end = RunEnd {
            ended_at,
            exit_code: None,
            signal: None,
            reason,
            message: Some(message),
            censored: true,
        };
        let Some(_) = self.open(at, |end| !end.reason.is_success()) else {
            return;
        };
        if report {
            self.actions.push(Action::SendHalt(Box::new(LostHalt {
                at,
                started_at: None,
                end: end.clone(),
                totals: Totals::default(),
                last_seq: None,
                output: None,
            })));
        }
        self.close(at, &end, None);
    }

    pub(super) fn terminate(&mut self, hard: Hard) {
        if self.stage == Stage::Stopped && hard.0 {
            return self.done(false);
        }
        if self.stage != Stage::Running || self.terminate >= Some(hard) {
            return;
        }
        self.terminate = Some(hard);
        let alive = self.tries.iter().filter(|(_, attempt)| !attempt.exited);
        // A runner whose attempt is over only delivers what it has: let it, unless time is short.
        let signalled = alive.filter(|(_, attempt)| hard.0 || attempt.end.is_none());
        let signals = signalled.map(|(at, _)| Action::Signal {
            at: *at,
            hard: hard.0,
        });
        self.actions.extend(signals.collect::<Vec<_>>());
        if let Some(at) = self.retry_after.take() {
            self.decide_terminated(at);
        }
    }

    pub(super) fn reminded(&mut self, reminder: Reminder) {
        let kill = |at| Action::Signal { at, hard: true };
        match reminder {
            Reminder::Storing if self.stage == Stage::Stopped => self.done(false),
            Reminder::Storing => {}
            Reminder::Output(at) => {
                self.wait_no_more(at);
            }
            Reminder::Deadline(at) | Reminder::Linger(at) => {
                if let Some(attempt) = self.tries.get_mut(&at).filter(|attempt| !attempt.exited) {
                    attempt.overdue |= attempt.end.is_none();
                    self.actions.push(kill(at));
                }
            }
        }
    }
}

fn completed(ended_at: Timestamp) -> RunEnd {
    RunEnd {
        ended_at,
        exit_code: Some(0),
        signal: None,
        reason: Reason::Completed,
        message: None,
        censored: false,
    }
}

fn lost_halt(at: At, end: RunEnd, exit: &ExitView, text_output: Option<String>) -> LostHalt {
    let log = exit.log.as_ref();
    LostHalt {
        at,
        started_at: log.and_then(|log| log.started_at),
        end,
        totals: log.map(|log| log.totals.clone()).unwrap_or_default(),
        last_seq: log.map(|log| log.last_seq),
        output: text_output.or_else(|| exit.output.clone()),
    }
}
