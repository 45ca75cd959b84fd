//! Orders that are run by this process.

use std::{fs, sync::Arc};

use anyhow::{Context, Result, anyhow};
use futures::future::BoxFuture;
use model::{Catalogue, Order, OrderId, Status, attempt::Launcher};
use server::{Loaded, NotTerminated, Operate, Posted, Refused};
use tokio::task::spawn_blocking;

use super::{posted, refused};
use crate::{
    load::{Prepared, Usage},
    session::{Host, Line},
    terminate::{self, Ending},
    time,
};

/// Orders that may wait at once.
const MOST: usize = 1000;

/// Takes orders into the line of this process.
#[derive(Debug)]
pub(crate) struct Here {
    pub(crate) host: Arc<Host>,
    pub(crate) line: Arc<Line>,
    pub(crate) catalogue: Arc<Catalogue>,
}

impl Here {
    async fn take(&self, posted: Posted) -> Result<Loaded> {
        let incoming = tempfile::Builder::new()
            .prefix(".incoming-")
            .tempdir_in(self.host.data.path())
            .context("the data folder can't be written to")?;
        let (again, period) = (posted.again, posted.period);
        let (catalogue, folder) = (Arc::clone(&self.catalogue), incoming.path().to_owned());
        let prepare = move || posted::prepare(&posted, &catalogue, &folder, Order::check_local);
        let Prepared {
            order,
            definition,
            input,
        } = spawn_blocking(prepare).await??;
        let carried = input
            .as_ref()
            .and_then(|path| Some((path, path.file_name()?)));
        let named = carried.map(|(_, name)| std::path::Path::new("input").join(name));
        let prepared = Prepared {
            order,
            definition,
            input: named.clone(),
        };
        let mut registered = self.host.register(prepared, again).await?;
        if let (Some((from, _)), Some(named)) = (carried, named) {
            let to = registered.folder.absolute.join(named);
            let moved = to
                .parent()
                .map_or(Ok(()), fs::create_dir_all)
                .and_then(|()| fs::rename(from, &to));
            if let Err(error) = moved {
                let error = anyhow!("{} can't be written: {error}", to.display());
                let uid = registered.handle.order_uid;
                return Err(self.host.given_up(uid, error).await);
            }
            registered.order.input = Some(to);
        }
        registered.period = period;
        let loaded = Loaded {
            id: registered.handle.order.clone(),
            order_uid: registered.handle.order_uid,
        };
        self.line.push(registered);
        Ok(loaded)
    }

    /// One that waits here is over at once.
    async fn end(&self, id: &OrderId) -> Result<Ending> {
        let store = &self.host.store;
        if let Some(order) = store.order(id).await?
            && self.line.take(order.order_uid)
        {
            let why = Some("terminated before it began");
            store
                .set_status(order.order_uid, Status::Terminated, why, time::now())
                .await?;
            return Ok(Ending::Told);
        }
        terminate::local(store, &self.host.data, id).await
    }
}

impl Operate for Here {
    fn launcher(&self) -> Launcher {
        Launcher::Local
    }

    fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    fn can_load(&self) -> bool {
        true
    }

    fn load(&self, posted: Posted) -> BoxFuture<'_, Result<Loaded, Refused>> {
        Box::pin(async move {
            if self.host.wish.is_to_end() {
                let words = "the server is ending; load the order when it is back".to_owned();
                return Err(Refused::Unavailable(words));
            }
            if self.line.len() >= MOST {
                let words = format!("{MOST} orders wait already; load it when some have run");
                return Err(Refused::TooMany(words));
            }
            self.take(posted).await.map_err(|error| refused(&error))
        })
    }

    fn terminate(&self, order: OrderId) -> BoxFuture<'_, Result<(), NotTerminated>> {
        Box::pin(async move {
            match self.end(&order).await {
                Ok(Ending::Told) => Ok(()),
                Ok(Ending::Over(_)) => Err(NotTerminated::Over),
                Err(error) => match error.downcast_ref::<Usage>() {
                    Some(Usage::UnknownOrder { .. }) => Err(NotTerminated::NotFound),
                    _ => Err(NotTerminated::Unavailable(format!("{error:#}"))),
                },
            }
        })
    }
}
