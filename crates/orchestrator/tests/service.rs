//! The service over the embedded broker. Runners are shell scripts, so that here every attempt's end
//! comes by the launcher's view; the real runner is tested where the program is put together.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::{
    fs,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bus::{Bus, Event, Start};
use model::{
    Attempt, AttemptKey, Envelope, Message, OrderHandle, Position, Reason, Status, Timestamp,
    message::{Halt, Header, Progress, Sender, Terminate},
    termination::Undelivered,
};
use orchestrator::{Control, Error, Options, Orchestrator, OrderEvent, Outcome, local::Local};
use support::{exists, line_of, order, request, shell, soon};
use tempfile::tempdir;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

const LIMIT: Duration = Duration::from_secs(30);

fn orchestrator(bus: &Bus, launcher: Local) -> Orchestrator<Local> {
    let options = Options {
        storing_timeout: Duration::from_secs(5),
        ..Options::of(bus)
    };
    Orchestrator::new(bus.clone(), launcher, options).unwrap()
}

/// Stands at the other end of the task topic: keeps what comes, and answers STOP if it is to.
async fn other_end(
    bus: &Bus,
    handle: &OrderHandle,
    answers: bool,
) -> (Arc<Mutex<Vec<Message>>>, JoinHandle<()>) {
    bus.create_topics(&handle.topics).await.unwrap();
    let reader = bus.reader("test").unwrap();
    reader.add(&handle.topics.task, Start::Earliest).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (kept, bus, handle) = (Arc::clone(&seen), bus.clone(), handle.clone());
    let task = tokio::spawn(async move {
        let publisher = bus.publisher().unwrap();
        while let Ok(incoming) = reader.recv().await {
            let Event::Message(envelope) = incoming.event else {
                continue;
            };
            let stop = matches!(envelope.message, Message::Stop(_));
            kept.lock().unwrap().push(envelope.message);
            if stop && answers {
                let header = Header::order(handle.order.clone(), handle.order_uid);
                let message = Message::Terminate(Terminate { samples: 0 });
                let answer = Envelope { header, message };
                publisher
                    .publish(&handle.topics.task, &answer)
                    .await
                    .unwrap();
            }
        }
    });
    (seen, task)
}

async fn run(script: &str, id: &str, tasks: &str, answers: bool) -> (Outcome, Vec<Message>) {
    let folder = tempdir().unwrap();
    let bus = Bus::embedded().unwrap();
    let (request, _control) = request(folder.path(), order(id, tasks));
    let (seen, other) = other_end(&bus, &request.handle, answers).await;
    let outcome = timeout(LIMIT, orchestrator(&bus, shell(script)).run(request)).await;
    let last = if answers { "TERMINATE" } else { "STOP" };
    soon("what it sent last comes", || {
        seen.lock().unwrap().iter().any(|m| m.kind() == last)
    });
    other.abort();
    let messages = std::mem::take(&mut *seen.lock().unwrap());
    (outcome.unwrap().unwrap(), messages)
}

