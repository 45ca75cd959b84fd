//! The launchers of the orders under way, each with its order's ledger, as the one launcher of a service.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use model::{OrderUid, Reason, attempt::BusAddress};

use super::{Kubernetes, ahead::MadeAhead};
use crate::{
    Decision, Launcher, NotBegun, NotStarted, OrderRequest, Started, Superseded,
    clock::{self, Clock},
    plan::{At, Earlier},
};

/// The launchers, by execution.
#[derive(Clone, Default)]
pub(super) struct Fleet(Arc<Mutex<HashMap<OrderUid, Arc<Kubernetes>>>>);

/// An order's place in the fleet; it ends when this is dropped.
pub(super) struct Berth {
    fleet: Fleet,
    uid: OrderUid,
}

impl Fleet {
    /// Adds an order's launcher. Nobody may have added one for this order.
    pub(super) fn add(&self, uid: OrderUid, launcher: Arc<Kubernetes>) -> Berth {
        self.lock().insert(uid, launcher);
        let fleet = self.clone();
        Berth { fleet, uid }
    }

    fn of(&self, request: &OrderRequest) -> Option<Arc<Kubernetes>> {
        self.lock().get(&request.handle.order_uid).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OrderUid, Arc<Kubernetes>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Berth {
    fn drop(&mut self) {
        self.fleet.lock().remove(&self.uid);
    }
}

impl Launcher for Fleet {
    type Prepared = MadeAhead;

    fn clock(&self) -> Clock {
        clock::system
    }

    async fn begin(&self, request: &OrderRequest) -> Result<(), NotBegun> {
        match self.of(request) {
            Some(launcher) => launcher.begin(request).await,
            None => Err(NotBegun(Superseded.into())),
        }
    }

    async fn note(&self, request: &OrderRequest, decision: Decision<'_>) -> Result<(), Superseded> {
        let launcher = self.of(request).ok_or(Superseded)?;
        launcher.note(request, decision).await
    }

    async fn start(
        &self,
        request: &OrderRequest,
        at: At,
        earlier: &[Earlier],
        bus: BusAddress,
        prepared: Option<MadeAhead>,
    ) -> Result<Started, NotStarted> {
        let launcher = self.of(request).ok_or_else(|| NotStarted {
            reason: Reason::Interrupted,
            message: Superseded.to_string(),
        })?;
        launcher.start(request, at, earlier, bus, prepared).await
    }

    fn prepare(&self, request: &OrderRequest, at: At, bus: BusAddress) -> Option<MadeAhead> {
        self.of(request)?.prepare(request, at, bus)
    }

    fn undelivered(&self, request: &OrderRequest, at: At) -> Option<PathBuf> {
        self.of(request)?.undelivered(request, at)
    }
}
