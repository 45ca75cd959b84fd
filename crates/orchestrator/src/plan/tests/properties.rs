//! Whatever is seen, in whatever order: an order ends exactly once.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::plan::{Action, Reminder};

/// An input that may or may not make sense.
#[derive(Debug, Clone, Copy)]
enum Step {
    Progress(At),
    Text(At),
    Halt(At, Reason),
    Exit(At, RunnerEnd, u8),
    Fail(At),
    Terminate(bool),
    Terminated,
    Remind(usize),
}

fn any_at() -> impl Strategy<Value = At> {
    (0u32..4, 1u32..4).prop_map(|(p, a)| at(p, a))
}

fn any_reason() -> impl Strategy<Value = Reason> {
    prop::sample::select(Reason::ALL)
}

fn any_runner() -> impl Strategy<Value = RunnerEnd> {
    prop_oneof![
        3 => Just(RunnerEnd::Code(0)),
        1 => Just(RunnerEnd::Code(3)),
        1 => Just(RunnerEnd::Signal(9)),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any_at().prop_map(Step::Progress),
        1 => any_at().prop_map(Step::Text),
        3 => (any_at(), any_reason()).prop_map(|(at, reason)| Step::Halt(at, reason)),
        4 => (any_at(), any_runner(), 0u8..6).prop_map(|(at, end, log)| Step::Exit(at, end, log)),
        1 => any_at().prop_map(Step::Fail),
        1 => any::<bool>().prop_map(Step::Terminate),
        1 => Just(Step::Terminated),
        2 => any::<usize>().prop_map(Step::Remind),
    ]
}

/// What the world around a plan looks like.
#[derive(Default)]
struct World {
    running: BTreeSet<At>,
    launched: BTreeSet<At>,
    ended: BTreeMap<At, Reason>,
    reminders: Vec<Reminder>,
    halts: BTreeMap<At, u32>,
    stops: u32,
    done: u32,
}

impl World {
    fn take(&mut self, actions: Vec<Action>) {
        for action in actions {
            assert_eq!(self.done, 0, "{action:?} after the end");
            match action {
                Action::Launch { at, earlier } => self.launch(at, earlier.len()),
                Action::Ended { at, end, .. } => {
                    assert!(
                        self.ended.insert(at, end.reason).is_none(),
                        "{at:?} ended twice"
                    );
                }
                Action::SendUndelivered {
                    at,
                    instead: Some(_),
                } => {
                    *self.halts.entry(at).or_default() += 1;
                }
                Action::SendHalt(halt) => *self.halts.entry(halt.at).or_default() += 1,
                Action::Signal { at, .. } => assert!(self.running.contains(&at)),
                Action::Remind { reminder, .. } => self.reminders.push(reminder),
                Action::SendStop { attempts, .. } => {
                    assert!(self.running.is_empty(), "STOP while something runs");
                    assert_eq!(attempts.len(), self.launched.len());
                    self.stops += 1;
                }
                Action::Done { .. } => self.done += 1,
                Action::SendUndelivered { instead: None, .. } | Action::Note(_) => {}
            }
        }
    }

    fn launch(&mut self, at: At, earlier: usize) {
        assert_eq!(self.stops, 0, "a launch after STOP");
        assert!(self.launched.insert(at), "{at:?} launched twice");
        assert!(at.1.0 == 1 || self.ended.contains_key(&(at.0, Attempt(at.1.0 - 1))));
        assert_eq!(earlier, at.0.0 as usize, "every earlier task has completed");
        assert!(self.launched.iter().all(|(position, _)| *position <= at.0));
        self.running.insert(at);
    }

    /// The input as the world can give it: an attempt that runs exits once, what doesn't run
    /// doesn't exit.
    fn seen(&mut self, step: Step) -> Option<Seen> {
        Some(match step {
            Step::Progress(at) => progress(at, "out"),
            Step::Text(at) => Seen::TextOutput {
                at,
                output: "text".to_owned(),
            },
            Step::Halt(at, reason) => halt(at, end(reason, None, None)),
            Step::Exit(at, runner, kind) => {
                self.running.remove(&at).then_some(())?;
                let exit = Box::new(ExitView {
                    undelivered: kind == 5,
                    ..*exit(runner, some_log(kind))
                });
                Seen::Exited { at, exit }
            }
            Step::Fail(at) => {
                self.running.remove(&at).then_some(())?;
                Seen::LaunchFailed {
                    at,
                    reason: Reason::Error,
                    message: "no".to_owned(),
                    ended_at: Timestamp(2),
                }
            }
            Step::Terminate(hard) => Seen::Terminate { hard },
            Step::Terminated => Seen::Terminated,
            Step::Remind(index) => {
                (!self.reminders.is_empty()).then_some(())?;
                let index = index % self.reminders.len();
                Seen::Reminded(self.reminders.swap_remove(index))
            }
        })
    }
}

fn some_log(kind: u8) -> Option<TerminationLog> {
    match kind {
        0 => None,
        1 => Some(log(None, false)),
        2 => Some(TerminationLog {
            started_at: None,
            ..log(None, false)
        }),
        3 => Some(log(Some(end(Reason::Completed, Some(0), None)), true)),
        _ => Some(log(Some(end(Reason::Error, Some(1), None)), false)),
    }
}

proptest! {
    #[test]
    fn an_order_ends_exactly_once(
        retries in prop::collection::vec((0u32..3, any::<bool>()), 1..4),
        steps in prop::collection::vec(any_step(), 0..60),
        rest in any_runner(),
        kind in 0u8..6,
    ) {
        let tasks = retries.iter().map(|(retries, own)| TaskPlan {
            reports_itself: *own,
            timeout: own.then_some(Duration::from_secs(1)),
            ..task("camera", *retries)
        });
        let mut plan = Plan::new(tasks.collect(), patience());
        let mut world = World::default();
        world.take(plan.start());
        for step in steps {
            if let Some(seen) = world.seen(step) {
                // After the end nothing is listened to.
                if world.done == 0 {
                    world.take(plan.handle(seen));
                }
            }
        }
        // From here on every attempt exits and every reminder comes.
        for _ in 0..200 {
            if world.done > 0 {
                break;
            }
            let step = match world.running.first() {
                Some(at) => Step::Exit(*at, rest, kind),
                None => Step::Remind(0),
            };
            let seen = world.seen(step).expect("something is always due");
            world.take(plan.handle(seen));
        }
        prop_assert_eq!(world.stops, 1);
        prop_assert_eq!(world.done, 1);
        prop_assert_eq!(&world.ended.keys().copied().collect::<BTreeSet<_>>(), &world.launched);
        prop_assert!(world.halts.values().all(|count| *count == 1));
    }
}
