//! The first line: which order, how it stands, how far it is, for how long.

use chart::units;
use model::{Status, Timestamp};
use ratatui::{
    style::{Color, Style, Stylize},
    text::{Line, Span},
};

use crate::watch::state::State;

/// From this width on there is room for a bar.
const WIDE: u16 = 60;
const BAR: usize = 20;

pub(super) fn line(state: &State, now: Timestamp, width: u16) -> Line<'static> {
    let data = state.shown();
    let status = data.order.status;
    let mut spans = vec![
        Span::from(format!(" {} ", data.order.name)).bold(),
        Span::styled(
            format!(" {status} "),
            Style::new().fg(colour(status)).bold(),
        ),
    ];
    if let Some(count) = data.count() {
        let done = data.done().min(count);
        if width >= WIDE {
            let full = BAR * done / count.max(1);
            spans.push(Span::from(" "));
            spans.push(Span::from("━".repeat(full)).cyan());
            spans.push(Span::from("─".repeat(BAR - full)).dim());
        }
        spans.push(Span::from(format!(" {done}/{count} ")));
    }
    if let Some(seconds) = data.elapsed(now) {
        spans.push(Span::from(format!(
            " {} ",
            clock(seconds, status.is_final())
        )));
    }
    if state.is_paused() {
        spans.push(Span::from(" paused ").reversed());
    }
    Line::from(spans)
}

/// A time that goes on: whole seconds, which are easier to read than digits that jump.
pub(super) fn clock(seconds: f64, is_over: bool) -> String {
    units::format_seconds(if is_over { seconds } else { seconds.floor() })
}

fn colour(status: Status) -> Color {
    match status {
        Status::Queued => Color::Yellow,
        Status::Running => Color::Cyan,
        Status::Succeeded => Color::Green,
        Status::Failed | Status::Terminated => Color::Red,
    }
}
