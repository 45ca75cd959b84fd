//! One attempt from its start to its end.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use model::{AttemptSpec, Reading, TerminationLog, Timestamp, Totals, run::RunEnd, stream::Heard};
use nix::sys::signal::Signal;
use tokio::{
    task::{JoinHandle, LocalSet, spawn_local},
    time::{sleep_until, timeout},
};

use crate::{
    children::{Children, descendants},
    command::{self, Started},
    go::{self, Word},
    grid,
    meter::{Clock, Meter},
    outcome::{Ended, Intervention},
    output,
    report::{Reporter, Start},
    setup::{self, Asked, Signals},
    stream::{self, Shared, Terms},
    termination::LogFile,
    totals::Peaks,
};

mod end;

/// How long killed processes get to vanish. One that hangs in the kernel must not hang the order.
const REAP_PATIENCE: Duration = Duration::from_secs(10);

/// What a shell exits with when it was terminated.
const TERMINATED: i32 = 128 + Signal::SIGTERM as i32;

/// Runs the attempt; returns the exit code to end with.
pub(crate) fn run(spec: AttemptSpec) -> Result<i32> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async {
        let mut attempt = Attempt::prepare(spec)?;
        if !attempt.may_start().await {
            return Ok(TERMINATED);
        }
        attempt.run().await
    })
}

/// All that an attempt needs while it runs.
struct Attempt {
    spec: AttemptSpec,
    launcher: u32,
    clock: Clock,
    meter: Meter,
    signals: Signals,
    shared: Shared,
    stream: Option<(JoinHandle<()>, String)>,
    word: Word,
    log_file: LogFile,
    peaks: Peaks,
    last: Reading,
    intervention: Intervention,
    /// The command and its descendants are killed then.
    kill_at: Option<Instant>,
}

impl Attempt {
    fn prepare(spec: AttemptSpec) -> Result<Self> {
        let launcher = std::os::unix::process::parent_id();
        setup::become_subreaper();
        let signals = Signals::listen().context("runner")?;
        let clock = Clock::start();
        let meter = Meter::open(&spec, clock);
        let log_file = LogFile::open(&spec.termination_log);
        setup::protect();
        let (shared, (gate, word)) = (Shared::default(), go::gate());
        let stream = match stream::bind(&spec) {
            Ok((listener, address)) => {
                let serve = stream::serve(listener, shared.clone(), Terms::of(&spec), gate);
                Some((spawn_local(serve), address))
            }
            Err(error) if spec.wait => return Err(error.context("nobody could say GO")),
            Err(error) => {
                eprintln!("podometer runner: {error:#}");
                None
            }
        };
        Ok(Self {
            spec,
            launcher,
            clock,
            meter,
            signals,
            shared,
            stream,
            word,
            log_file,
            peaks: Peaks::default(),
            last: Reading::default(),
            intervention: Intervention::None,
            kill_at: None,
        })
    }

    /// Waits for the orchestrator's word, if it is to; returns whether the command is to be started.
    async fn may_start(&mut self) -> bool {
        if !self.spec.wait {
            return true;
        }
        let given = loop {
            tokio::select! {
                given = self.word.given() => break given,
                asked = self.signals.next() => if matches!(asked, Asked::Terminate | Asked::Orphaned) {
                    return false;
                },
            }
        };
        self.spec.env.extend(given.env);
        self.spec.argv.extend(given.argv_tail);
        // The wall clock may have been set meanwhile.
        self.clock = Clock::start();
        self.meter.set_clock(self.clock);
        true
    }

    async fn run(mut self) -> Result<i32> {
        let baseline = self.sample(false);
        let start = Instant::now();
        let started_at = self.clock.at(start);
        let command = command::start(&self.spec);
        self.word.answer(match &command {
            Ok(_) => Heard::Started,
            Err(ended) => Heard::Failed(ended.message().unwrap_or_default()),
        });
        if let (Ok(command), Some(probe)) = (&command, self.meter.probe()) {
            probe.command_started(command.pid.as_raw());
        }
        self.write_log(started_at, command.as_ref().ok(), None);
        let reporter = Reporter::start(
            &self.spec,
            Start {
                stream: self.stream.as_ref().map(|(_, address)| address.clone()),
                started_at,
                baseline,
                source: self.meter.source(),
            },
        );
        let (ended, end, leftovers, tee) = match command {
            Err(ended) => (ended, Instant::now(), 0, None),
            Ok(command) => {
                let mut children = Children::new(command.pid);
                let (ended, end) = self.watch(&mut children, &command, start, started_at).await;
                command.restore_terminal();
                let leftovers = self.end_leftovers(&mut children).await;
                (ended, end, leftovers, command.tee)
            }
        };
        self.sample(true);
        let said = match tee {
            Some(tee) => Some(tee.finish().await),
            None => None,
        };
        let duration = end.saturating_duration_since(start).as_secs_f64();
        let totals = Totals {
            leftover_processes: Some(leftovers),
            ..self.totals(Some(duration))
        };
        let output = output::read(&self.spec, said);
        self.finish(reporter, started_at, end, &ended, totals, output)
            .await;
        self.word.answered().await;
        Ok(ended.process_code())
    }

