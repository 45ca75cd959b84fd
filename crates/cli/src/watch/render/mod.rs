//! Draws what is shown, at any size. Pure: a frame in, cells out.

mod front;
mod head;
mod list;
mod plot;
mod scale;
#[cfg(test)]
mod tests;

use model::Timestamp;
use ratatui::{
    Frame,
    layout::{Constraint, Layout},
    style::Color,
};

use super::state::State;

/// Of a height, the list of tasks takes no more than one part in so many.
const LIST_PART: u16 = 3;
/// Rows that a chart needs to be one.
const MIN_CHART: u16 = 6;

/// Draws the whole screen.
pub(crate) fn draw(frame: &mut Frame<'_>, state: &State, now: Timestamp, colours: bool) {
    let area = frame.area();
    let rows = state.shown().rows().len() as u16;
    let room = area.height.saturating_sub(2 + MIN_CHART);
    // One more for the columns' names.
    let list = (rows + 1)
        .min((area.height / LIST_PART).max(4))
        .min(room.max(3));
    let [head, tasks, chart, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(list),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(head::line(state, now, head.width), head);
    list::draw(frame, tasks, state, now);
    plot::draw(frame, chart, state);
    frame.render_widget(front::foot(state, foot.width), foot);
    front::draw(frame, state);
    if !colours {
        for cell in &mut frame.buffer_mut().content {
            cell.fg = Color::Reset;
            cell.bg = Color::Reset;
        }
    }
}
