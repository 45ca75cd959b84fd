//! One order's way: does what its plan says, tells it what was seen.

use std::collections::HashMap;

use model::{
    Attempt, AttemptKey, Envelope, Message, Position, Status, Timestamp,
    message::{AttemptEnd, Halt, Header, Sender, Stop},
    order::Messages,
};
use tokio::{
    sync::mpsc,
    task::{JoinHandle, JoinSet, spawn_blocking},
    time::sleep,
};
use tracing::{debug, warn};

use super::{Orchestrator, mail::Mail, patience, routes::Route};
use crate::{
    Control, OrderEvent, OrderRequest, Outcome,
    launcher::{Decision, Launcher, Prepared, Signal, Superseded},
    local::given_progress,
    plan::{Action, At, Earlier, LostHalt, Note, Patience, Plan, Reminder, Seen},
};

/// What a watching task ends with.
enum Watched {
    Ended(At, Seen, Option<JoinHandle<()>>),
    Time(Reminder),
}

/// One order under way.
pub(super) struct Walk<'a, L: Launcher> {
    host: &'a Orchestrator<L>,
    request: &'a OrderRequest,
    route: &'a Route,
    inbox: mpsc::UnboundedReceiver<Seen>,
    plan: Plan,
    /// Runners and reminders; all end with this.
    watches: JoinSet<Watched>,
    signallers: HashMap<At, Signal>,
    cleaning: Vec<JoinHandle<()>>,
    mail: Mail,
    attempts: Vec<AttemptEnd>,
    message: Option<String>,
    no_cgroup: Option<String>,
    /// When the latest attempt ended, and whether a predecessor has seen that.
    ended_at: Option<Timestamp>,
    is_known: bool,
    /// For the next task.
    prepared: Option<L::Prepared>,
}

impl<'a, L: Launcher> Walk<'a, L> {
    pub(super) fn new(
        host: &'a Orchestrator<L>,
        request: &'a OrderRequest,
        route: &'a Route,
        inbox: mpsc::UnboundedReceiver<Seen>,
    ) -> Self {
        let patience = Patience::new(request.grace.get(), host.options.storing_timeout);
        Self {
            host,
            request,
            route,
            inbox,
            plan: Plan::of(&request.order, patience)
                .stopped_before(request.resume.stopped)
                .refused(request.refused.clone()),
            watches: JoinSet::new(),
            signallers: HashMap::new(),
            cleaning: Vec::new(),
            mail: Mail::new(host.publisher.clone(), &request.handle),
            attempts: Vec::new(),
            message: None,
            no_cgroup: None,
            ended_at: None,
            is_known: false,
            prepared: None,
        }
    }

    pub(super) async fn run(mut self) -> Result<Outcome, Superseded> {
        let mut control = self.request.control.clone();
        let mut heeded = Control::Run;
        let mut actions = self.plan.start();
        let mut known = self.request.resume.ended.iter();
        loop {
            if let Some((status, stored)) = self.act(actions).await? {
                return Ok(self.outcome(status, stored).await);
            }
            if let Some((at, end, output)) = known.next() {
                let (at, end, output) = (*at, end.clone(), output.clone());
                self.is_known = true;
                actions = self.plan.handle(Seen::Known { at, end, output });
                continue;
            }
            self.is_known = false;
            let wanted = *control.borrow_and_update();
            if wanted > heeded {
                heeded = wanted;
                actions = self.plan.handle(Seen::Terminate {
                    hard: wanted == Control::Hard,
                });
                continue;
            }
            let seen = tokio::select! {
                Some(seen) = self.inbox.recv() => Some(seen),
                Some(watched) = self.watches.join_next() => watched.ok().map(|w| self.watched(w)),
                Ok(()) = control.changed() => None,
            };
            actions = seen.map(|seen| self.plan.handle(seen)).unwrap_or_default();
        }
    }

    fn watched(&mut self, watched: Watched) -> Seen {
        match watched {
            Watched::Time(reminder) => Seen::Reminded(reminder),
            Watched::Ended(at, seen, cleaning) => {
                self.signallers.remove(&at);
                self.cleaning.extend(cleaning);
                seen
            }
        }
    }

