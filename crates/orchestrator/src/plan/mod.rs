//! The plan of one order: what was seen -> what is to be done. No I/O, no clock.
//!
//! The end of an attempt is known from whichever comes first: the runner's PROGRESS or HALT, or the
//! launcher's view with the termination log. What comes after is only compared with it. The next
//! task starts as soon as the end is known; a retry and the order's own end wait until nothing of
//! the attempts runs any more.
//!
//! How to add an input: a variant of [`Seen`], an arm in [`Plan::handle`], its meaning in `inputs`, a
//! line in the decision
//! table of the tests.

mod close;
mod inputs;
mod seen;
mod words;

use std::{collections::BTreeMap, time::Duration};

use model::{
    Attempt, Order, Position, Status, TaskName, message::AttemptEnd, order::Messages, run::RunEnd,
};

pub use seen::{Action, At, Earlier, ExitView, LostHalt, Note, Reminder, RunnerEnd, Seen};

/// What a plan needs to know of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskPlan {
    /// Its name.
    pub name: TaskName,
    /// How often it is tried again.
    pub retries: u32,
    /// Whether it reports its output itself, in plain text.
    pub reports_itself: bool,
    /// How long it may run by the runner's clock.
    pub timeout: Option<Duration>,
}

/// How long a plan waits for what should have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a runner to end what ran out of time, past that time: its grace period and its
    /// reporting included.
    pub deadline: Duration,
    /// For a runner to go once its attempt's end is known.
    pub linger: Duration,
    /// For a plain-text task's own PROGRESS, after its end.
    pub output: Duration,
    /// For TERMINATE.
    pub storing: Duration,
    /// For TERMINATE, when a person wants the order to end at once.
    pub storing_hard: Duration,
}

impl Patience {
    /// Waits that fit a grace period and a storing time-out.
    pub fn new(grace: Duration, storing: Duration) -> Self {
        // The runner tries for 10 s to reach a broker.
        let reporting = Duration::from_secs(30);
        Self {
            deadline: grace * 2 + reporting,
            linger: grace * 2 + reporting,
            output: Duration::from_secs(2),
            storing,
            storing_hard: storing.min(Duration::from_secs(2)),
        }
    }
}

#[derive(Debug, Default)]
struct Try {
    /// Nothing of it runs any more.
    exited: bool,
    /// Its end, once known.
    end: Option<RunEnd>,
    output: Option<String>,
    /// The runner's HALT, or one in its stead, is out.
    halted: bool,
    /// The plain-text task's own word.
    text_output: Option<String>,
    /// How it ended well, and what the runner saw of its output, while its own word is not there yet.
    waiting: Option<(RunEnd, Option<String>)>,
    overdue: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    Stopped,
    Done,
}

/// The plan of one order.
#[derive(Debug)]
pub struct Plan {
    tasks: Vec<TaskPlan>,
    patience: Patience,
    tries: BTreeMap<At, Try>,
    /// Failed, and to be tried again when it is gone.
    retry_after: Option<At>,
    /// Tries per position that used up one.
    failures: BTreeMap<Position, u32>,
    /// Whether a person ended the order.
    terminate: Option<Hard>,
    verdict: Option<(Status, Option<String>)>,
    stage: Stage,
    /// STOP was sent by an earlier process; TERMINATE may be the answer to that one.
    stopped_before: bool,
    /// Such a TERMINATE has come.
    stored_before: bool,
    actions: Vec<Action>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Hard(bool);

impl Plan {
    /// The plan of some tasks, of which there must be one at least.
    pub fn new(tasks: Vec<TaskPlan>, patience: Patience) -> Self {
        Self {
            tasks,
            patience,
            tries: BTreeMap::new(),
            retry_after: None,
            failures: BTreeMap::new(),
            terminate: None,
            verdict: None,
            stage: Stage::Running,
            stopped_before: false,
            stored_before: false,
            actions: Vec::new(),
        }
    }

    /// The plan of an order.
    pub fn of(order: &Order, patience: Patience) -> Self {
        let tasks = order.tasks.iter().map(|task| TaskPlan {
            name: task.name.clone(),
            retries: task.retries,
            reports_itself: task.messages == Messages::Task,
            timeout: task.timeout.map(model::HumanDuration::get),
        });
        Self::new(tasks.collect(), patience)
    }

    /// Goes on for a process that has sent STOP already.
    #[must_use]
    pub fn stopped_before(self, stopped_before: bool) -> Self {
        Self {
            stopped_before,
            ..self
        }
    }

    /// Fails without an attempt, where there is a reason.
    #[must_use]
    pub fn refused(self, why: Option<String>) -> Self {
        Self {
            verdict: why.map(|why| (Status::Failed, Some(why))),
            ..self
        }
    }

    /// Begins: the first task.
    pub fn start(&mut self) -> Vec<Action> {
        if self.verdict.is_none() {
            self.launch((Position(0), Attempt(1)));
        }
        self.settle()
    }

