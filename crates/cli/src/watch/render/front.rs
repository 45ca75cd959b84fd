//! The last line, and what stands in front of the charts.

use ratatui::{
    Frame,
    layout::{Constraint, Rect},
    style::Stylize,
    text::{Line, Span},
    widgets::{Block, Clear, Paragraph},
};

use crate::watch::state::{Front, State};

const KEYS: &[(&str, &str)] = &[
    ("↑ ↓  k j", "another task"),
    ("← →  h l Tab", "another resource"),
    ("f", "follow the running task"),
    ("space", "pause, go on"),
    ("t", "terminate the order"),
    ("q  Esc", "leave; the order goes on"),
];

/// The keys in short, those that matter first.
const HINTS: &[(&str, &str)] = &[
    ("q", "quit"),
    ("?", "help"),
    ("↑↓", "task"),
    ("←→", "resource"),
    ("space", "pause"),
    ("t", "terminate"),
    ("f", "follow"),
];

/// What matters most: a question, what became of a wish, what is wrong, else the keys.
pub(super) fn foot(state: &State, width: u16) -> Line<'static> {
    let data = state.shown();
    if state.front == Front::Asking {
        let order = &data.order.name;
        return Line::from(format!(" terminate {order}? y/n "))
            .reversed()
            .bold();
    }
    let order = data.order.message.as_ref();
    let waits = data.waits.first().filter(|_| !data.order.status.is_final());
    let said = state.note.as_ref().or(state.trouble.as_ref());
    if let Some(text) = said.or(order).or(waits) {
        return Line::from(format!(" {text}")).yellow();
    }
    hints(width)
}

fn hints(width: u16) -> Line<'static> {
    let mut line = Line::default();
    for (key, what) in HINTS {
        let (key, what) = (format!(" {key} "), format!("{what} "));
        if line.width() + key.chars().count() + what.chars().count() > usize::from(width) {
            break;
        }
        line.push_span(Span::from(key).bold());
        line.push_span(Span::from(what).dim());
    }
    line
}

/// The help, if it is wanted.
pub(super) fn draw(frame: &mut Frame<'_>, state: &State) {
    if state.front != Front::Help {
        return;
    }
    let lines: Vec<_> = KEYS
        .iter()
        .map(|(keys, what)| {
            let keys = Span::from(format!(" {keys:<13}")).bold();
            Line::from(vec![keys, Span::from(*what)])
        })
        .collect();
    let width = lines.iter().map(Line::width).max().unwrap_or(0) as u16 + 3;
    let area: Rect = frame.area().centered(
        Constraint::Length(width),
        Constraint::Length(lines.len() as u16 + 2),
    );
    frame.render_widget(Clear, area);
    frame.render_widget(
        Paragraph::new(lines).block(Block::bordered().title(" keys ")),
        area,
    );
}