    async fn note_down(&self, decision: Decision<'_>) -> Result<(), Superseded> {
        self.host.launcher.note(self.request, decision).await
    }

    /// Does what the plan says; the end if that is it.
    async fn act(&mut self, actions: Vec<Action>) -> Result<Option<(Status, bool)>, Superseded> {
        let mut queue = std::collections::VecDeque::from(actions);
        while let Some(action) = queue.pop_front() {
            match action {
                Action::Launch { at, earlier } => {
                    self.note_down(Decision::Launch(at)).await?;
                    let failed = self.launch(at, &earlier).await;
                    queue.extend(
                        failed
                            .map(|seen| self.plan.handle(seen))
                            .unwrap_or_default(),
                    );
                }
                Action::Ended { at, end, output } => {
                    let decision = Decision::Ended {
                        at,
                        end: &end,
                        output: output.as_deref(),
                    };
                    self.note_down(decision).await?;
                    if !self.is_known {
                        self.host.options.metrics.attempt_ended(end.reason);
                        self.ended_at = Some(end.ended_at);
                    }
                    let task = self.task_name(at);
                    self.tell(OrderEvent::Ended {
                        at,
                        task,
                        end,
                        output,
                    });
                }
                Action::SendHalt(halt) => {
                    let halt = self.halt(*halt);
                    self.mail.send(halt);
                }
                Action::SendUndelivered { at, instead } => {
                    let instead = instead.map(|halt| self.halt(*halt));
                    let file = self.host.launcher.undelivered(self.request, at);
                    match (file, instead) {
                        (Some(file), instead) => self.mail.send_file(file, self.key(at), instead),
                        (None, Some(halt)) => self.mail.send(halt),
                        (None, None) => {}
                    }
                }
                Action::Signal { at, hard } => {
                    if let Some(signal) = self.signallers.get(&at) {
                        signal(hard);
                    }
                }
                Action::Remind { reminder, after } => {
                    self.watches.spawn(async move {
                        sleep(after).await;
                        Watched::Time(reminder)
                    });
                }
                Action::SendStop {
                    status,
                    message,
                    attempts,
                } => {
                    let decision = Decision::Stop {
                        status,
                        message: message.as_deref(),
                    };
                    self.note_down(decision).await?;
                    if !self.send_stop(status, message, attempts).await {
                        let unstored = Seen::Reminded(Reminder::Storing);
                        queue.extend(self.plan.handle(unstored));
                    }
                }
                Action::Done { status, stored } => {
                    self.note_down(Decision::Done { stored }).await?;
                    return Ok(Some((status, stored)));
                }
                Action::Note(note) => self.note(note),
            }
        }
        Ok(None)
    }

    async fn launch(&mut self, at: At, earlier: &[Earlier]) -> Option<Seen> {
        let task = &self.request.order.tasks[at.0.0 as usize];
        if task.messages == Messages::Task {
            self.route
                .given(at, given_progress(self.request, at, earlier));
        }
        let address = self.host.bus.address(&self.request.handle.topics);
        let clock = self.host.launcher.clock();
        let prepared = self.prepared.take_if(|prepared| prepared.at() == at);
        let launcher = &self.host.launcher;
        match launcher
            .start(self.request, at, earlier, address, prepared)
            .await
        {
            Ok(started) => {
                self.signallers.insert(at, started.signal);
                let own_cgroup = started.no_cgroup.is_none();
                self.no_cgroup = self.no_cgroup.take().or(started.no_cgroup);
                let (task, time, pid) = (task.name.clone(), clock(), started.pid);
                let (metrics, ended) = (&self.host.options.metrics, self.ended_at.take());
                metrics.attempt_started(at.1 == Attempt(1), time, ended);
                self.tell(OrderEvent::Started {
                    at,
                    task,
                    time,
                    pid,
                    own_cgroup,
                });
                let end = started.end;
                self.watches.spawn(async move {
                    let (seen, cleaning) = end.await;
                    Watched::Ended(at, seen, cleaning)
                });
                self.prepare_next(at);
                None
            }
            Err(error) => Some(Seen::LaunchFailed {
                at,
                reason: error.reason,
                message: error.message,
                ended_at: clock(),
            }),
        }
    }

