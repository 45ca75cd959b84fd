//! One order's way: does what its plan says, tells it what was seen.

use std::{collections::HashMap, time::Duration};

use bus::Delivery;
use model::{
    Attempt, AttemptKey, Envelope, Message, Position, Status,
    message::{AttemptEnd, Halt, Header, Sender, Stop},
    order::Messages,
};
use tokio::{
    sync::mpsc,
    task::{JoinHandle, JoinSet, spawn_blocking},
    time::{sleep, timeout},
};
use tracing::{debug, warn};

use super::{Orchestrator, routes::Route};
use crate::{
    Control, OrderEvent, OrderRequest, Outcome,
    local::{Prepared, Signaller, given_progress},
    plan::{Action, At, Earlier, ExitView, LostHalt, Note, Patience, Plan, Reminder, Seen},
};

/// How long the broker is given to confirm what was sent in a dead runner's stead.
const DELIVERY: Duration = Duration::from_secs(15);

/// What a watching task ends with.
enum Watched {
    Exited(At, std::io::Result<(Box<ExitView>, JoinHandle<()>)>),
    Time(Reminder),
}

/// One order under way.
pub(super) struct Walk<'a> {
    host: &'a Orchestrator,
    request: &'a OrderRequest,
    route: &'a Route,
    inbox: mpsc::UnboundedReceiver<Seen>,
    plan: Plan,
    /// Runners and reminders; all end with this.
    watches: JoinSet<Watched>,
    signallers: HashMap<At, Signaller>,
    cleaning: Vec<JoinHandle<()>>,
    deliveries: Vec<Delivery>,
    attempts: Vec<AttemptEnd>,
    message: Option<String>,
    no_cgroup: Option<String>,
    /// For the next task.
    prepared: Option<Prepared>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        host: &'a Orchestrator,
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
            plan: Plan::of(&request.order, patience),
            watches: JoinSet::new(),
            signallers: HashMap::new(),
            cleaning: Vec::new(),
            deliveries: Vec::new(),
            attempts: Vec::new(),
            message: None,
            no_cgroup: None,
            prepared: None,
        }
    }

    pub(super) async fn run(mut self) -> Outcome {
        let mut control = self.request.control.clone();
        let mut heeded = Control::Run;
        let mut actions = self.plan.start();
        loop {
            if let Some((status, stored)) = self.act(actions).await {
                return self.outcome(status, stored).await;
            }
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
            Watched::Exited(at, Ok((exit, cleaning))) => {
                self.signallers.remove(&at);
                self.cleaning.push(cleaning);
                Seen::Exited { at, exit }
            }
            Watched::Exited(at, Err(error)) => {
                self.signallers.remove(&at);
                let message = format!("its runner was lost sight of: {error}");
                let ended_at = (self.host.launcher.clock())();
                Seen::LaunchFailed {
                    at,
                    message,
                    ended_at,
                }
            }
        }
    }

    /// Does what the plan says; the end if that is it.
    async fn act(&mut self, actions: Vec<Action>) -> Option<(Status, bool)> {
        let mut queue = std::collections::VecDeque::from(actions);
        while let Some(action) = queue.pop_front() {
            match action {
                Action::Launch { at, earlier } => {
                    let failed = self.launch(at, &earlier).await;
                    queue.extend(
                        failed
                            .map(|seen| self.plan.handle(seen))
                            .unwrap_or_default(),
                    );
                }
                Action::Ended { at, end, output } => {
                    let task = self.task_name(at);
                    self.tell(OrderEvent::Ended {
                        at,
                        task,
                        end,
                        output,
                    });
                }
                Action::SendHalt(halt) => self.send_halt(*halt).await,
                Action::Signal { at, hard } => {
                    if let Some(runner) = self.signallers.get(&at) {
                        runner.signal(hard);
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
                    if !self.send_stop(status, message, attempts).await {
                        let unstored = Seen::Reminded(Reminder::Storing);
                        queue.extend(self.plan.handle(unstored));
                    }
                }
                Action::Done { status, stored } => return Some((status, stored)),
                Action::Note(note) => self.note(note),
            }
        }
        None
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
            .start(self.request, at, earlier, Some(address), prepared)
            .await
        {
            Ok(running) => {
                self.signallers.insert(at, running.signaller());
                let no_cgroup = running.no_cgroup().map(str::to_owned);
                let own_cgroup = no_cgroup.is_none();
                self.no_cgroup = self.no_cgroup.take().or(no_cgroup);
                let (task, time, pid) = (task.name.clone(), clock(), running.pid());
                self.tell(OrderEvent::Started {
                    at,
                    task,
                    time,
                    pid,
                    own_cgroup,
                });
                self.watches
                    .spawn(async move { Watched::Exited(at, running.wait().await) });
                self.prepare_next(at);
                None
            }
            Err(error) => Some(Seen::LaunchFailed {
                at,
                message: error.to_string(),
                ended_at: clock(),
            }),
        }
    }

    /// While this task runs, the next one's runner is made ready.
    fn prepare_next(&mut self, at: At) {
        let next = (Position(at.0.0 + 1), Attempt(1));
        let exists = (next.0.0 as usize) < self.request.order.tasks.len();
        if exists && self.prepared.is_none() {
            self.prepared = self.host.launcher.prepare(self.request, next);
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

    async fn send_halt(&mut self, halt: LostHalt) {
        let (handle, task) = (&self.request.handle, self.task_name(halt.at));
        let (position, attempt) = halt.at;
        let key = AttemptKey {
            order_uid: handle.order_uid,
            position,
            attempt,
        };
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
        let header = Header::attempt(handle.order.clone(), key, task);
        match self
            .host
            .publisher
            .enqueue(&handle.topics.task, &Envelope { header, message })
            .await
        {
            Ok(delivery) => self.deliveries.push(delivery),
            Err(error) => warn!("order {}: {error}", handle.order),
        }
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
        let deliveries = std::mem::take(&mut self.deliveries);
        let (publisher, topic) = (&self.host.publisher, &handle.topics.task);
        // A topic's messages keep their order, so that waiting for the last one is enough.
        let sent = timeout(DELIVERY, async {
            let stop = publisher.publish(topic, &envelope).await;
            for delivery in deliveries {
                if let Err(error) = delivery.await {
                    warn!("order {}: {error}", handle.order);
                }
            }
            stop
        });
        match sent.await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                warn!("order {}: {error}", handle.order);
                false
            }
            Err(_) => {
                warn!(
                    "order {}: the broker did not confirm STOP in time",
                    handle.order
                );
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
