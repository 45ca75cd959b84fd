//! What is shown while orders run: bars on a terminal, else a line for each event.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use chart::units;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use model::{Attempt, AttemptKey, Order, OrderId, Position, Resource, Status, TaskName, Values};
use orchestrator::OrderEvent;

use super::{BARS, note, table};

/// How often a bar's clock moves.
const TICK: Duration = Duration::from_millis(200);

/// How orders are shown.
#[derive(Debug, Clone)]
pub(crate) enum Progress {
    /// Bars that move.
    Bars(MultiProgress),
    /// Plain lines.
    Lines,
    /// Not at all.
    Silent,
}

impl Progress {
    /// What suits standard error.
    pub(crate) fn new(quiet: bool) -> Self {
        if quiet {
            return Self::Silent;
        }
        if !io::stderr().is_terminal() {
            return Self::Lines;
        }
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        Self::Bars(BARS.get_or_init(|| bars).clone())
    }

    /// For one order that is about to run.
    pub(crate) fn order(&self, order: &Order) -> OrderProgress {
        let tasks = order.tasks.len();
        let form = match self {
            Self::Bars(bars) => Form::Bar(bar(bars, tasks)),
            Self::Lines => Form::Lines,
            Self::Silent => Form::Silent,
        };
        OrderProgress {
            form,
            order: order.id.clone(),
            tasks,
            current: None,
        }
    }
}

fn bar(bars: &MultiProgress, tasks: usize) -> ProgressBar {
    let bar = bars.add(ProgressBar::new(tasks as u64));
    let form = "{spinner} {prefix}  {bar:20}  {pos}/{len}  {elapsed}  {wide_msg}";
    if let Ok(style) = ProgressStyle::with_template(form) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.enable_steady_tick(TICK);
    bar
}

#[derive(Debug)]
enum Form {
    Bar(ProgressBar),
    Lines,
    Silent,
}

/// How one order is shown.
#[derive(Debug)]
pub(crate) struct OrderProgress {
    form: Form,
    order: OrderId,
    tasks: usize,
    current: Option<(Position, Attempt, TaskName)>,
}

impl OrderProgress {
    /// The order has got its id.
    pub(crate) fn named(&mut self, order: &OrderId) {
        self.order = order.clone();
        if let Form::Bar(bar) = &self.form {
            bar.set_prefix(order.to_string());
        }
    }

    /// Whether samples are of any use.
    pub(crate) fn wants_samples(&self) -> bool {
        matches!(self.form, Form::Bar(_))
    }

    /// Something happened.
    pub(crate) fn event(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::Started {
                at: (position, attempt),
                task,
                ..
            } => {
                self.current = Some((*position, *attempt, task.clone()));
                let which = self.which(*position, *attempt, task);
                match &self.form {
                    Form::Bar(bar) => {
                        bar.set_position(u64::from(position.0));
                        bar.set_message(which);
                    }
                    Form::Lines => note(&format!("{}: {which} started", self.order)),
                    Form::Silent => {}
                }
            }
            OrderEvent::Ended {
                at: (position, attempt),
                task,
                end,
                ..
            } => {
                let which = self.which(*position, *attempt, task);
                match &self.form {
                    Form::Bar(bar) if end.reason.is_success() => {
                        bar.set_position(u64::from(position.0) + 1);
                    }
                    Form::Silent => {}
                    Form::Bar(_) | Form::Lines => {
                        let how =
                            table::result(end.reason, end.exit_code, end.signal, end.censored);
                        let why = end.message.as_deref().map(|m| format!(": {m}"));
                        note(&format!(
                            "{}: {which} {how}{}",
                            self.order,
                            why.unwrap_or_default()
                        ));
                    }
                }
            }
            OrderEvent::Stopped { .. } => {
                self.current = None;
                if let Form::Bar(bar) = &self.form {
                    bar.set_message("storing and drawing");
                }
            }
        }
    }

    /// A sample of the task that runs was taken.
    pub(crate) fn sample(&self, key: &AttemptKey, values: &Values) {
        let (Form::Bar(bar), Some((position, attempt, task))) = (&self.form, &self.current) else {
            return;
        };
        if (key.position, key.attempt) != (*position, *attempt) {
            return;
        }
        let which = self.which(*position, *attempt, task);
        let cpu = values.get(Resource::Cpu).map(units::format_cores);
        let memory = values.get(Resource::Memory).map(units::format_bytes);
        let shown: Vec<_> = [Some(which), cpu, memory].into_iter().flatten().collect();
        bar.set_message(shown.join("  "));
    }

    /// The order is over.
    pub(crate) fn ended(&self, status: Status, message: Option<&str>) {
        let why = message
            .map(|message| format!(": {message}"))
            .unwrap_or_default();
        match &self.form {
            Form::Bar(_) if status == Status::Succeeded => {}
            Form::Silent => {}
            Form::Bar(_) | Form::Lines => note(&format!("{}: {status}{why}", self.order)),
        }
    }

    fn which(&self, position: Position, attempt: Attempt, task: &TaskName) -> String {
        let again = match attempt.0 {
            0 | 1 => String::new(),
            n => format!(", attempt {n}"),
        };
        format!("task {}/{} {task}{again}", position.0 + 1, self.tasks)
    }
}

impl Drop for OrderProgress {
    fn drop(&mut self) {
        if let Form::Bar(bar) = &self.form {
            bar.finish_and_clear();
        }
    }
}
