//! Scenes: inputs on the left, decisions below each, as a snapshot.

use std::fmt::Write as _;

use super::*;
use crate::plan::{Action, Reminder};

fn short(at: At) -> String {
    format!("{}.{}", at.0, at.1)
}

fn describe(action: &Action) -> String {
    match action {
        Action::Launch { at, earlier } => {
            let outputs: Vec<_> = earlier.iter().map(|e| e.output.as_str()).collect();
            format!("launch {} with {outputs:?}", short(*at))
        }
        Action::Ended { at, end, output } => {
            let RunEnd {
                reason,
                exit_code,
                signal,
                censored,
                ..
            } = end;
            format!(
                "ended {}: {reason} code={exit_code:?} signal={signal:?} censored={censored} \
                 output={output:?}",
                short(*at)
            )
        }
        Action::SendHalt(halt) => format!(
            "HALT {}: {} censored={} cpu={:?} seq={:?} message={:?}",
            short(halt.at),
            halt.end.reason,
            halt.end.censored,
            halt.totals.cpu_seconds,
            halt.last_seq,
            halt.end.message
        ),
        Action::SendUndelivered { at, instead } => {
            let instead = instead.as_ref().map(|halt| halt.end.reason.as_str());
            format!("send the file of {}, else HALT {instead:?}", short(*at))
        }
        Action::Signal { at, hard } => {
            format!("{} {}", if *hard { "kill" } else { "end" }, short(*at))
        }
        Action::Remind { reminder, after } => format!("remind {reminder:?} after {after:?}"),
        Action::SendStop {
            status,
            message,
            attempts,
        } => {
            let list = attempts
                .iter()
                .map(|a| format!("{}.{} {}", a.position, a.attempt, a.reason));
            format!(
                "STOP {status} {message:?} [{}]",
                list.collect::<Vec<_>>().join(", ")
            )
        }
        Action::Done { status, stored } => format!("done {status} stored={stored}"),
        Action::Note(note) => format!("note {note:?}"),
    }
}

fn scene(title: &str, mut plan: Plan, inputs: Vec<(&str, Seen)>) -> String {
    let mut text = format!("# {title}\n");
    let mut write = |what: &str, actions: Vec<Action>| {
        writeln!(text, "{what}").unwrap();
        for action in actions {
            writeln!(text, "    {}", describe(&action)).unwrap();
        }
    };
    write("start", plan.start());
    for (what, seen) in inputs {
        write(what, plan.handle(seen));
    }
    text
}

fn well() -> TerminationLog {
    log(Some(end(Reason::Completed, Some(0), None)), true)
}

fn bad(delivered: bool) -> TerminationLog {
    log(Some(end(Reason::Error, Some(3), None)), delivered)
}

const OK: RunnerEnd = RunnerEnd::Code(0);
const KILLED: RunnerEnd = RunnerEnd::Signal(9);

#[test]
fn ends_of_attempts() {
    let (a, b) = (at(0, 1), at(1, 1));
    let scenes = [
        scene(
            "two tasks, messages first",
            plan(&[0, 0]),
            vec![
                ("PROGRESS 0.1", progress(a, "one")),
                ("HALT 0.1", halt(a, end(Reason::Completed, Some(0), None))),
                ("exit 0.1", exited(a, OK, well())),
                ("PROGRESS 1.1", progress(b, "two")),
                ("PROGRESS 1.1 again", progress(b, "other")),
                ("exit 1.1", exited(b, OK, well())),
                (
                    "HALT 1.1, late",
                    halt(b, end(Reason::Completed, Some(0), None)),
                ),
                ("TERMINATE", Seen::Terminated),
                ("TERMINATE again", Seen::Terminated),
            ],
        ),
        scene(
            "the launcher's view first, nothing delivered",
            plan(&[0, 0]),
            vec![
                (
                    "exit 0.1",
                    exited(
                        a,
                        OK,
                        Some(log(Some(end(Reason::Completed, Some(0), None)), false)),
                    ),
                ),
                ("PROGRESS 0.1, late", progress(a, "one")),
                (
                    "HALT 0.1, contradicts",
                    halt(a, end(Reason::Error, Some(1), None)),
                ),
            ],
        ),
        scene(
            "fails, delivered",
            plan(&[0, 0]),
            vec![
                ("HALT 0.1", halt(a, end(Reason::Error, Some(3), None))),
                ("exit 0.1", exited(a, RunnerEnd::Code(3), bad(true))),
                ("nobody stores", Seen::Reminded(Reminder::Storing)),
            ],
        ),
        scene(
            "fails, not delivered",
            plan(&[0]),
            vec![("exit 0.1", exited(a, RunnerEnd::Code(3), bad(false)))],
        ),
    ];
    insta::assert_snapshot!(scenes.join("\n"));
}

