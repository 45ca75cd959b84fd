//! A `podometer serve`: its API for what was, its events for what happens.

use std::time::Duration;

use anyhow::{Context, Result};
use model::OrderId;
use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use store::{OrderRow, RunRow};
use tokio::{sync::mpsc::Sender, time::sleep};

use super::Source;
use crate::{
    load::Usage,
    remote::{
        Error, Event, Remote,
        wire::{RunEvent, SamplesEvent},
    },
    watch::data::Update,
};

/// How long it waits before it connects again: at first, and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));
/// Samples of a run that has ended: its totals are known, and a chart needs no more.
const MAX_ENDED: u32 = 2000;
/// Samples of one that runs: five hours of them, a second each.
const MAX_RUNNING: u32 = 20_000;

/// A server.
#[derive(Clone)]
pub(crate) struct ServerSource {
    remote: Remote,
    order: OrderId,
}

/// Where to go on.
struct Place {
    /// The id of the last event; none to read all anew.
    last: Option<String>,
    wait: Duration,
    is_over: bool,
}

impl ServerSource {
    /// The order of a server.
    pub(crate) fn new(remote: Remote, order: OrderId) -> Self {
        Self { remote, order }
    }

    /// Tells all of the order, it itself last. Whether it has ended.
    async fn all(&self, to: &Sender<Update>) -> Result<bool> {
        let detail = self.remote.order(&self.order).await;
        let detail = detail.map_err(|error| self.unknown(error))?;
        let mut updates = vec![Update::Anew];
        let names = detail.plan.into_iter().map(|planned| planned.task);
        updates.push(Update::Tasks(names.collect()));
        for run in detail.runs {
            updates.extend(self.run(run).await?);
        }
        let is_over = detail.order.status.is_final();
        updates.push(Update::Order(Box::new(detail.order)));
        for update in updates {
            to.send(update).await?;
        }
        Ok(is_over)
    }

    async fn run(&self, run: RunRow) -> Result<[Update; 2]> {
        let at = (run.position, run.attempt);
        let max = if run.reason.is_some() {
            MAX_ENDED
        } else {
            MAX_RUNNING
        };
        let samples = self.remote.samples(&self.order, at, max).await?;
        Ok([
            Update::Run(Box::new(run)),
            Update::Samples(at, samples.measured()),
        ])
    }

    fn unknown(&self, error: Error) -> anyhow::Error {
        if error.is(StatusCode::NOT_FOUND) {
            let (order, data) = (self.order.clone(), self.remote.url().to_string());
            return Usage::UnknownOrder { order, data }.into();
        }
        error.into()
    }

    /// Tells what happens until the connection ends, or the order.
    async fn connected(&self, place: &mut Place, to: &Sender<Update>) -> Result<()> {
        // Before all is read, so that nothing is missed in between.
        let mut events = self
            .remote
            .events(&self.order, place.last.as_deref())
            .await?;
        if place.last.is_none() {
            place.is_over = self.all(to).await?;
        }
        to.send(Update::Trouble(None)).await?;
        place.wait = BACK_OFF.0;
        while !place.is_over {
            let Some(event) = events.next().await? else {
                return Ok(());
            };
            place.is_over = self.event(&event, to).await?;
            place.last = event.id.or(place.last.take());
        }
        Ok(())
    }

    /// Tells an event. Whether the order has ended.
    async fn event(&self, event: &Event, to: &Sender<Update>) -> Result<bool> {
        match event.name.as_str() {
            "reset" => return self.all(to).await,
            "order" => {
                let order: OrderRow = parse(event)?;
                if order.name != self.order {
                    return Ok(false);
                }
                // Its last samples may be told behind it.
                if order.status.is_final() {
                    return self.all(to).await;
                }
                to.send(Update::Order(Box::new(order))).await?;
            }
            "run" => {
                let RunEvent { run } = parse(event)?;
                to.send(Update::Run(Box::new(run))).await?;
            }
            "samples" => {
                let samples: SamplesEvent = parse(event)?;
                let at = (samples.position, samples.attempt);
                to.send(Update::Samples(at, samples.measured())).await?;
            }
            _ => {}
        }
        Ok(false)
    }
}

fn parse<T: DeserializeOwned>(event: &Event) -> Result<T> {
    let name = &event.name;
    serde_json::from_str(&event.data)
        .with_context(|| format!("the server's event {name} can't be read by this version"))
}

impl Source for ServerSource {
    async fn follow(self, to: Sender<Update>) -> Result<()> {
        let mut is_over = self.all(&to).await?;
        let mut place = Place {
            last: None,
            wait: BACK_OFF.0,
            is_over: false,
        };
        while !is_over && !to.is_closed() {
            let why = match self.connected(&mut place, &to).await {
                Ok(()) => format!("{} has ended the connection", self.remote.url()),
                Err(error) => match error.downcast_ref::<Error>() {
                    Some(away) if away.is_unreachable() => away.to_string(),
                    _ => return Err(error),
                },
            };
            is_over = place.is_over;
            if !is_over {
                let seconds = place.wait.as_secs_f64();
                // The wait first: a screen may have no room for the reason.
                let text = format!("connecting again in {seconds} s: {why}");
                to.send(Update::Trouble(Some(text))).await?;
                sleep(place.wait).await;
                place.wait = (place.wait * 2).min(BACK_OFF.1);
            }
        }
        Ok(())
    }

    async fn terminate(&self) -> Result<String> {
        let done = self.remote.terminate(&self.order).await;
        done.map_err(|error| self.unknown(error))?;
        Ok(format!("{} is told to end", self.order))
    }
}