    /// Takes a reading and keeps it for the readers.
    fn sample(&mut self, is_final: bool) -> Reading {
        let reading = self.meter.read(is_final);
        self.peaks.observe(&reading);
        self.last = reading;
        self.shared.retained.borrow_mut().push(&reading);
        self.shared.changed.notify_one();
        reading
    }

    /// Watches the command until it has ended; returns how and when.
    async fn watch(
        &mut self,
        children: &mut Children,
        command: &Started,
        start: Instant,
        started_at: Timestamp,
    ) -> (Ended, Instant) {
        let period = self.spec.period.get();
        let deadline = self.spec.timeout.map(|timeout| start + timeout.get());
        let mut sample_at = start + grid::next_after(Duration::ZERO, period);
        loop {
            // What ended before the signal was listened for is seen here.
            children.reap(&mut self.meter);
            if let Some(ended) = children.ended() {
                return (ended.clone(), Instant::now());
            }
            let due = |at: Option<Instant>| sleep_until(at.unwrap_or(start).into());
            let timed = deadline.filter(|_| self.intervention == Intervention::None);
            tokio::select! {
                biased;
                asked = self.signals.next() => self.obey(asked, children),
                () = due(self.kill_at), if self.kill_at.is_some() => {
                    children.signal_all(Signal::SIGKILL);
                    self.kill_at = Some(Instant::now() + Duration::from_millis(100));
                }
                () = due(timed), if timed.is_some() => self.terminate(Intervention::TimedOut, children),
                () = sleep_until(sample_at.into()) => {
                    self.sample(false);
                    self.write_log(started_at, Some(command), None);
                    sample_at = start + grid::next_after(start.elapsed(), period);
                }
            }
        }
    }

    fn obey(&mut self, asked: Asked, children: &Children) {
        match asked {
            Asked::Reap => {}
            Asked::Forward(signal) => children.forward(signal),
            Asked::Orphaned => self.terminate(Intervention::Interrupted, children),
            Asked::Terminate => {
                // The launcher may have ended before its end was listened for.
                let orphaned = std::os::unix::process::parent_id() != self.launcher;
                let why = if orphaned {
                    Intervention::Interrupted
                } else {
                    Intervention::Terminated
                };
                self.terminate(why, children);
            }
        }
    }

    /// Asks all processes to end, and sets the time by which they must have.
    fn terminate(&mut self, why: Intervention, children: &Children) {
        if self.intervention == Intervention::None {
            self.intervention = why;
        }
        children.signal_all(Signal::SIGTERM);
        self.kill_at
            .get_or_insert_with(|| Instant::now() + self.spec.grace.get());
    }

    /// Ends what the command left behind: TERM, the grace period, KILL. Returns how many there were.
    async fn end_leftovers(&mut self, children: &mut Children) -> u64 {
        if children.reap(&mut self.meter) {
            return 0;
        }
        let (orphans_before, left) = (children.orphans_reaped(), descendants().len() as u64);
        children.signal_all(Signal::SIGTERM);
        let mut kill_at = self
            .kill_at
            .unwrap_or_else(|| Instant::now() + self.spec.grace.get());
        let give_up = kill_at + REAP_PATIENCE;
        while !children.reap(&mut self.meter) && Instant::now() < give_up {
            if timeout(
                kill_at.saturating_duration_since(Instant::now()),
                self.signals.next(),
            )
            .await
            .is_err()
            {
                children.signal_all(Signal::SIGKILL);
                kill_at = Instant::now() + Duration::from_millis(20);
            }
        }
        left.max(children.orphans_reaped() - orphans_before)
    }

    fn totals(&self, duration: Option<f64>) -> Totals {
        self.peaks
            .totals(&self.last, self.meter.anon_peak(), duration)
    }

    fn log(
        &self,
        started_at: Timestamp,
        group: Option<i32>,
        end: Option<RunEnd>,
    ) -> TerminationLog {
        let elapsed = self.last.time_us.seconds_since(started_at).max(0.0);
        TerminationLog {
            v: 1,
            key: self.spec.key,
            started_at: Some(started_at),
            written_at: self.last.time_us,
            last_seq: self.last.seq,
            totals: self.totals(Some(elapsed)),
            end,
            delivered: false,
            output: None,
            process_group: group,
        }
    }

    fn write_log(&mut self, started_at: Timestamp, command: Option<&Started>, end: Option<RunEnd>) {
        let log = self.log(started_at, command.map(|c| c.pid.as_raw()), end);
        self.log_file.write(&log);
    }
}