#[test]
fn refused_before_the_first_attempt() {
    let refused = || plan(&[1]).refused(Some("no such image".to_owned()));
    let scenes = [
        scene(
            "nothing is started, all is ended",
            refused(),
            vec![("TERMINATE", Seen::Terminated)],
        ),
        scene(
            "again, by a process that takes over",
            refused().stopped_before(true),
            vec![("nobody stores", Seen::Reminded(Reminder::Storing))],
        ),
    ];
    insta::assert_snapshot!(scenes.join("\n"));
}

#[test]
fn what_a_runner_left_undelivered() {
    let a = at(0, 1);
    let scenes = [
        scene(
            "fails, and left what it could not deliver",
            plan(&[0]),
            vec![(
                "exit 0.1",
                Seen::Exited {
                    at: a,
                    exit: Box::new(ExitView {
                        undelivered: true,
                        ..*exit(RunnerEnd::Code(3), Some(bad(false)))
                    }),
                },
            )],
        ),
        scene(
            "delivered after all, and a file is left",
            plan(&[0]),
            vec![
                ("HALT 0.1", halt(a, end(Reason::Error, Some(3), None))),
                (
                    "exit 0.1",
                    Seen::Exited {
                        at: a,
                        exit: Box::new(ExitView {
                            undelivered: true,
                            ..*exit(RunnerEnd::Code(3), Some(bad(false)))
                        }),
                    },
                ),
            ],
        ),
    ];
    insta::assert_snapshot!(scenes.join("\n"));
}

fn no_runner(at: At, time: i64) -> Seen {
    Seen::LaunchFailed {
        at,
        reason: Reason::Error,
        message: "no runner".into(),
        ended_at: Timestamp(time),
    }
}

#[test]
fn ends_without_a_report() {
    let a = at(0, 1);
    let scenes = [
        scene(
            "the runner is killed",
            plan(&[0]),
            vec![("exit 0.1", exited(a, KILLED, Some(log(None, false))))],
        ),
        scene(
            "killed between PROGRESS and HALT",
            plan(&[0]),
            vec![
                ("PROGRESS 0.1", progress(a, "one")),
                ("exit 0.1", exited(a, KILLED, Some(log(None, false)))),
            ],
        ),
        scene(
            "killed for memory",
            plan(&[0]),
            vec![(
                "exit 0.1",
                Seen::Exited {
                    at: a,
                    exit: Box::new(ExitView {
                        oom_kills: Some(1),
                        ..*exit(KILLED, Some(log(None, false)))
                    }),
                },
            )],
        ),
        scene(
            "exit code 0, no readable log",
            plan(&[0]),
            vec![("exit 0.1", exited(a, OK, None))],
        ),
        scene(
            "exit code 0, but never started",
            plan(&[0]),
            vec![(
                "exit 0.1",
                exited(
                    a,
                    OK,
                    Some(TerminationLog {
                        started_at: None,
                        ..log(None, false)
                    }),
                ),
            )],
        ),
        scene(
            "the runner panics",
            plan(&[0]),
            vec![(
                "exit 0.1",
                Seen::Exited {
                    at: a,
                    exit: Box::new(ExitView {
                        last_words: Some("thread 'main' panicked".to_owned()),
                        ..*exit(RunnerEnd::Code(101), None)
                    }),
                },
            )],
        ),
        scene(
            "can't be launched",
            plan(&[1]),
            vec![
                ("no 0.1", no_runner(a, 3)),
                ("no 0.2", no_runner(at(0, 2), 4)),
            ],
        ),
        scene(
            "messages about nothing",
            plan(&[0]),
            vec![
                ("PROGRESS 0.9", progress(at(0, 9), "x")),
                (
                    "HALT 7.1",
                    halt(at(7, 1), end(Reason::Error, Some(1), None)),
                ),
                ("exit 7.1", exited(at(7, 1), OK, None)),
                ("TERMINATE", Seen::Terminated),
            ],
        ),
    ];
    insta::assert_snapshot!(scenes.join("\n"));
}

