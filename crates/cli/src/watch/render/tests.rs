use crossterm::event::{KeyCode, KeyEvent};
use model::Resource;
use ratatui::{Terminal, backend::TestBackend};

use super::draw;
use crate::watch::{data::Update, given, state::State};

fn screen(state: &State, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| draw(frame, state, given::at(12.5), false))
        .unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| {
        (0..width)
            .map(move |x| buffer[(x, y)].symbol())
            .collect::<String>()
    };
    let rows: Vec<_> = (0..height).map(|y| row(y).trim_end().to_owned()).collect();
    rows.join("\n")
}

#[test]
fn at_80_by_24() {
    let state = given::state(given::running());
    insta::assert_snapshot!(screen(&state, 80, 24));
}

#[test]
fn at_40_by_12() {
    let mut state = given::state(given::running());
    state.resource = Resource::Memory;
    insta::assert_snapshot!(screen(&state, 40, 12));
}

#[test]
fn with_help_paused_and_asking() {
    let mut state = given::state(given::running());
    state.key(KeyEvent::from(KeyCode::Char(' ')));
    state.key(KeyEvent::from(KeyCode::Char('?')));
    let help = screen(&state, 40, 12);
    state.key(KeyEvent::from(KeyCode::Esc));
    state.key(KeyEvent::from(KeyCode::Up));
    state.key(KeyEvent::from(KeyCode::Char('t')));
    insta::assert_snapshot!(format!("{help}\n\n{}", screen(&state, 60, 16)));
}

#[test]
fn what_is_missing_is_said() {
    let mut state = given::state(given::running());
    state.key(KeyEvent::from(KeyCode::Down));
    let waiting = screen(&state, 40, 12);
    state.key(KeyEvent::from(KeyCode::Up));
    state.resource = Resource::NetRx;
    let trouble = "no answer from http://127.0.0.1:7465; trying again in 2 s";
    state.update(Update::Trouble(Some(trouble.to_owned())));
    insta::assert_snapshot!(format!("{waiting}\n\n{}", screen(&state, 40, 12)));
}

#[test]
fn no_size_is_too_small() {
    let mut state = given::state(given::running());
    for front in ["", "?", "t"] {
        if let Some(key) = front.chars().next() {
            state.key(KeyEvent::from(KeyCode::Esc));
            state.key(KeyEvent::from(KeyCode::Char(key)));
        }
        for (width, height) in [
            (0, 0),
            (1, 1),
            (5, 3),
            (20, 5),
            (39, 11),
            (300, 100),
            (2, 50),
        ] {
            screen(&state, width, height);
        }
    }
}