    /// Takes in what was seen; says what is to be done.
    pub fn handle(&mut self, seen: Seen) -> Vec<Action> {
        match seen {
            Seen::Progress {
                at,
                output,
                ended_at,
            } => self.progress(at, output, ended_at),
            Seen::TextOutput { at, output } => self.text_output(at, output),
            Seen::Halt { at, end, output } => self.halt(at, &end, output),
            Seen::Exited { at, exit } => self.exited(at, exit),
            Seen::Known { at, end, output } => self.known(at, &end, output),
            Seen::LaunchFailed {
                at,
                reason,
                message,
                ended_at,
            } => {
                self.launch_failed(at, reason, message, ended_at);
            }
            Seen::Terminate { hard } => self.terminate(Hard(hard)),
            Seen::Terminated if self.stage == Stage::Running && self.stopped_before => {
                self.stored_before = true;
            }
            Seen::Terminated if self.stage == Stage::Running => {
                self.actions.push(Action::Note(Note::EarlyTerminate));
            }
            Seen::Terminated => self.done(true),
            Seen::Reminded(reminder) => self.reminded(reminder),
        }
        self.settle()
    }

    /// The end of the order's last attempt, once it is known.
    pub fn last_end(&self) -> Option<&RunEnd> {
        self.tries
            .last_key_value()
            .and_then(|(_, attempt)| attempt.end.as_ref())
    }

    fn task(&self, at: At) -> &TaskPlan {
        &self.tasks[at.0.0 as usize]
    }

    fn launch(&mut self, at: At) {
        self.tries.insert(at, Try::default());
        let completed = self.tries.iter().filter_map(|(at, attempt)| {
            let ended_well = attempt
                .end
                .as_ref()
                .is_some_and(|end| end.reason.is_success());
            ended_well.then(|| Earlier {
                position: at.0,
                task: self.task(*at).name.clone(),
                attempt: at.1,
                output: attempt.output.clone().unwrap_or_default(),
            })
        });
        let earlier = completed.collect();
        self.actions.push(Action::Launch { at, earlier });
        if let Some(timeout) = self.task(at).timeout {
            let after = timeout.saturating_add(self.patience.deadline);
            self.remind(Reminder::Deadline(at), after);
        }
    }

    /// An attempt's end is known. What follows for the order?
    fn close(&mut self, at: At, end: &RunEnd, output: Option<String>) {
        let linger = self.patience.linger;
        let Some(attempt) = self.tries.get_mut(&at) else {
            return;
        };
        attempt.output = attempt.text_output.take().or(output);
        attempt.end = Some(end.clone());
        attempt.waiting = None;
        let (output, exited) = (attempt.output.clone(), attempt.exited);
        self.actions.push(Action::Ended {
            at,
            end: end.clone(),
            output,
        });
        if !exited {
            self.remind(Reminder::Linger(at), linger);
        }
        if self.terminate.is_some() {
            self.decide_terminated(at);
        } else if end.reason.is_success() {
            self.completed(at);
        } else {
            self.failed(at, end);
        }
    }

    fn completed(&mut self, at: At) {
        let next = Position(at.0.0 + 1);
        if (next.0 as usize) < self.tasks.len() {
            self.launch((next, Attempt(1)));
        } else {
            self.verdict = Some((Status::Succeeded, None));
        }
    }

    fn failed(&mut self, at: At, end: &RunEnd) {
        let failures = self.failures.entry(at.0).or_default();
        *failures += u32::from(!end.reason.is_outside_cause());
        if *failures <= self.task(at).retries {
            self.retry_after = Some(at);
        } else {
            let words = words::failure(at, &self.task(at).name, end);
            self.verdict = Some((Status::Failed, Some(words)));
        }
    }

    fn decide_terminated(&mut self, at: At) {
        let words = format!(
            "terminated during {}",
            words::attempt(at, &self.task(at).name)
        );
        self.verdict = Some((Status::Terminated, Some(words)));
    }

    /// What waited for attempts to be gone.
    fn settle(&mut self) -> Vec<Action> {
        let gone = |at: &At| self.tries.get(at).is_some_and(|attempt| attempt.exited);
        if let Some((position, attempt)) = self.retry_after.take_if(|at| gone(at)) {
            self.launch((position, Attempt(attempt.0 + 1)));
        }
        if self.stage == Stage::Running
            && self.tries.values().all(|attempt| attempt.exited)
            && let Some((status, message)) = self.verdict.clone()
        {
            self.stage = Stage::Stopped;
            let attempts = self.attempt_ends();
            self.actions.push(Action::SendStop {
                status,
                message,
                attempts,
            });
            let hard = self.terminate == Some(Hard(true));
            let patience = &self.patience;
            let after = if hard {
                patience.storing_hard
            } else {
                patience.storing
            };
            self.remind(Reminder::Storing, after);
            if self.stored_before {
                self.done(true);
            }
        }
        std::mem::take(&mut self.actions)
    }

    fn attempt_ends(&self) -> Vec<AttemptEnd> {
        let ended = self.tries.iter().filter_map(|(at, attempt)| {
            Some(AttemptEnd {
                position: at.0,
                attempt: at.1,
                task: self.task(*at).name.clone(),
                reason: attempt.end.as_ref()?.reason,
            })
        });
        ended.collect()
    }

    fn remind(&mut self, reminder: Reminder, after: Duration) {
        self.actions.push(Action::Remind { reminder, after });
    }

    fn done(&mut self, stored: bool) {
        if self.stage == Stage::Stopped {
            self.stage = Stage::Done;
            let status = self
                .verdict
                .as_ref()
                .map_or(Status::Failed, |(status, _)| *status);
            self.actions.push(Action::Done { status, stored });
        }
    }
}

#[cfg(test)]
mod tests;