#[test]
fn retries_and_terminations() {
    let (a, second) = (at(0, 1), at(0, 2));
    let evicted = || halt(a, end(Reason::Evicted, None, None));
    let timed = || {
        let timed = TaskPlan {
            timeout: Some(Duration::from_mins(1)),
            ..task("camera", 0)
        };
        Plan::new(vec![timed], patience())
    };
    let scenes = [
        scene(
            "one retry, then well",
            plan(&[1]),
            vec![
                ("HALT 0.1", halt(a, end(Reason::Signal, None, Some(11)))),
                ("exit 0.1", exited(a, RunnerEnd::Signal(11), bad(true))),
                (
                    "HALT 0.1, late",
                    halt(a, end(Reason::Signal, None, Some(11))),
                ),
                ("PROGRESS 0.2", progress(second, "two")),
                ("exit 0.2", exited(second, OK, well())),
            ],
        ),
        scene(
            "one retry, in vain",
            plan(&[1]),
            vec![
                ("exit 0.1", exited(a, KILLED, None)),
                ("exit 0.2", exited(second, RunnerEnd::Code(3), bad(true))),
            ],
        ),
        scene(
            "eviction uses up none",
            plan(&[0]),
            vec![
                ("HALT 0.1", evicted()),
                ("exit 0.1", exited(a, RunnerEnd::Code(1), bad(true))),
            ],
        ),
        scene(
            "a soft end",
            plan(&[3, 0]),
            vec![
                ("soft", Seen::Terminate { hard: false }),
                ("soft again", Seen::Terminate { hard: false }),
                ("HALT 0.1", halt(a, end(Reason::Terminated, None, Some(15)))),
                ("exit 0.1", exited(a, RunnerEnd::Signal(15), bad(true))),
            ],
        ),
        scene(
            "a hard end, twice",
            plan(&[0, 0]),
            vec![
                ("soft", Seen::Terminate { hard: false }),
                ("hard", Seen::Terminate { hard: true }),
                ("exit 0.1", exited(a, KILLED, Some(log(None, false)))),
                ("hard", Seen::Terminate { hard: true }),
                ("TERMINATE", Seen::Terminated),
            ],
        ),
        scene(
            "an end before a retry",
            plan(&[1]),
            vec![
                ("HALT 0.1", halt(a, end(Reason::Error, Some(3), None))),
                ("soft", Seen::Terminate { hard: false }),
                ("exit 0.1", exited(a, RunnerEnd::Code(3), bad(true))),
            ],
        ),
        scene(
            "an end when all is done",
            plan(&[0]),
            vec![
                ("PROGRESS 0.1", progress(a, "one")),
                ("soft", Seen::Terminate { hard: false }),
                ("exit 0.1", exited(a, OK, well())),
            ],
        ),
        scene(
            "a runner that hangs",
            timed(),
            vec![
                ("deadline", Seen::Reminded(Reminder::Deadline(a))),
                ("exit 0.1", exited(a, KILLED, Some(log(None, false)))),
            ],
        ),
        scene(
            "a runner that does not go",
            plan(&[0, 0]),
            vec![
                ("PROGRESS 0.1", progress(a, "one")),
                ("linger", Seen::Reminded(Reminder::Linger(a))),
                ("exit 0.1", exited(a, KILLED, Some(log(None, false)))),
            ],
        ),
    ];
    insta::assert_snapshot!(scenes.join("\n"));
}

