//! One HTML file per order: no scripts, no loads, everything inside.

mod html;

pub(crate) use html::escape;

/// Whether a line is plain, good, or something to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Plain.
    #[default]
    Plain,
    /// It went well.
    Good,
    /// Look at this before believing the numbers.
    Warning,
    /// It failed.
    Bad,
}

/// Pairs under one heading: order, machine, input.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FactGroup {
    /// The heading.
    pub title: String,
    /// Label and value.
    pub facts: Vec<(String, String)>,
}

/// A column of the table of runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Column {
    /// The heading.
    pub title: String,
    /// Whether its cells are numbers, which stand to the right.
    pub numeric: bool,
}

/// A row of the table of runs. Missing cells stay empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// The cells, formatted by the caller.
    pub cells: Vec<String>,
    /// The colour of the row's mark.
    pub tone: Tone,
}

/// A table with a caption and perhaps a last row of sums.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// What the table shows.
    pub caption: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
    /// The sums; no row if empty.
    pub totals: Vec<String>,
}

/// A remark: a limit of the numbers, a warning, a failure.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Note {
    /// How serious it is.
    pub tone: Tone,
    /// The remark.
    pub text: String,
}

/// A chart with what is said about it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figure {
    /// The heading.
    pub title: String,
    /// The chart as [`run_chart`](crate::run_chart) or [`order_chart`](crate::order_chart) drew it.
    /// It goes into the page as it is, so it must come from there; what is not an SVG element is
    /// shown as text.
    pub svg: String,
    /// The picture in words, for those who can't see it.
    pub alt: String,
    /// A line under the chart; none if empty.
    pub caption: String,
}

/// What a task handed on or printed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// Whose output: task and attempt.
    pub title: String,
    /// The output, shown as it is.
    pub text: String,
}

/// A picture with a caption.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Picture {
    /// A line under the picture.
    pub caption: String,
    /// The picture in words.
    pub alt: String,
    /// The picture's file as PNG.
    pub png: Vec<u8>,
}

/// Everything there is to say about one order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The page's title: the order's id.
    pub title: String,
    /// A line under the title.
    pub subtitle: String,
    /// The order's status.
    pub status: String,
    /// The colour of the status.
    pub tone: Tone,
    /// The few numbers that people look for first: label and value.
    pub totals: Vec<(String, String)>,
    /// Remarks and warnings.
    pub notes: Vec<Note>,
    /// The picture of the order.
    pub overview: Option<Figure>,
    /// The table of runs.
    pub runs: Table,
    /// A chart per run.
    pub charts: Vec<Figure>,
    /// Pictures that the tasks made.
    pub pictures: Vec<Picture>,
    /// Outputs of tasks.
    pub outputs: Vec<Output>,
    /// Facts in groups.
    pub facts: Vec<FactGroup>,
    /// The last line: who made the page, and when.
    pub footer: String,
}

/// The report as one self-contained HTML page: it loads nothing, needs no script, follows the
/// reader's light or dark setting, and escapes every text that it was given.
pub fn report(report: &Report) -> String {
    html::page(report)
}
