//! Orders that are handed to a cluster.

use std::{collections::HashSet, sync::Arc};

use anyhow::{Context, Result};
use futures::future::BoxFuture;
use model::{Catalogue, HumanDuration, Order, OrderId, OrderUid, Status, attempt::Launcher};
use server::{Loaded, NotTerminated, Operate, Posted, Refused};
use store::Store;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{keep_up::new_order, posted, refused};
use crate::{
    cluster::{Cluster, How},
    load::{Prepared, Usage},
    time,
};

/// Hands orders to a cluster.
pub(crate) struct OnCluster {
    pub(crate) cluster: Cluster,
    pub(crate) store: Store,
    pub(crate) catalogue: Arc<Catalogue>,
    /// Where the tokens of orders come from.
    pub(crate) secret: String,
    pub(crate) period: HumanDuration,
    pub(crate) grace: HumanDuration,
}

impl OnCluster {
    async fn take(&self, posted: Posted) -> Result<Loaded> {
        let incoming = tempfile::tempdir().context("there is no room for the input")?;
        let how = How {
            period: posted.period.unwrap_or(self.period),
            grace: self.grace,
            workspace: true,
            now: time::now(),
        };
        let again = posted.again;
        let (catalogue, folder) = (Arc::clone(&self.catalogue), incoming.path().to_owned());
        let prepare = move || posted::prepare(&posted, &catalogue, &folder, Order::check_cluster);
        let mut prepared = spawn_blocking(prepare).await??;
        let id = prepared.order.id.clone();
        let nobody = HashSet::new();
        let free = self.cluster.free_id(&self.store, &nobody, &id).await?;
        if free != id && !again {
            return Err(Usage::Taken { order: id, free }.into());
        }
        prepared.order.id = free;
        let order_uid = OrderUid(Uuid::now_v7());
        let id = self.register(&prepared, order_uid).await?;
        let handed = self
            .cluster
            .load(&prepared, order_uid, &self.secret, &how)
            .await;
        if let Err(error) = handed {
            let why = format!("it could not be handed over: {error:#}");
            let failed = Status::Failed;
            self.store
                .set_status(order_uid, failed, Some(&why), time::now())
                .await?;
            return Err(error);
        }
        Ok(Loaded { id, order_uid })
    }

    /// Whoever asks the server sees the order from now on: the store hears of it when its first task runs.
    async fn register(&self, prepared: &Prepared, order_uid: OrderUid) -> Result<OrderId> {
        let name = prepared.input.as_ref().and_then(|path| path.file_name());
        let input = name.map(|name| name.to_string_lossy().into_owned());
        let new = new_order(&prepared.order, &prepared.definition, input, order_uid);
        Ok(self.store.register(new).await?)
    }

    async fn end(&self, id: &OrderId) -> Result<Result<(), NotTerminated>> {
        let Some(found) = self.cluster.order(id).await? else {
            // One that is over for a day is in the store alone.
            let known = self.store.order(id).await?.is_some();
            let why = if known {
                NotTerminated::Over
            } else {
                NotTerminated::NotFound
            };
            return Ok(Err(why));
        };
        if found.status().is_final() {
            return Ok(Err(NotTerminated::Over));
        }
        self.cluster.terminate(id, false).await?;
        // One that waits has ended for whoever looks: it may be long until it has its turn, and then it ends at once.
        let uid = found.record.order_uid;
        if found.status() == Status::Queued && self.store.order_by_uid(uid).await?.is_some() {
            let (ended, why) = (Status::Terminated, Some("terminated before it began"));
            self.store.set_status(uid, ended, why, time::now()).await?;
        }
        Ok(Ok(()))
    }
}

impl Operate for OnCluster {
    fn launcher(&self) -> Launcher {
        Launcher::Kubernetes
    }

    fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    fn can_load(&self) -> bool {
        true
    }

    fn load(&self, posted: Posted) -> BoxFuture<'_, Result<Loaded, Refused>> {
        Box::pin(async move { self.take(posted).await.map_err(|error| refused(&error)) })
    }

    fn terminate(&self, order: OrderId) -> BoxFuture<'_, Result<(), NotTerminated>> {
        Box::pin(async move {
            let ended = self.end(&order).await;
            ended.unwrap_or_else(|error| Err(NotTerminated::Unavailable(format!("{error:#}"))))
        })
    }
}
