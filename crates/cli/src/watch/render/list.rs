//! The tasks with their attempts, one a row: how they stand, for how long, what they use.

use chart::units::{self, MISSING};
use model::{Attempt, Timestamp};
use ratatui::{
    Frame,
    layout::{Alignment, Constraint, Rect},
    style::{Color, Style, Stylize},
    text::Text,
    widgets::{Row, Table, TableState},
};

use super::head::clock;
use crate::{
    output::table,
    watch::{
        data::{At, Data, Run, Standing},
        state::State,
    },
};

/// From this width on there is room for how each task stands in words.
const WIDE: u16 = 60;
const NUMBER: u16 = 10;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, now: Timestamp) {
    let (data, rows) = (state.shown(), state.shown().rows());
    let is_wide = area.width >= WIDE;
    let number = Constraint::Length(if is_wide { NUMBER } else { NUMBER - 1 });
    let named = rows.iter().map(|at| data.name(*at).chars().count()).max();
    // The mark before it, and the attempt behind it.
    let name = named.unwrap_or(0) as u16 + 8;
    let mut widths = vec![if is_wide {
        Constraint::Max(name)
    } else {
        Constraint::Fill(1)
    }];
    let mut names = vec![Text::from("  task")];
    if is_wide {
        widths.push(Constraint::Fill(1));
        names.push(Text::from("state"));
    }
    for name in ["time", "CPU", "peak"] {
        widths.push(number);
        names.push(right(name.to_owned()));
    }
    let shown = rows.iter().map(|at| row(data, *at, now, is_wide));
    let list = Table::new(shown, widths)
        .header(Row::new(names).dim())
        .row_highlight_style(Style::new().reversed())
        .column_spacing(1);
    let selected = rows.iter().position(|at| Some(*at) == state.task());
    let mut place = TableState::new().with_selected(selected);
    frame.render_stateful_widget(list, area, &mut place);
}

fn row(data: &Data, at: At, now: Timestamp, is_wide: bool) -> Row<'static> {
    let standing = data.standing(at);
    let run = data.runs.get(&at);
    let is_running = standing == Standing::Running;
    let again = match at.1 {
        Attempt(0 | 1) => String::new(),
        Attempt(n) => format!(" ({n})"),
    };
    let mark = mark(standing);
    let mut cells = vec![Text::from(format!("{mark} {}{again}", data.name(at)))];
    if is_wide {
        cells.push(Text::from(words(data, at)));
    }
    let time = run.and_then(|run| run.seconds(is_running, now));
    cells.push(right(or_missing(time, |s| clock(s, !is_running))));
    let cpu = run.and_then(Run::cpu_seconds);
    cells.push(right(or_missing(cpu, |cpu| {
        bounded(cpu, units::format_seconds)
    })));
    let peak = run.and_then(Run::memory_peak);
    cells.push(right(or_missing(peak, |peak| {
        bounded(peak, units::format_bytes)
    })));
    Row::new(cells).style(Style::new().fg(colour(standing)))
}

/// A number that may be more is marked.
fn bounded((value, is_bound): (f64, bool), format: fn(f64) -> String) -> String {
    format!("{}{}", if is_bound { "≥" } else { "" }, format(value))
}

fn or_missing<T>(value: Option<T>, format: impl Fn(T) -> String) -> String {
    value.map_or_else(|| MISSING.to_owned(), format)
}

fn right(text: String) -> Text<'static> {
    Text::from(text).alignment(Alignment::Right)
}

fn mark(standing: Standing) -> &'static str {
    match standing {
        Standing::Waiting => "·",
        Standing::Running => "▸",
        Standing::Succeeded => "✓",
        Standing::Failed => "✗",
    }
}

fn words(data: &Data, at: At) -> String {
    let row = data.runs.get(&at).and_then(|run| run.row.as_ref());
    match (data.standing(at), row) {
        (Standing::Waiting, _) => "waiting".to_owned(),
        (Standing::Running, _) => "running".to_owned(),
        (_, Some(row)) => row.reason.map_or_else(
            || "end unknown".to_owned(),
            |reason| {
                table::result(
                    reason,
                    row.exit_code,
                    row.signal,
                    row.censored == Some(true),
                )
            },
        ),
        (_, None) => "end unknown".to_owned(),
    }
}

fn colour(standing: Standing) -> Color {
    match standing {
        Standing::Waiting => Color::DarkGray,
        Standing::Running => Color::Cyan,
        Standing::Succeeded => Color::Reset,
        Standing::Failed => Color::Red,
    }
}