    /// While this task runs, the next one's runner is made ready.
    fn prepare_next(&mut self, at: At) {
        let next = (Position(at.0.0 + 1), Attempt(1));
        let exists = (next.0.0 as usize) < self.request.order.tasks.len();
        if exists && self.prepared.is_none() {
            let address = self.host.bus.address(&self.request.handle.topics);
            self.prepared = self.host.launcher.prepare(self.request, next, address);
        }
    }

    fn task_name(&self, at: At) -> model::TaskName {
        self.request.order.tasks[at.0.0 as usize].name.clone()
    }

    fn tell(&self, event: OrderEvent) {
        if let Some(events) = &self.request.events {
            // Whoever listened may have gone.
            let _ = events.send(event);
        }
    }

    fn key(&self, (position, attempt): At) -> AttemptKey {
        AttemptKey {
            order_uid: self.request.handle.order_uid,
            position,
            attempt,
        }
    }

    fn halt(&self, halt: LostHalt) -> Envelope {
        let (order, key) = (self.request.handle.order.clone(), self.key(halt.at));
        let task = self.task_name(halt.at);
        let message = Message::Halt(Box::new(Halt {
            from: Sender::Orchestrator,
            task: task.clone(),
            started_at: halt.started_at,
            end: halt.end,
            totals: halt.totals,
            last_seq: halt.last_seq,
            thinned: 0,
            output: halt.output,
        }));
        let header = Header::attempt(order, key, task);
        Envelope { header, message }
    }

    /// Sends STOP after all that belongs before it. Returns whether the broker has it.
    async fn send_stop(
        &mut self,
        status: Status,
        message: Option<String>,
        attempts: Vec<AttemptEnd>,
    ) -> bool {
        self.tell(OrderEvent::Stopped { status });
        self.attempts.clone_from(&attempts);
        self.message.clone_from(&message);
        let handle = &self.request.handle;
        let ended_at = (self.host.launcher.clock())();
        let stop = Stop {
            status,
            message,
            ended_at,
            attempts,
            undrained: Vec::new(),
        };
        let envelope = Envelope {
            header: Header::order(handle.order.clone(), handle.order_uid),
            message: Message::Stop(stop),
        };
        let longest = self.host.options.delivery_timeout;
        let exhausted = patience::exhausted(self.request.control.clone(), longest, &handle.order);
        tokio::select! {
            biased;
            () = self.mail.send_last(envelope) => true,
            () = exhausted => {
                let order = &handle.order;
                warn!("order {order}: the broker did not confirm its end in time");
                false
            }
        }
    }

    fn note(&self, note: Note) {
        let order = &self.request.handle.order;
        match note {
            Note::Late((position, attempt)) => {
                debug!("order {order}: late word of {position}.{attempt}, which agrees");
            }
            Note::Contradiction((position, attempt)) => {
                warn!(
                    "order {order}: late word of {position}.{attempt} contradicts; the first stands"
                );
            }
            Note::Unknown((position, attempt)) => {
                warn!("order {order}: word of {position}.{attempt}, which was never started");
            }
            Note::EarlyTerminate => warn!("order {order}: TERMINATE before STOP is not heeded"),
        }
    }

    async fn outcome(mut self, status: Status, storing_complete: bool) -> Outcome {
        let prepared = self.prepared.take();
        self.cleaning.push(spawn_blocking(move || drop(prepared)));
        for cleaning in self.cleaning.drain(..) {
            let _ = cleaning.await;
        }
        Outcome {
            status,
            message: self.message,
            attempts: self.attempts,
            storing_complete,
            last_end: self.plan.last_end().cloned(),
            no_cgroup: self.no_cgroup,
        }
    }
}
