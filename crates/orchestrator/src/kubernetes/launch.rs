//! Jobs as a [`Launcher`].

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::{
    api::{batch::v1::Job, core::v1::ConfigMap},
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::{
    Api, Client, Error,
    api::{ObjectMeta, PostParams},
};
use model::{OrderUid, Reason, attempt::BusAddress, stream::Go};
use tokio::{
    sync::{Mutex, watch::Receiver},
    time::sleep,
};
use tracing::warn;

use super::{
    ahead::MadeAhead,
    config::{Config, Volume},
    go,
    images::{self, Image},
    job::{self, Parts},
    ledger::Ledger,
    names, outputs, places,
    pods::Trouble,
    record::{Noted, Phase, State},
    spec::{self, Told},
    watch::{self, Place, Watch},
};
use crate::{
    Decision, Launcher, NotBegun, NotStarted, OrderRequest, Started, Superseded,
    clock::Clock,
    local::key,
    plan::{At, Earlier, Seen},
};

/// The first and the longest pause before an API server that doesn't answer is asked again.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// How long a Job is tried to be made.
const PATIENCE: Duration = Duration::from_mins(5);

/// The launcher of one order.
#[derive(Clone)]
pub struct Kubernetes {
    pub(super) client: Client,
    pub(super) config: Arc<Config>,
    pub(super) ledger: Arc<Ledger>,
    /// The order's Job, which owns all that is made here.
    pub(super) owner: OwnerReference,
    pub(super) volume: Option<Volume>,
    /// What was looked up of the order's images.
    pub(super) images: Arc<BTreeMap<String, Image>>,
    pub(super) clock: Clock,
    /// Held while a pod is made ready ahead.
    pub(super) making: Arc<Mutex<()>>,
}

impl Launcher for Kubernetes {
    type Prepared = MadeAhead;

    fn clock(&self) -> Clock {
        self.clock
    }

    /// The order's objects were made by the program.
    async fn begin(&self, _: &OrderRequest) -> Result<(), NotBegun> {
        Ok(())
    }

    async fn note(&self, request: &OrderRequest, decision: Decision<'_>) -> Result<(), Superseded> {
        match decision {
            Decision::Launch(at) => {
                self.turn_has_come(request, at).await;
                self.ledger.change(|state| state.launch(at)).await
            }
            Decision::Ended { at, end, output } => {
                let long = outputs::keep(self, &request.order.id, at, output).await;
                self.ledger
                    .change(|state| {
                        let noted = state.note(at);
                        if noted.end.is_none() {
                            noted.end = Some(end.clone());
                            noted.output = output.filter(|_| long.is_none()).map(str::to_owned);
                            noted.output_in = long;
                        }
                    })
                    .await
            }
            Decision::Stop { status, message } => {
                let now = (self.clock)();
                self.take_away_waiting(request).await;
                self.ledger
                    .change(|state| {
                        state.forget_waiting();
                        if state.phase != Phase::Over {
                            state.phase = Phase::Stopped;
                        }
                        state.status = Some(status);
                        state.message = message.map(str::to_owned);
                        state.ended_at.get_or_insert(now);
                    })
                    .await
            }
            Decision::Done { stored } => {
                self.ledger
                    .change(|state| {
                        state.phase = Phase::Over;
                        state.stored = Some(stored);
                    })
                    .await
            }
        }
    }

    async fn start(
        &self,
        request: &OrderRequest,
        at: At,
        earlier: &[Earlier],
        bus: BusAddress,
        _: Option<MadeAhead>,
    ) -> Result<Started, NotStarted> {
        let name = names::task(&request.order.id, at);
        let word = self.word(request, at, earlier).await?;
        let noted = self.noted(at).await.and_then(|noted| noted.job_uid);
        let (uid, is_there) = if let Some(uid) = noted {
            let found = self.find(&name, &uid).await?;
            (uid, found.is_some())
        } else {
            let workspace = self.volume.is_some();
            let image = self.image(request, at);
            let told = match &word {
                Some(_) => spec::told_ahead(request, at, &bus, workspace, image),
                None => spec::told(request, at, earlier, &bus, workspace, image),
            };
            let told = told.map_err(|why| failed(Reason::Error, &why))?;
            let job = self.job(request, at, &told)?;
            self.lay_out(&name, &told).await?;
            let uid = self.create(&name, request.handle.order_uid, &job).await?;
            self.change(|state| state.note(at).job_uid = Some(uid.clone()))
                .await?;
            (uid, true)
        };
        let (place, places) = tokio::sync::watch::channel(Place::default());
        let watch = Watch {
            client: self.client.clone(),
            namespace: self.config.namespace.clone(),
            job: name.clone(),
            uid,
            at,
            key: key(request, at),
            clock: self.clock,
            unschedulable: Duration::from_secs(self.config.unschedulable_seconds),
            is_there,
            place,
        };
        let (client, namespace) = (self.client.clone(), self.config.namespace.clone());
        Ok(Started {
            pid: None,
            no_cgroup: None,
            signal: Box::new(move |hard| {
                let (client, namespace, name) = (client.clone(), namespace.clone(), name.clone());
                tokio::spawn(async move { watch::signal(&client, &namespace, &name, hard).await });
            }),
            end: Box::pin(async move { (end(watch, word, places).await, None) }),
        })
    }

    fn prepare(&self, request: &OrderRequest, at: At, bus: BusAddress) -> Option<MadeAhead> {
        self.make_ahead(request, at, &bus)
    }

    fn undelivered(&self, _: &OrderRequest, _: At) -> Option<PathBuf> {
        None
    }
}

/// Waits for an attempt's end; one that waits for GO is told so meanwhile.
async fn end(watch: Watch, word: Option<Go>, places: Receiver<Place>) -> Seen {
    let Some(go) = word.filter(|_| watch.is_there) else {
        return watch.end().await;
    };
    tokio::select! {
        seen = watch.end() => seen,
        message = go::say(go, places) => {
            let reason = Reason::Error;
            watch.give_up(Trouble { reason, message, hopeless: true }).await
        }
    }
}

pub(super) fn failed(reason: Reason, why: &dyn std::fmt::Display) -> NotStarted {
    NotStarted {
        reason,
        message: why.to_string(),
    }
}

impl Kubernetes {
    pub(super) fn jobs(&self) -> Api<Job> {
        Api::namespaced(self.client.clone(), &self.config.namespace)
    }

    pub(super) fn maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), &self.config.namespace)
    }

    pub(super) async fn noted(&self, at: At) -> Option<Noted> {
        self.ledger.state().await.noted(at).cloned()
    }

    pub(super) async fn change(
        &self,
        change: impl FnOnce(&mut State) + Send,
    ) -> Result<(), NotStarted> {
        let changed = self.ledger.change(change).await;
        changed.map_err(|superseded| failed(Reason::Interrupted, &superseded))
    }

    /// The Job that was noted, if it is there still.
    pub(super) async fn find(&self, name: &str, uid: &str) -> Result<Option<Job>, NotStarted> {
        let jobs = self.jobs();
        let job = patiently(name, || jobs.get_opt(name)).await;
        let job = job.map_err(|error| failed(Reason::Lost, &error))?;
        Ok(job.filter(|job| job.metadata.uid.as_deref() == Some(uid)))
    }

    /// What is known of the image of an attempt.
    pub(super) fn image(&self, request: &OrderRequest, at: At) -> Option<&Image> {
        images::of(&self.images, &request.order.tasks[at.0.0 as usize])
    }

    pub(super) fn job(
        &self,
        request: &OrderRequest,
        at: At,
        told: &Told,
    ) -> Result<Job, NotStarted> {
        let parts = Parts {
            owner: self.owner.clone(),
            config: &self.config,
            volume: self.volume.as_ref(),
            told,
            image: self.image(request, at),
            pull_secret: Path::new(places::REGISTRY).join("config.json").exists(),
        };
        let job = job::job(request, at, &parts);
        job.map_err(|why| {
            let why = format!("what the task's \"pod\" says is no pod: {why}");
            failed(Reason::Error, &why)
        })
    }

    /// Makes the Job of an attempt, or finds the one that an earlier process has made; its UID.
    pub(super) async fn create(
        &self,
        name: &str,
        order_uid: OrderUid,
        job: &Job,
    ) -> Result<String, NotStarted> {
        let error = |why: &dyn std::fmt::Display| failed(Reason::Error, why);
        let (jobs, params) = (self.jobs(), PostParams::default());
        let made = match patiently(name, || jobs.create(&params, job)).await {
            Err(Error::Api(status)) if status.code == 409 => {
                let there = patiently(name, || jobs.get(name)).await;
                let there = there.map_err(|why| error(&why))?;
                if !job::is_of(&there, order_uid) {
                    let why = format!(
                        "a Job {name} of another order is there; delete it, or give the order another id"
                    );
                    return Err(error(&why));
                }
                there
            }
            made => made.map_err(|why| error(&format!("its Job can't be made: {why}")))?,
        };
        Ok(made.metadata.uid.unwrap_or_default())
    }

    /// Makes the file of earlier outputs, where they are long.
    async fn lay_out(&self, job: &str, told: &Told) -> Result<(), NotStarted> {
        let Some(text) = &told.progress else {
            return Ok(());
        };
        let data = [("progress.json".to_owned(), text.clone())];
        let made = self.make_map(job::progress_map(job), data.into()).await;
        made.map_err(|why| {
            failed(
                Reason::Error,
                &format!("the earlier outputs can't be handed on: {why}"),
            )
        })
    }

    /// Makes a ConfigMap that the order owns; one that is there already stays.
    pub(super) async fn make_map(
        &self,
        name: String,
        data: BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let map = ConfigMap {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                owner_references: Some(vec![self.owner.clone()]),
                ..ObjectMeta::default()
            },
            data: Some(data),
            ..ConfigMap::default()
        };
        let (maps, params) = (self.maps(), PostParams::default());
        match patiently(&name, || maps.create(&params, &map)).await {
            Err(Error::Api(status)) if status.code == 409 => Ok(()),
            made => made.map(drop),
        }
    }
}

/// Asks again while the API server doesn't answer, for a while.
pub(super) async fn patiently<T, F: Future<Output = Result<T, Error>>>(
    what: &str,
    ask: impl Fn() -> F,
) -> Result<T, Error> {
    let (until, mut pause, mut said) = (tokio::time::Instant::now() + PATIENCE, RETRY.0, false);
    loop {
        match ask().await {
            Err(Error::Api(status)) if status.code < 500 && status.code != 429 => {
                return Err(Error::Api(status));
            }
            Err(error) if tokio::time::Instant::now() < until => {
                if !std::mem::replace(&mut said, true) {
                    warn!("{what}: {error}; trying again");
                }
                sleep(pause).await;
                pause = (pause * 2).min(RETRY.1);
            }
            done => return done,
        }
    }
}