#[test]
fn who_told_it_to_end() {
    let (a, second) = (at(0, 1), at(0, 2));
    let told = || Some(log(Some(end(Reason::Terminated, Some(143), None)), true));
    let because = |cause| {
        let Seen::Exited { at, mut exit } = exited(a, RunnerEnd::Code(143), told()) else {
            unreachable!("it is one");
        };
        exit.cause = Some(cause);
        Seen::Exited { at, exit }
    };
    let scenes = [
        scene(
            "told to end, and evicted it was",
            plan(&[0]),
            vec![
                (
                    "HALT 0.1",
                    halt(a, end(Reason::Terminated, Some(143), None)),
                ),
                ("exit 0.1", because(Reason::Evicted)),
                ("PROGRESS 0.2", progress(second, "two")),
            ],
        ),
        scene(
            "evicted, and HALT comes later",
            plan(&[0]),
            vec![
                ("exit 0.1", because(Reason::Evicted)),
                (
                    "HALT 0.1",
                    halt(a, end(Reason::Terminated, Some(143), None)),
                ),
            ],
        ),
        scene(
            "told to end by nobody knows whom",
            plan(&[0]),
            vec![
                (
                    "HALT 0.1",
                    halt(a, end(Reason::Terminated, Some(143), None)),
                ),
                ("exit 0.1", exited(a, RunnerEnd::Code(143), told())),
            ],
        ),
    ];
    insta::assert_snapshot!(scenes.join("\n"));
}

#[test]
fn a_process_that_takes_over() {
    let a = at(0, 1);
    insta::assert_snapshot!(scene(
        "a process that takes over after STOP",
        plan(&[0]).stopped_before(true),
        vec![
            ("TERMINATE", Seen::Terminated),
            ("PROGRESS 0.1", progress(a, "one")),
            ("exit 0.1", exited(a, OK, well())),
        ],
    ));
}

#[test]
fn plain_text_tasks() {
    let a = at(0, 1);
    let text = |output: &str| Seen::TextOutput {
        at: a,
        output: output.to_owned(),
    };
    let own = || {
        let first = TaskPlan {
            reports_itself: true,
            ..task("camera", 0)
        };
        Plan::new(vec![first, task("segment", 0)], patience())
    };
    let scenes = [
        scene(
            "its own word, then the runner's",
            own(),
            vec![
                ("text PROGRESS", text("mine")),
                ("text PROGRESS again", text("other")),
                ("PROGRESS 0.1", progress(a, "last line")),
            ],
        ),
        scene(
            "the exit is seen first",
            own(),
            vec![
                ("exit 0.1", exited(a, OK, well())),
                ("text PROGRESS", text("mine")),
            ],
        ),
        scene(
            "HALT overtakes it",
            own(),
            vec![
                ("HALT 0.1", halt(a, end(Reason::Completed, Some(0), None))),
                ("exit 0.1", exited(a, OK, well())),
                ("text PROGRESS", text("mine")),
                ("PROGRESS 0.1", progress(a, "last line")),
            ],
        ),
        scene(
            "the runner's PROGRESS and HALT overtake it",
            own(),
            vec![
                ("PROGRESS 0.1", progress(a, "last line")),
                ("HALT 0.1", halt(a, end(Reason::Completed, Some(0), None))),
                ("text PROGRESS", text("mine")),
            ],
        ),
        scene(
            "HALT, and no word of its own",
            own(),
            vec![
                ("HALT 0.1", halt(a, end(Reason::Completed, Some(0), None))),
                ("exit 0.1", exited(a, KILLED, None)),
                ("output?", Seen::Reminded(Reminder::Output(a))),
            ],
        ),
        scene(
            "a second HALT says otherwise",
            own(),
            vec![
                ("HALT 0.1", halt(a, end(Reason::Completed, Some(0), None))),
                ("HALT 0.1", halt(a, end(Reason::Error, Some(3), None))),
                ("output?", Seen::Reminded(Reminder::Output(a))),
            ],
        ),
        scene(
            "no word of its own",
            own(),
            vec![
                ("exit 0.1", exited(a, OK, well())),
                ("output?", Seen::Reminded(Reminder::Output(a))),
                ("output?", Seen::Reminded(Reminder::Output(a))),
            ],
        ),
        scene(
            "no word of its own, but the runner's",
            own(),
            vec![
                ("exit 0.1", exited(a, OK, well())),
                ("PROGRESS 0.1", progress(a, "last line")),
                ("output?", Seen::Reminded(Reminder::Output(a))),
            ],
        ),
        scene(
            "its own word does not end it",
            own(),
            vec![
                ("text PROGRESS", text("mine")),
                ("HALT 0.1", halt(a, end(Reason::Error, Some(3), None))),
            ],
        ),
        scene(
            "a task that was not asked",
            plan(&[0]),
            vec![("text PROGRESS", text("mine"))],
        ),
    ];
    insta::assert_snapshot!(scenes.join("\n"));
}
