//! Tells the broker of the attempt, from a thread of its own: the command never waits for it.

use std::{
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use bus::RunnerProducer;
use model::{
    AttemptSpec, Envelope, Message, Reading, Timestamp,
    attempt::BusAddress,
    message::{Backlog, Halt, Header, Progress, Started},
    run::RunFacts,
};
use tokio::sync::oneshot;

use crate::{
    facts,
    undelivered::{self, Letter},
};

/// What is known when the command starts.
pub(crate) struct Start {
    pub(crate) stream: Option<String>,
    pub(crate) started_at: Timestamp,
    pub(crate) baseline: Reading,
    pub(crate) source: &'static str,
}

/// What is known at its end.
pub(crate) struct End {
    pub(crate) progress: Option<Progress>,
    /// The last acknowledged reading.
    pub(crate) base: Option<Box<Reading>>,
    pub(crate) backlog: Vec<Reading>,
    pub(crate) halt: Halt,
    /// How long to try.
    pub(crate) patience: Duration,
    /// Told whether everything was delivered.
    pub(crate) delivered: oneshot::Sender<bool>,
}

/// The way to the thread.
pub(crate) struct Reporter {
    end: Option<Sender<End>>,
}

impl Reporter {
    /// Starts the thread, which says ORDER as soon as it can.
    pub(crate) fn start(spec: &AttemptSpec, start: Start) -> Self {
        let Some(address) = spec.bus.clone() else {
            return Self { end: None };
        };
        let (sender, receiver) = mpsc::channel();
        let spec = spec.clone();
        let work = move || {
            if let Err(error) = report(&spec, &address, start, &receiver) {
                eprintln!("podometer runner: can't report to the broker: {error:#}");
            }
        };
        let thread = thread::Builder::new()
            .name("report".to_owned())
            .stack_size(256 * 1024);
        Self {
            end: thread.spawn(work).ok().map(|_| sender),
        }
    }

    /// Hands over the end. A thread that is gone drops it, which its receiver sees.
    pub(crate) fn end(self, end: End) {
        if let Some(sender) = self.end {
            let _ = sender.send(end);
        }
    }
}

fn report(
    spec: &AttemptSpec,
    address: &BusAddress,
    start: Start,
    ends: &Receiver<End>,
) -> anyhow::Result<()> {
    // First of all: the client connects in its own threads while facts are gathered here.
    let producer = RunnerProducer::connect(address)?;
    let topics = &address.topics;
    let order = Message::Order(Box::new(started(spec, start)));
    let mut letters = vec![(topics.task.as_str(), envelope(spec, order))];
    send(&producer, &letters)?;
    let Some(end) = wait_for_end(&producer, ends) else {
        return Ok(());
    };
    if producer.undelivered() == 0 {
        letters.clear();
    }
    let unsent = letters.len();
    let (patience, delivered) = (end.patience, end.delivered);
    let portions = portions(&end.backlog, producer.max_backlog_bytes());
    let words = last_words(end.progress, end.base, portions, end.halt);
    letters.extend(words.into_iter().map(|message| {
        let to_orchestrator = matches!(message, Message::Progress(_));
        let topic = if to_orchestrator {
            &topics.orchestrator
        } else {
            &topics.task
        };
        (topic.as_str(), envelope(spec, message))
    }));
    send(&producer, &letters[unsent..])?;
    let file = spec.undelivered.as_deref();
    let _ = delivered.send(undelivered::deliver(&producer, &letters, file, patience));
    // The process ends now; taking the client down in good order would only cost time.
    std::mem::forget(producer);
    Ok(())
}

fn envelope(spec: &AttemptSpec, message: Message) -> Envelope {
    Envelope {
        header: Header::attempt(spec.order.clone(), spec.key, spec.task.clone()),
        message,
    }
}

fn send(producer: &RunnerProducer, letters: &[Letter<'_>]) -> Result<(), bus::Error> {
    letters
        .iter()
        .try_for_each(|(topic, envelope)| producer.send(topic, envelope))
}

/// What is said of the end, in this order.
fn last_words(
    progress: Option<Progress>,
    mut base: Option<Box<Reading>>,
    portions: impl Iterator<Item = Vec<Reading>>,
    halt: Halt,
) -> Vec<Message> {
    let mut words: Vec<_> = progress.map(Message::Progress).into_iter().collect();
    words.extend(portions.map(|readings| {
        let base = base.take();
        Message::Backlog(Backlog { base, readings })
    }));
    words.push(Message::Halt(Box::new(halt)));
    words
}

fn started(spec: &AttemptSpec, start: Start) -> Started {
    Started {
        stream: start.stream,
        started_at: start.started_at,
        baseline: start.baseline,
        facts: RunFacts {
            task: spec.task.clone(),
            image: spec.image.clone(),
            image_digest: spec.image_digest.clone(),
            command: spec.argv.clone(),
            resources: spec.resources.clone(),
            launcher: spec.launcher,
            source: start.source.to_owned(),
            period_seconds: spec.period.get().as_secs_f64(),
            machine: facts::machine(),
            input: spec.input.as_deref().and_then(facts::input),
        },
    }
}

/// Serves delivery reports while there are any to come. `None` if the runner is gone.
fn wait_for_end(producer: &RunnerProducer, ends: &Receiver<End>) -> Option<End> {
    let begun = Instant::now();
    loop {
        // A broker that answers does so at once; one that doesn't is asked less and less often.
        let pause = begun
            .elapsed()
            .clamp(Duration::from_millis(5), Duration::from_secs(1));
        if producer.undelivered() == 0 {
            return ends.recv().ok();
        }
        match ends.recv_timeout(pause) {
            Ok(end) => return Some(end),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => producer.poll(),
        }
    }
}

/// Readings in portions that fit a message of so many bytes.
fn portions(readings: &[Reading], bytes: usize) -> impl Iterator<Item = Vec<Reading>> {
    // The longest reading's JSON: 26 numbers of up to 20 digits with their names.
    const LONGEST: usize = 1400;
    readings
        // One less, for the base.
        .chunks((bytes / LONGEST).saturating_sub(1).max(1))
        .map(<[Reading]>::to_vec)
}

#[cfg(test)]
mod tests {
    use model::{
        message::MAX_BACKLOG_BYTES,
        reading::{Counters, Gauges},
    };

    use super::*;

    #[test]
    fn the_longest_portion_fits() {
        let most = Some(u64::MAX);
        let reading = Reading {
            seq: u64::MAX,
            time_us: Timestamp(i64::MIN),
            step_us: u64::MAX,
            is_final: true,
            cpu_lower_bound: true,
            counters: Counters {
                cpu_usage_nsec: most,
                cpu_user_nsec: most,
                cpu_system_nsec: most,
                throttled_usec: most,
                io_read_bytes: most,
                io_write_bytes: most,
                read_chars: most,
                write_chars: most,
                net_rx_bytes: most,
                net_tx_bytes: most,
                cpu_pressure_usec: most,
                memory_pressure_usec: most,
                io_pressure_usec: most,
                major_faults: most,
                oom_kill: most,
                monitor_cpu_nsec: most,
            },
            gauges: Gauges {
                memory_bytes: most,
                memory_anon_bytes: most,
                memory_file_bytes: most,
                swap_bytes: most,
                memory_kernel_peak_bytes: most,
                processes: most,
                threads: most,
                monitor_memory_bytes: most,
            },
        };
        let readings = vec![reading; 1000];
        for bytes in [MAX_BACKLOG_BYTES, 20_000] {
            for readings in portions(&readings, bytes) {
                let base = Some(Box::new(reading));
                let text = serde_json::to_vec(&Backlog { base, readings }).unwrap();
                assert!(text.len() <= bytes, "{}", text.len());
            }
        }
    }
}