const TWO: &str = r#"[{"name": "a", "local": ["true"]}, {"name": "b", "local": ["true"]}]"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_succeeds() {
    let (outcome, messages) = run("exit 0", "well", TWO, true).await;
    assert_eq!((outcome.status, outcome.message), (Status::Succeeded, None));
    assert!(outcome.storing_complete);
    assert_eq!(outcome.attempts.len(), 2);
    let kinds: Vec<_> = messages.iter().map(Message::kind).collect();
    assert_eq!(kinds, ["HALT", "HALT", "STOP", "TERMINATE"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_fails_after_a_retry() {
    let tasks =
        r#"[{"name": "a", "local": ["true"], "retries": 1}, {"name": "b", "local": ["true"]}]"#;
    let (outcome, messages) = run("kill -KILL $$", "bad", tasks, true).await;
    assert_eq!(outcome.status, Status::Failed);
    assert_eq!(
        outcome.message.as_deref(),
        Some("task a (position 0), attempt 2: its runner was killed (signal 9 (SIGKILL))")
    );
    assert_eq!(
        outcome
            .attempts
            .iter()
            .map(|a| a.reason)
            .collect::<Vec<_>>(),
        [Reason::Lost; 2]
    );
    assert_eq!(outcome.last_end.unwrap().signal, Some(9));
    let Message::Stop(stop) = &messages[2] else {
        panic!("{messages:?}")
    };
    assert_eq!((stop.status, stop.attempts.len()), (Status::Failed, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_stores() {
    let begin = Instant::now();
    let (outcome, _) = run("exit 0", "alone", TWO, false).await;
    assert_eq!(outcome.status, Status::Succeeded);
    assert!(!outcome.storing_complete);
    assert!(begin.elapsed() >= Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn terminated_softly_then_hard() {
    let folder = tempdir().unwrap();
    let bus = Bus::embedded().unwrap();
    let (mut request, control) = request(folder.path(), order("end", TWO));
    let (events, mut happened) = mpsc::unbounded_channel();
    request.events = Some(events);
    let (_seen, other) = other_end(&bus, &request.handle, true).await;
    let pid_file = folder.path().join("pid");
    // It hears TERM and goes on.
    let script = format!(
        "trap '' TERM; sleep 77 & echo $! > {}; while :; do sleep 0.01; done",
        pid_file.display()
    );
    let service = orchestrator(&bus, shell(&script));
    let running = tokio::spawn(async move { service.run(request).await });
    let Some(OrderEvent::Started { pid: Some(pid), .. }) = happened.recv().await else {
        panic!("no start")
    };
    let child = line_of(&pid_file);
    control.send(Control::Soft).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(exists(&pid.to_string()));
    control.send(Control::Hard).unwrap();
    let outcome = timeout(LIMIT, running).await.unwrap().unwrap().unwrap();
    assert_eq!(outcome.status, Status::Terminated);
    assert_eq!(outcome.attempts[0].reason, Reason::Terminated);
    assert!(!exists(&child) && !exists(&pid.to_string()));
    other.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_task_starts_on_progress_and_is_told() {
    let folder = tempdir().unwrap();
    let bus = Bus::embedded().unwrap();
    let (mut request, _control) = request(folder.path(), order("hand-on", TWO));
    let (events, mut happened) = mpsc::unbounded_channel();
    request.events = Some(events);
    let handle = request.handle.clone();
    let (_seen, other) = other_end(&bus, &handle, true).await;
    // The first runner lingers for seconds after its PROGRESS.
    let script = "case $PODOMETER_ATTEMPT in *'\"position\":0'*) sleep 4;; *) echo \"$PODOMETER_ATTEMPT\" >&2;; esac";
    let service = orchestrator(&bus, shell(script));
    let running = tokio::spawn(async move { service.run(request).await });
    assert!(matches!(
        happened.recv().await,
        Some(OrderEvent::Started { .. })
    ));
    let key = AttemptKey {
        order_uid: handle.order_uid,
        position: Position(0),
        attempt: Attempt(1),
    };
    let header = Header::attempt(handle.order.clone(), key, "a".parse().unwrap());
    let message = Message::Progress(Progress {
        output: "42".to_owned(),
        ended_at: Timestamp(1),
    });
    let begin = Instant::now();
    let envelope = Envelope { header, message };
    bus.publisher()
        .unwrap()
        .publish(&handle.topics.orchestrator, &envelope)
        .await
        .unwrap();
    let ended = happened.recv().await.unwrap();
    assert!(matches!(&ended, OrderEvent::Ended { output, .. } if output.as_deref() == Some("42")));
    let Some(OrderEvent::Started { at, .. }) = happened.recv().await else {
        panic!("no start")
    };
    println!("from PROGRESS to the next runner: {:?}", begin.elapsed());
    assert_eq!(at, (Position(1), Attempt(1)));
    assert!(
        begin.elapsed() < Duration::from_millis(3900),
        "not after the first runner's exit"
    );
    let outcome = timeout(LIMIT, running).await.unwrap().unwrap().unwrap();
    assert_eq!(outcome.status, Status::Succeeded);
    let told = fs::read_to_string(folder.path().join("runs/1-b-1.runner.log")).unwrap();
    assert!(told.contains(r#"\"output\":\"42\""#), "{told}");
    other.abort();
}

/// A runner that leaves the file `left` of the order's folder as what it could not deliver.
const LEAVES: &str = r#"
file=$(printf %s "$PODOMETER_ATTEMPT" | sed 's/.*"undelivered":"\([^"]*\)".*/\1/')
cp "$(dirname "$file")/../left" "$file""#;

async fn run_that_leaves(text: impl Fn(&OrderHandle) -> String) -> (Outcome, Vec<Message>, bool) {
    let folder = tempdir().unwrap();
    let bus = Bus::embedded().unwrap();
    let one = r#"[{"name": "a", "local": ["true"]}]"#;
    let (request, _control) = request(folder.path(), order("leaves", one));
    fs::write(folder.path().join("left"), text(&request.handle)).unwrap();
    let (seen, other) = other_end(&bus, &request.handle, true).await;
    let outcome = timeout(LIMIT, orchestrator(&bus, shell(LEAVES)).run(request)).await;
    other.abort();
    let messages = std::mem::take(&mut *seen.lock().unwrap());
    let stays = folder.path().join("runs/0-a-1.undelivered").exists();
    (outcome.unwrap().unwrap(), messages, stays)
}

fn left_halt(handle: &OrderHandle, attempt: u32) -> String {
    let key = AttemptKey {
        order_uid: handle.order_uid,
        position: Position(0),
        attempt: Attempt(attempt),
    };
    let header = Header::attempt(handle.order.clone(), key, "a".parse().unwrap());
    let end = model::run::RunEnd {
        ended_at: Timestamp(5),
        exit_code: Some(0),
        signal: None,
        reason: Reason::Completed,
        message: None,
        censored: false,
    };
    let message = Message::Halt(Box::new(Halt {
        from: Sender::Runner,
        task: "a".parse().unwrap(),
        started_at: Some(Timestamp(1)),
        end,
        totals: model::Totals::default(),
        last_seq: Some(6),
        thinned: 0,
        output: None,
    }));
    let letter = Undelivered::new(&handle.topics.task, &Envelope { header, message });
    Undelivered::to_lines(&[letter.unwrap()]).unwrap()
}

fn halts(messages: &[Message]) -> Vec<(Sender, Option<u64>)> {
    let halts = messages.iter().filter_map(|message| match message {
        Message::Halt(halt) => Some((halt.from, halt.last_seq)),
        _ => None,
    });
    halts.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_runner_could_not_deliver_is_sent_before_stop() {
    let (outcome, messages, stays) = run_that_leaves(|handle| left_halt(handle, 1)).await;
    assert_eq!(outcome.status, Status::Succeeded);
    assert!(outcome.storing_complete && !stays);
    assert_eq!(halts(&messages), [(Sender::Runner, Some(6))]);
    let stop = messages.iter().position(|m| m.kind() == "STOP");
    assert!(messages.iter().position(|m| m.kind() == "HALT") < stop);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_letter_or_somebody_elses_is_not_sent() {
    let texts: [fn(&OrderHandle) -> String; 2] =
        [|_| "rubbish".to_owned(), |handle| left_halt(handle, 2)];
    for text in texts {
        let (outcome, messages, stays) = run_that_leaves(text).await;
        assert_eq!(outcome.status, Status::Succeeded);
        assert!(outcome.storing_complete && stays);
        assert_eq!(halts(&messages), [(Sender::Orchestrator, None)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_orders_at_a_time_and_no_id_twice() {
    let bus = Bus::embedded().unwrap();
    let service = Arc::new(orchestrator(&bus, shell("sleep 1")));
    let mut orders = tokio::task::JoinSet::new();
    let mut others = Vec::new();
    let folder = tempdir().unwrap();
    for number in 0..8 {
        let id = format!("many-{}", number % 7);
        let (request, control) = request(&folder.path().join(number.to_string()), order(&id, TWO));
        if number < 7 {
            others.push(other_end(&bus, &request.handle, true).await);
        } else {
            // The first of this id is under way.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let service = Arc::clone(&service);
        orders.spawn(async move {
            let outcome = timeout(LIMIT, service.run(request)).await.unwrap();
            drop(control);
            outcome
        });
    }
    let ends = orders.join_all().await;
    let taken = ends
        .iter()
        .filter(|end| matches!(end, Err(Error::Taken(_))))
        .count();
    let well = ends
        .iter()
        .flatten()
        .filter(|o| o.status == Status::Succeeded && o.storing_complete);
    assert_eq!((well.count(), taken), (7, 1), "{ends:?}");
    for (_, task) in others {
        task.abort();
    }
}
