//! `podometer watch`: an order as it runs, on a screen or in lines.
//!
//! A [`source`] tells what happens ([`data::Update`]); [`state`] is what is shown and what keys make of it, [`render`]
//! draws it; all of these but the sources are pure. [`terminal`] and [`lines`] are the edges.

mod data;
#[cfg(test)]
mod given;
mod lines;
mod render;
pub(crate) mod series;
pub(crate) mod source;
mod state;
mod terminal;

use std::io::{self, IsTerminal};

use anyhow::Result;
use tokio::{
    sync::mpsc::{Receiver, channel},
    task::JoinHandle,
};

use crate::{
    exit::Code,
    output::{self, summary},
    time,
};
use data::{Data, Update};
use source::Source;
use state::State;
use terminal::End;

/// What a source may tell before it is taken in.
const AHEAD: usize = 256;

/// Shows an order until it ends; the exit code is its end.
///
/// # Errors
/// What the source says, or the terminal.
pub(crate) async fn run(source: impl Source) -> Result<Code> {
    let (to, mut updates) = channel(AHEAD);
    let following = tokio::spawn(source.clone().follow(to));
    let Some(data) = first(&mut updates).await else {
        return lost(following).await.map(|()| Code::OTHER);
    };
    let (data, end) = if io::stdout().is_terminal() {
        let mut state = State::new(data);
        let end = terminal::show(&mut state, &mut updates, &source).await?;
        (state.into_data(), end)
    } else {
        let mut data = data;
        lines::print(&mut data, &mut updates).await?;
        let is_over = data.order.status.is_final();
        (data, if is_over { End::Over } else { End::Lost })
    };
    if end == End::Lost {
        lost(following).await?;
    }
    let runs: Vec<_> = data
        .runs
        .values()
        .filter_map(|run| run.row.clone())
        .collect();
    let text = summary::of_order(&data.order, &runs, &data.waits, time::now());
    output::print(&text)?;
    Ok(match end {
        End::Over => Code::of(data.order.status),
        End::Quit => Code::DONE,
        End::Signal => Code::INTERRUPTED,
        End::Lost => Code::OTHER,
    })
}

/// All that is told first, until it is known how the order stands.
async fn first(updates: &mut Receiver<Update>) -> Option<Data> {
    let mut before = Vec::new();
    loop {
        match updates.recv().await? {
            Update::Order(order) => {
                let mut data = Data::new(*order);
                for update in before {
                    data.update(update);
                }
                return Some(data);
            }
            update => before.push(update),
        }
    }
}

/// Why a source tells nothing any more.
async fn lost(following: JoinHandle<Result<()>>) -> Result<()> {
    following.await?
}
