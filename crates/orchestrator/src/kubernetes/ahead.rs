//! Pods made ready ahead: scheduled, their image pulled, their runner waiting for GO.
//!
//! That an attempt is made ahead is noted before its Job is made, so that whoever takes over knows
//! what to take away in the end, and that its runner waits for GO.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::batch::v1::Job;
use kube::Error;
use model::{OrderUid, Reason, attempt::BusAddress, stream::Go};
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::{
    job,
    launch::{Kubernetes, failed, patiently},
    names,
    record::{Ahead, Noted},
    spec, watch,
};
use crate::{
    NotStarted, OrderRequest, Prepared,
    local::key,
    plan::{At, Earlier},
};

/// How long a Job that is deleted may be there still.
const GOING: Duration = Duration::from_mins(1);

/// An attempt whose Job is made ready ahead, or on its way.
pub struct MadeAhead(At);

impl Prepared for MadeAhead {
    fn at(&self) -> At {
        self.0
    }
}

impl Kubernetes {
    pub(super) fn make_ahead(
        &self,
        request: &OrderRequest,
        at: At,
        bus: &BusAddress,
    ) -> Option<MadeAhead> {
        if !request.order.prewarm {
            return None;
        }
        let making = Arc::clone(&self.making).try_lock_owned().ok()?;
        // What is wrong with it is said when its turn comes.
        let told = spec::told_ahead(
            request,
            at,
            bus,
            self.volume.is_some(),
            self.image(request, at),
        )
        .ok()?;
        let job = self.job(request, at, &told).ok()?;
        let (this, order_uid) = (self.clone(), request.handle.order_uid);
        let name = names::task(&request.order.id, at);
        tokio::spawn(async move {
            let _making = making;
            if let Err(why) = this.make(at, &name, order_uid, &job).await {
                warn!("{name} is not made ready ahead: {why}");
            }
        });
        Some(MadeAhead(at))
    }

    async fn make(
        &self,
        at: At,
        name: &str,
        order_uid: OrderUid,
        job: &Job,
    ) -> Result<(), NotStarted> {
        self.change(|state| state.note_ahead(at)).await?;
        let noted = self.noted(at).await;
        let is_to_be_made = |noted: &Noted| noted.ahead == Some(Ahead::Waits);
        if noted.is_none_or(|noted| !is_to_be_made(&noted) || noted.job_uid.is_some()) {
            return Ok(());
        }
        let uid = self.create(name, order_uid, job).await?;
        self.change(|state| state.note(at).job_uid = Some(uid))
            .await
    }

    /// Its turn has come: one that waits well goes on, one of no use is made as any other. Until this is
    /// noted nobody has told it GO.
    pub(super) async fn turn_has_come(&self, request: &OrderRequest, at: At) {
        let _made = self.making.lock().await;
        let noted = self.noted(at).await;
        let Some(noted) = noted.filter(|noted| noted.ahead == Some(Ahead::Waits)) else {
            return;
        };
        let name = names::task(&request.order.id, at);
        let done = match self.waits_well(&name, &noted).await {
            Ok(true) => Ok(()),
            Ok(false) => self.undo(request, at, &name).await,
            Err(why) => Err(why),
        };
        if let Err(why) = done {
            warn!("{name}, which was made ready ahead: {why}");
        }
    }

    async fn waits_well(&self, name: &str, noted: &Noted) -> Result<bool, NotStarted> {
        let Some(uid) = &noted.job_uid else {
            return Ok(false);
        };
        let status = self.find(name, uid).await?.map(|job| job.status);
        let Some(status) = status.map(Option::unwrap_or_default) else {
            return Ok(false);
        };
        let some = |count: Option<i32>| count.is_some_and(|count| count > 0);
        if some(status.failed) || some(status.succeeded) {
            return Ok(false);
        }
        // Kubernetes tries again to make a pod that had no room, but only after minutes.
        let why = || watch::why_no_pod(&self.client, &self.config.namespace, name);
        Ok(some(status.active) || why().await.is_ok_and(|why| why.is_none()))
    }

    /// The word for an attempt that was made ready ahead, if it was and a word can say all.
    pub(super) async fn word(
        &self,
        request: &OrderRequest,
        at: At,
        earlier: &[Earlier],
    ) -> Result<Option<Go>, NotStarted> {
        if self
            .noted(at)
            .await
            .is_none_or(|noted| noted.ahead.is_none())
        {
            return Ok(None);
        }
        let Some(go) = spec::given(request, at, earlier) else {
            let name = names::task(&request.order.id, at);
            return self.undo(request, at, &name).await.map(|()| None);
        };
        Ok(Some(Go {
            token: request.handle.token.clone(),
            key: key(request, at),
            go,
        }))
    }

    /// Takes away a Job whose runner was never told GO, and forgets that it was made ahead.
    async fn undo(&self, request: &OrderRequest, at: At, name: &str) -> Result<(), NotStarted> {
        let lost = |why: Error| failed(Reason::Error, &why);
        let (uid, until) = (request.handle.order_uid, Instant::now() + GOING);
        while self.delete(uid, name).await.map_err(lost)? {
            if Instant::now() > until {
                let why =
                    format!("the Job {name}, which was made ready ahead, does not go; delete it");
                return Err(failed(Reason::Error, &why));
            }
            sleep(Duration::from_millis(50)).await;
        }
        self.change(|state| {
            let noted = state.note(at);
            (noted.ahead, noted.job_uid) = (None, None);
        })
        .await
    }

    /// Takes away what waits and will not have its turn.
    pub(super) async fn take_away_waiting(&self, request: &OrderRequest) {
        let _none_is_made = self.making.lock().await;
        let state = self.ledger.state().await;
        for name in state.waiting().map(|at| names::task(&request.order.id, at)) {
            if let Err(why) = self.delete(request.handle.order_uid, &name).await {
                warn!("{name}, which was made ready ahead, can't be deleted: {why}");
            }
        }
    }

    /// Deletes a Job that was made for this execution: another one's is none of our business. Whether it was
    /// there.
    async fn delete(&self, uid: OrderUid, name: &str) -> Result<bool, Error> {
        let jobs = self.jobs();
        let job = patiently(name, || jobs.get_opt(name)).await?;
        if job.is_none_or(|job| !job::is_of(&job, uid)) {
            return Ok(false);
        }
        let delete = || watch::try_delete(&self.client, &self.config.namespace, name);
        patiently(name, delete).await.map(|()| true)
    }
}
