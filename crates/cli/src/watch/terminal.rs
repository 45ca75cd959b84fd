//! The edge to the terminal: the screen, its keys, and the way back out of it.

use std::{io, time::Duration};

use anyhow::{Context, Result};
use crossterm::event::{Event, EventStream, KeyEventKind};
use futures::StreamExt;
use ratatui::DefaultTerminal;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc::Receiver,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use super::{
    data::Update,
    render,
    source::Source,
    state::{State, Wish},
};
use crate::{output, time};

/// Between drawings of what has changed.
const FRAME: Duration = Duration::from_millis(100);
/// A clock is drawn each second, whether anything has changed or not.
const FRAMES_A_SECOND: u32 = 10;

/// Why nothing is shown any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The order has ended.
    Over,
    /// The source tells nothing any more.
    Lost,
    /// A person wants it so.
    Quit,
    /// A signal.
    Signal,
}

/// The screen. However it ends, the terminal is put back: ratatui's panic hook does it, too.
struct Screen(DefaultTerminal);

impl Screen {
    fn open() -> Result<Self> {
        let terminal = ratatui::try_init()
            .context("the terminal can't be used; pipe the output (`| cat`) for plain lines")?;
        output::hold();
        Ok(Self(terminal))
    }

    fn draw(&mut self, state: &State, colours: bool) -> Result<()> {
        let now = time::now();
        let drawn = self
            .0
            .draw(|frame| render::draw(frame, state, now, colours));
        drawn.map(drop).context("the terminal can't be written")
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
        output::release();
    }
}

/// The signals that end it.
struct Signals([Signal; 3]);

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// Shows it until the order ends, or the person or the system wants no more of it. An order that was over before is
/// shown until it is left.
pub(super) async fn show(
    state: &mut State,
    updates: &mut Receiver<Update>,
    source: &impl Source,
) -> Result<End> {
    let mut signals = Signals::listen().context("no handler of signals can be set")?;
    let mut screen = Screen::open()?;
    let mut keys = EventStream::new();
    let mut frames = interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let colours = std::env::var_os("NO_COLOR").is_none_or(|text| text.is_empty());
    let was_over = state.data().order.status.is_final();
    let (mut is_open, mut since_drawn, mut is_new) = (true, 0, true);
    let mut telling: Option<JoinHandle<Result<String>>> = None;
    loop {
        tokio::select! {
            _ = frames.tick() => {
                since_drawn += 1;
                if is_new || since_drawn >= FRAMES_A_SECOND {
                    screen.draw(state, colours)?;
                    (is_new, since_drawn) = (false, 0);
                }
                let is_over = state.data().order.status.is_final();
                if is_over && !was_over && !state.is_paused() {
                    return Ok(End::Over);
                }
                if !is_open && !is_over {
                    return Ok(End::Lost);
                }
            }
            update = updates.recv(), if is_open => {
                match update {
                    Some(update) => state.update(update),
                    None => is_open = false,
                }
                is_new = true;
            }
            event = keys.next() => {
                match event.context("the terminal is gone")?.context("the keys can't be read")? {
                    Event::Key(key) if key.kind != KeyEventKind::Release => match state.key(key) {
                        Some(Wish::Quit) => return Ok(End::Quit),
                        Some(Wish::Terminate) => {
                            let source = source.clone();
                            state.note = Some("telling it to end".to_owned());
                            telling = Some(tokio::spawn(async move { source.terminate().await }));
                        }
                        None => {}
                    },
                    _ => {}
                }
                screen.draw(state, colours)?;
            }
            said = said(&mut telling) => {
                telling = None;
                state.note = Some(said.unwrap_or_else(|error| output::one_line(&error)));
                is_new = true;
            }
            () = signals.next() => return Ok(End::Signal),
        }
    }
}

async fn said(telling: &mut Option<JoinHandle<Result<String>>>) -> Result<String> {
    match telling {
        Some(task) => task.await.context("it could not be told")?,
        None => std::future::pending().await,
    }
}
