//! Draws what is stored, by the module that draws it into files, too.

use chart::Format;
use futures::{FutureExt, future::BoxFuture};
use model::OrderId;
use monitor_consumer::drawing::{self, Drawable, pictures};
use server::{Draw, DrawError, Drawing, Form, Seen};
use store::{OrderRow, RunRow, Store};
use tokio::task::spawn_blocking;

use crate::data::DataFolder;

/// Draws out of a store, with the pictures in the data folder.
pub(crate) struct StoreDrawer {
    store: Store,
    data: DataFolder,
}

type Drawn = Result<Option<Vec<u8>>, DrawError>;

impl StoreDrawer {
    pub(crate) fn new(store: Store, data: DataFolder) -> Self {
        Self { store, data }
    }

    async fn drawn(&self, order: OrderId, what: Drawing) -> Drawn {
        match what {
            Drawing::Run(position, attempt, form) => {
                let run = Drawable::read_run(&self.store, &order, position, attempt).await;
                let Some(run) = run.map_err(failed)? else {
                    return Ok(None);
                };
                aside(move || run.run_chart(0, format(form)).map(Some).map_err(failed)).await
            }
            Drawing::Order(form) => {
                self.whole(order, move |whole, _| {
                    whole.order_chart(format(form)).map_err(failed)
                })
                .await
            }
            Drawing::Report => {
                self.whole(order, |whole, folder| {
                    whole.report(folder).map(String::into_bytes).map_err(failed)
                })
                .await
            }
            Drawing::Small(seen) => self.small(order, seen).await,
        }
    }

    /// Draws from everything about an order; nothing before it has runs.
    async fn whole(
        &self,
        order: OrderId,
        draw: impl FnOnce(&Drawable, &std::path::Path) -> Result<Vec<u8>, DrawError> + Send + 'static,
    ) -> Drawn {
        let folder = self.data.order(&order);
        let whole = Drawable::read(&self.store, &order).await.map_err(failed)?;
        if whole.runs.is_empty() {
            return Ok(None);
        }
        aside(move || draw(&whole, &folder).map(Some)).await
    }

    async fn small(&self, order: OrderId, seen: Seen) -> Drawn {
        let path = match seen {
            Seen::Input => {
                let order = self.store.order(&order).await?;
                order.and_then(|order| pictures::input_of(&order))
            }
            Seen::Run(position, attempt) => {
                let folder = self.data.order(&order);
                let runs = self.store.runs(&order).await?;
                let run = runs
                    .iter()
                    .find(|run| (run.position, run.attempt) == (position, attempt));
                run.and_then(|run| pictures::written_by(run, &folder))
            }
        };
        match path {
            Some(path) => aside(move || Ok(pictures::small_copy(&path))).await,
            None => Ok(None),
        }
    }
}

impl Draw for StoreDrawer {
    fn draw(&self, order: OrderId, what: Drawing) -> BoxFuture<'_, Drawn> {
        self.drawn(order, what).boxed()
    }

    fn is_seen(&self, order: &OrderRow, run: Option<&RunRow>) -> bool {
        match run {
            None => pictures::input_of(order).is_some(),
            Some(run) => pictures::written_by(run, &self.data.order(&order.name)).is_some(),
        }
    }
}

/// On a thread where it delays nobody.
async fn aside(draw: impl FnOnce() -> Drawn + Send + 'static) -> Drawn {
    let died = |error: tokio::task::JoinError| Err(DrawError::Failed(error.to_string()));
    spawn_blocking(draw).await.unwrap_or_else(died)
}

fn format(form: Form) -> Format {
    match form {
        Form::Svg => Format::Svg,
        Form::Png => Format::Png,
    }
}

fn failed(error: drawing::Error) -> DrawError {
    match error {
        drawing::Error::Store(error) => DrawError::Store(error),
        error => DrawError::Failed(error.to_string()),
    }
}
