//! What the caller says: plain numbers and names. Layout, scale and colours are ours.

use crate::units::Unit;

/// The width of a picture that nobody asked otherwise for, in pixels.
pub const DEFAULT_WIDTH: u32 = 1200;

/// One value of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Seconds from the start of the attempt (run chart) or of the order (order chart).
    pub t_seconds: f64,
    /// The value in the panel's unit; `None` (and NaN, infinite) is missing, which is not zero.
    pub value: Option<f64>,
}

impl Point {
    /// A point that has a value.
    pub const fn new(t_seconds: f64, value: f64) -> Self {
        Self {
            t_seconds,
            value: Some(value),
        }
    }

    /// A point whose value is missing.
    pub const fn missing(t_seconds: f64) -> Self {
        Self {
            t_seconds,
            value: None,
        }
    }

    /// Time and value, if both are numbers that can be drawn.
    pub(crate) fn known(self) -> Option<(f64, f64)> {
        let value = self.value.filter(|v| v.is_finite())?;
        self.t_seconds
            .is_finite()
            .then_some((self.t_seconds, value))
    }
}

/// What a value says about time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// The value is what was read at that instant: drawn as a line from reading to reading.
    #[default]
    Gauge,
    /// The value is the mean over the time step that ends there: drawn as a step. The step begins
    /// at the point before, missing or not; the first point's begins at zero.
    Rate,
}

/// How a series is drawn in its panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Look {
    /// A line.
    #[default]
    Line,
    /// An area, on top of the areas of the panel's earlier series.
    Stacked,
}

/// One line or area of a panel. Points are in order of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// Line or stacked area.
    pub look: Look,
    /// The values, in order of time.
    pub points: Vec<Point>,
}

/// A dashed horizontal line with a label: what was requested, what was allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// What the line is: "request", "limit".
    pub name: String,
    /// Where it is, in the panel's unit.
    pub value: f64,
}

/// One resource, or a few that belong together, on one scale.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Panel {
    /// What is drawn, without its unit: "CPU".
    pub title: String,
    /// The unit of all values of the panel.
    pub unit: Unit,
    /// Whether the values are readings or means over the time step before them.
    pub kind: Kind,
    /// The lines and areas; those without any value are left out, and so is a panel without any.
    pub series: Vec<Series>,
    /// Requested and limit lines.
    pub references: Vec<Reference>,
}

/// How something ended, in words, and whether that is good.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// "completed", "`oom_killed`, signal 9".
    pub text: String,
    /// Whether to say it in the colour of failure.
    pub failed: bool,
}

/// One picture per run: a panel per resource over the time of one attempt of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct RunChart {
    /// The order's id.
    pub order: String,
    /// The task's name.
    pub task: String,
    /// Which try it was, from 1.
    pub attempt: u32,
    /// How the attempt ended.
    pub outcome: Outcome,
    /// How long it took.
    pub duration_seconds: Option<f64>,
    /// CPU time, user and system, in CPU seconds.
    pub cpu_seconds: Option<f64>,
    /// The peak of memory that the header names.
    pub memory_peak_bytes: Option<f64>,
    /// More pairs for the header: label and value.
    pub facts: Vec<(String, String)>,
    /// The panels, in the order of reading.
    pub panels: Vec<Panel>,
    /// Where the numbers come from: "cgroup v2", "process tree".
    pub source: String,
    /// What to know before believing the numbers: "censored", "3 samples missed".
    pub flags: Vec<String>,
    /// The picture's width in pixels; its height follows from the panels.
    pub width: u32,
}

impl Default for RunChart {
    fn default() -> Self {
        Self {
            order: String::new(),
            task: String::new(),
            attempt: 1,
            outcome: Outcome::default(),
            duration_seconds: None,
            cpu_seconds: None,
            memory_peak_bytes: None,
            facts: Vec::new(),
            panels: Vec::new(),
            source: String::new(),
            flags: Vec::new(),
            width: DEFAULT_WIDTH,
        }
    }
}

/// One attempt in an order's picture.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attempt {
    /// Which try it was, from 1.
    pub number: u32,
    /// Seconds from the order's start to the attempt's.
    pub start_seconds: f64,
    /// Seconds from the order's start to the attempt's end; `None` while it runs.
    pub end_seconds: Option<f64>,
    /// The reason if it failed: "`oom_killed`".
    pub failure: Option<String>,
    /// CPU in cores, means over the time steps; time from the order's start.
    pub cpu_cores: Vec<Point>,
    /// Memory in bytes, readings; time from the order's start.
    pub memory_bytes: Vec<Point>,
}

/// A task and its attempts: one row of the timeline.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TaskRow {
    /// The task's name.
    pub name: String,
    /// Its attempts, in order of time; none if it never started.
    pub attempts: Vec<Attempt>,
}

/// One picture per order: when its tasks ran, and their CPU and memory on the same time axis.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderChart {
    /// The order's id.
    pub order: String,
    /// How the order ended.
    pub outcome: Outcome,
    /// How long it took.
    pub duration_seconds: Option<f64>,
    /// CPU time of all attempts, in CPU seconds.
    pub cpu_seconds: Option<f64>,
    /// The highest peak of memory of an attempt.
    pub memory_peak_bytes: Option<f64>,
    /// More pairs for the header: label and value.
    pub facts: Vec<(String, String)>,
    /// The tasks by position.
    pub tasks: Vec<TaskRow>,
    /// Where the numbers come from.
    pub source: String,
    /// What to know before believing the numbers.
    pub flags: Vec<String>,
    /// The picture's width in pixels; its height follows from the tasks.
    pub width: u32,
}

impl Default for OrderChart {
    fn default() -> Self {
        Self {
            order: String::new(),
            outcome: Outcome::default(),
            duration_seconds: None,
            cpu_seconds: None,
            memory_peak_bytes: None,
            facts: Vec::new(),
            tasks: Vec::new(),
            source: String::new(),
            flags: Vec::new(),
            width: DEFAULT_WIDTH,
        }
    }
}
