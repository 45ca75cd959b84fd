//! The chart of one resource of one run, with what was requested and what is allowed.

use chart::units::{Unit, format_seconds};
use model::Resource;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Style, Stylize},
    symbols::Marker,
    text::{Line, Span},
    widgets::{
        Block, Borders, Paragraph,
        canvas::{Canvas, Context, Line as Stroke, Points},
    },
};

use super::scale;
use crate::watch::{
    data::{Run, Standing},
    state::State,
};

const REQUEST: Color = Color::Yellow;
const LIMIT: Color = Color::Red;
const VALUES: Color = Color::Cyan;

/// The numbers of a chart.
struct Plot {
    unit: Unit,
    lines: Vec<Vec<(f64, f64)>>,
    request: Option<f64>,
    limit: Option<f64>,
    newest: Option<f64>,
    /// The least and the most.
    range: Option<(f64, f64)>,
    /// Seconds.
    end: f64,
    top: f64,
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let block = Block::new()
        .borders(Borders::TOP)
        .border_style(Style::new().dim());
    let block = block.title(title(state));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let Some(at) = state.task() else {
        return says(frame, inner, "no task has begun");
    };
    let data = state.shown();
    let Some(run) = data.runs.get(&at) else {
        return says(frame, inner, "this task waits for its turn");
    };
    let plot = Plot::new(run, state.resource);
    if plot.lines.is_empty() {
        let is_early = data.standing(at) == Standing::Running && run.series.newest().is_none();
        let why = if is_early {
            "no sample of it yet"
        } else {
            "not measured in this run"
        };
        return says(frame, inner, why);
    }
    let [reading, rest] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(inner);
    frame.render_widget(plot.reading(reading.width), reading);
    plot.draw(frame, rest);
}

fn title(state: &State) -> Line<'static> {
    let data = state.shown();
    let task = state.task().map_or("", |at| data.name(at));
    let how = if state.is_following() {
        ""
    } else {
        "(picked) "
    };
    Line::from(vec![
        Span::from(format!(" {task} ")).bold(),
        Span::from(how).dim(),
        Span::from("‹ "),
        Span::from(state.resource.name()).bold().fg(VALUES),
        Span::from(" › "),
    ])
}

fn says(frame: &mut Frame<'_>, area: Rect, text: &str) {
    frame.render_widget(Paragraph::new(text.to_owned()).dim().centered(), area);
}

impl Plot {
    fn new(run: &Run, resource: Resource) -> Self {
        let unit = scale::unit(resource.unit());
        let start = run.start().unwrap_or_default();
        let lines = run.series.lines(resource, start);
        let values = lines.iter().flatten();
        let range = values
            .clone()
            .fold(None, |range: Option<(f64, f64)>, (_, value)| {
                let (low, high) = range.unwrap_or((*value, *value));
                Some((low.min(*value), high.max(*value)))
            });
        let (request, limit) = run.bounds(resource);
        let references: Vec<f64> = request.into_iter().chain(limit).collect();
        Self {
            unit,
            newest: run
                .series
                .newest()
                .and_then(|newest| newest.values.get(resource)),
            // A run of no time has a place on the axis, too.
            end: values.fold(0.001, |end, (at, _)| end.max(*at)),
            top: scale::top(unit, range.map_or(0.0, |(_, high)| high), &references),
            range,
            lines,
            request,
            limit,
        }
    }

    /// What the chart shows in numbers, as much as fits.
    fn reading(&self, width: u16) -> Line<'static> {
        let format = |value| self.unit.format(value);
        let newest = self.newest.map_or_else(|| "–".to_owned(), format);
        let mut spans = vec![Span::from(format!(" {newest}")).bold().fg(VALUES)];
        let mut left = usize::from(width).saturating_sub(spans[0].width());
        let mut add = |text: String, style: Style| {
            let span = Span::styled(text, style);
            if span.width() <= left {
                left -= span.width();
                spans.push(span);
            }
        };
        let bound = |name: &str, value: f64| {
            let above = if value > self.top { " (above)" } else { "" };
            format!("   {name} {}{above}", format(value))
        };
        if let Some(request) = self.request {
            add(bound("request", request), Style::new().fg(REQUEST));
        }
        if let Some(limit) = self.limit {
            add(bound("limit", limit), Style::new().fg(LIMIT));
        }
        if let Some((low, high)) = self.range {
            let (low, high) = (format(low), format(high));
            add(format!("   from {low} to {high}"), Style::new().dim());
        }
        Line::from(spans)
    }

    fn draw(&self, frame: &mut Frame<'_>, area: Rect) {
        let labels = [0.0, self.top / 2.0, self.top].map(|value| self.unit.format(value));
        let gutter = labels
            .iter()
            .map(|label| label.chars().count())
            .max()
            .unwrap_or(0) as u16
            + 1;
        let [rows, times] =
            Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(area);
        let across = [Constraint::Length(gutter), Constraint::Fill(1)];
        let [scale, field] = Layout::horizontal(across).areas(rows);
        let [_, times] = Layout::horizontal(across).areas(times);
        Self::label(frame, scale, labels);
        frame.render_widget(self.canvas(field), field);
        let [from, to] = Layout::horizontal([Constraint::Fill(1); 2]).areas(times);
        frame.render_widget(Paragraph::new("└0 s").dim(), from);
        frame.render_widget(
            Paragraph::new(format_seconds(self.end))
                .right_aligned()
                .dim(),
            to,
        );
    }

    /// The scale: at its top, in the middle if there is room, at its bottom.
    fn label(frame: &mut Frame<'_>, area: Rect, [bottom, middle, top]: [String; 3]) {
        let mut put = |row: u16, text: String| {
            let line = Rect {
                y: area.y + row,
                height: 1,
                ..area
            };
            let text = Line::from(format!("{text}┤")).right_aligned().dim();
            frame.render_widget(text, line.intersection(area));
        };
        for row in 0..area.height {
            put(row, String::new());
        }
        if area.height > 1 {
            put(area.height - 1, bottom);
        }
        if area.height > 4 {
            put((area.height - 1) / 2, middle);
        }
        put(0, top);
    }

    fn canvas(&self, area: Rect) -> Canvas<'_, impl Fn(&mut Context<'_>)> {
        let dots = f64::from(area.width.max(1)) * 2.0;
        Canvas::default()
            .marker(Marker::Braille)
            .x_bounds([0.0, self.end])
            .y_bounds([0.0, self.top])
            .paint(move |context| {
                for (bound, colour) in [(self.request, REQUEST), (self.limit, LIMIT)] {
                    let Some(y) = bound.filter(|y| *y <= self.top) else {
                        continue;
                    };
                    context.draw(&Points {
                        coords: &dashes(y, self.end, dots),
                        color: colour,
                    });
                }
                context.layer();
                for line in &self.lines {
                    stroke(context, line);
                }
            })
    }
}

/// Two dots in four.
fn dashes(y: f64, end: f64, dots: f64) -> Vec<(f64, f64)> {
    let on = (0..dots as u32).filter(|dot| dot % 4 < 2);
    on.map(|dot| (end * f64::from(dot) / (dots - 1.0).max(1.0), y))
        .collect()
}

fn stroke(context: &mut Context<'_>, line: &[(f64, f64)]) {
    if let [only] = line {
        context.draw(&Points {
            coords: &[*only],
            color: VALUES,
        });
    }
    for pair in line.windows(2) {
        let [(x1, y1), (x2, y2)] = [pair[0], pair[1]];
        context.draw(&Stroke {
            x1,
            y1,
            x2,
            y2,
            color: VALUES,
        });
    }
}
