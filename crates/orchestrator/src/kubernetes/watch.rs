//! Watches one attempt's Job and pod until nothing of the attempt runs any more.

use std::{net::IpAddr, time::Duration};

use futures::{StreamExt, stream};
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{Event, Pod},
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, PropagationPolicy},
    runtime::{WatchStreamExt, watcher},
};
use model::{AttemptKey, Reason};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

use super::pods::{self, Look, Trouble};
use crate::{
    clock::Clock,
    plan::{At, ExitView, Seen},
};

/// How long a Job that is gone may have a pod that still ends.
const ORPHAN: Duration = Duration::from_mins(1);
/// How long a Job that an earlier process has seen is looked for before it counts as gone: meanwhile the
/// messages that tell more are read.
const MISSING: Duration = Duration::from_secs(5);
/// How long trouble that may pass is looked on: a registry that doesn't answer.
const PASSING: Duration = Duration::from_mins(1);
/// How long the Job may have no pod before the reason is looked for among its events.
const NO_POD: Duration = Duration::from_secs(2);

/// An attempt to be watched.
pub(super) struct Watch {
    pub(super) client: Client,
    pub(super) namespace: String,
    pub(super) job: String,
    /// The Job's UID.
    pub(super) uid: String,
    pub(super) at: At,
    pub(super) key: AttemptKey,
    pub(super) clock: Clock,
    /// How long a pod may find no node.
    pub(super) unschedulable: Duration,
    /// Whether the Job was there when this began.
    pub(super) is_there: bool,
    /// Told where the pod is.
    pub(super) place: tokio::sync::watch::Sender<Place>,
}

/// Where a pod is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    /// Its address.
    pub(super) ip: Option<IpAddr>,
    /// Whether its task's container runs.
    pub(super) runs: bool,
}

/// What the cluster says.
enum Said {
    Pod(Box<Pod>),
    PodGone,
    JobGone,
    Time,
}

impl Watch {
    /// Waits for the attempt's end.
    pub(super) async fn end(&self) -> Seen {
        let exit = self.exit().await;
        match exit {
            Ok(mut exit) => {
                if exit.may_be_overdue() && self.is_overdue().await {
                    exit.cause = Some(Reason::TimedOut);
                }
                Seen::Exited {
                    at: self.at,
                    exit: Box::new(exit),
                }
            }
            Err(why) => self.give_up(why).await,
        }
    }

    /// Waits until nothing of the attempt runs any more, or there is no hope that it ever will.
    async fn exit(&self) -> Result<ExitView, Trouble> {
        if !self.is_there {
            tokio::time::sleep(MISSING).await;
            return Ok(pods::gone(None, self.key, (self.clock)()));
        }
        let mut says = Box::pin(stream::select(self.pods(), self.jobs()));
        let (mut last, mut job_gone): (Option<Box<Pod>>, bool) = (None, false);
        let mut trouble: Option<(Trouble, Instant)> = None;
        let mut look_again = Instant::now() + NO_POD;
        loop {
            let said = tokio::select! {
                Some(said) = says.next() => said,
                () = sleep_until(look_again) => Said::Time,
            };
            let now = (self.clock)();
            match said {
                Said::Pod(pod) => {
                    self.place.send_replace(place(&pod));
                    trouble = match pods::look(&pod, self.key, now) {
                        Look::Ended(exit) => return Ok(*exit),
                        Look::Stuck(new) => Some(since(trouble, new)),
                        Look::Starting | Look::Running => None,
                    };
                    last = Some(pod);
                }
                Said::PodGone => return Ok(pods::gone(last.as_deref(), self.key, now)),
                Said::JobGone if last.is_none() => return Ok(pods::gone(None, self.key, now)),
                Said::JobGone => {
                    if !std::mem::replace(&mut job_gone, true) {
                        look_again = Instant::now() + ORPHAN;
                        continue;
                    }
                }
                Said::Time if job_gone => {
                    return Ok(pods::gone(last.as_deref(), self.key, now));
                }
                Said::Time if last.is_none() => {
                    if let Some(new) = self.without_pod().await {
                        trouble = Some(since(trouble, new));
                    }
                }
                Said::Time => {}
            }
            if let Some((why, since)) = &trouble
                && since.elapsed() >= self.patience(why)
            {
                return Err(why.clone());
            }
            if !job_gone {
                look_again = Instant::now() + NO_POD;
            }
        }
    }

    fn patience(&self, why: &Trouble) -> Duration {
        match why.reason {
            _ if why.hopeless => Duration::ZERO,
            Reason::Unschedulable => self.unschedulable,
            _ => PASSING,
        }
    }

    /// Takes the Job away, with its pod, and says why.
    pub(super) async fn give_up(&self, why: Trouble) -> Seen {
        delete_job(&self.client, &self.namespace, &self.job).await;
        Seen::LaunchFailed {
            at: self.at,
            reason: why.reason,
            message: why.message,
            ended_at: (self.clock)(),
        }
    }

    fn pods(&self) -> impl stream::Stream<Item = Said> + Send + use<> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        // By UID: a Job of this name that was taken away may leave a pod for a moment.
        let of = format!("batch.kubernetes.io/controller-uid={}", self.uid);
        let config = watcher::Config::default().labels(&of);
        let (mut known, mut seen) = (false, false);
        watcher(api, config)
            .default_backoff()
            .flat_map(move |event| {
                let said: Vec<_> = match event {
                    Ok(watcher::Event::Init) => {
                        seen = false;
                        Vec::new()
                    }
                    Ok(watcher::Event::InitApply(pod) | watcher::Event::Apply(pod)) => {
                        (known, seen) = (true, true);
                        vec![Said::Pod(Box::new(pod))]
                    }
                    // It may have gone while nobody looked.
                    Ok(watcher::Event::InitDone) if known && !seen => vec![Said::PodGone],
                    Ok(watcher::Event::InitDone) => Vec::new(),
                    Ok(watcher::Event::Delete(pod)) => {
                        vec![Said::Pod(Box::new(pod)), Said::PodGone]
                    }
                    Err(error) => {
                        debug!("watching pods: {error}");
                        Vec::new()
                    }
                };
                stream::iter(said)
            })
    }

    fn jobs(&self) -> impl stream::Stream<Item = Said> + Send + use<> {
        let api: Api<Job> = Api::namespaced(self.client.clone(), &self.namespace);
        let config = watcher::Config::default().fields(&format!("metadata.name={}", self.job));
        let mut seen = false;
        watcher(api, config)
            .default_backoff()
            .filter_map(move |event| {
                let said = match event {
                    Ok(watcher::Event::Init) => {
                        seen = false;
                        None
                    }
                    Ok(watcher::Event::InitApply(_) | watcher::Event::Apply(_)) => {
                        seen = true;
                        None
                    }
                    Ok(watcher::Event::InitDone) => (!seen).then_some(Said::JobGone),
                    Ok(watcher::Event::Delete(_)) => Some(Said::JobGone),
                    Err(error) => {
                        debug!("watching Jobs: {error}");
                        None
                    }
                };
                std::future::ready(said)
            })
    }

    /// Whether Kubernetes has ended the Job because its time was over.
    async fn is_overdue(&self) -> bool {
        let api: Api<Job> = Api::namespaced(self.client.clone(), &self.namespace);
        let job = api.get_opt(&self.job).await.ok().flatten();
        let status = job.and_then(|job| job.status);
        status
            .and_then(|status| status.conditions)
            .iter()
            .flatten()
            .any(|condition| condition.reason.as_deref() == Some("DeadlineExceeded"))
    }

    /// Why the Job has no pod, as its events say: a quota, or a policy.
    async fn without_pod(&self) -> Option<Trouble> {
        let found = why_no_pod(&self.client, &self.namespace, &self.job).await;
        let message = found.ok().flatten()?;
        Some(pods::not_made(&message))
    }
}

/// Why a Job has no pod, as the latest of its events says.
///
/// # Errors
/// What the API server says.
pub async fn why_no_pod(
    client: &Client,
    namespace: &str,
    job: &str,
) -> Result<Option<String>, kube::Error> {
    let events: Api<Event> = Api::namespaced(client.clone(), namespace);
    let of = format!("involvedObject.name={job},reason=FailedCreate");
    let found = events.list(&ListParams::default().fields(&of)).await?;
    Ok(found
        .items
        .into_iter()
        .filter_map(|event| event.message)
        .next_back())
}

fn place(pod: &Pod) -> Place {
    let Some(status) = &pod.status else {
        return Place::default();
    };
    let containers = status.container_statuses.iter().flatten();
    Place {
        ip: status.pod_ip.as_ref().and_then(|ip| ip.parse().ok()),
        runs: containers
            .filter_map(|one| one.state.as_ref())
            .any(|state| state.running.is_some()),
    }
}

/// The same trouble as before has lasted since then.
fn since(before: Option<(Trouble, Instant)>, new: Trouble) -> (Trouble, Instant) {
    let since = before
        .filter(|(old, _)| old.reason == new.reason)
        .map(|(_, since)| since);
    (new, since.unwrap_or_else(Instant::now))
}

/// Takes a Job away, with its pod.
pub(super) async fn delete_job(client: &Client, namespace: &str, job: &str) {
    if let Err(error) = try_delete(client, namespace, job).await {
        warn!("the Job {job} can't be deleted: {error}");
    }
}

/// Takes a Job away, with its pod. One that isn't there is no error.
pub(super) async fn try_delete(
    client: &Client,
    namespace: &str,
    job: &str,
) -> Result<(), kube::Error> {
    let jobs: Api<Job> = Api::namespaced(client.clone(), namespace);
    let with_pods = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Background),
        ..DeleteParams::default()
    };
    match jobs.delete(job, &with_pods).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        deleted => deleted.map(drop),
    }
}

/// Ends the pod of a Job: in good form, or at once.
pub(super) async fn signal(client: &Client, namespace: &str, job: &str, hard: bool) {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let of = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={job}"));
    let how = DeleteParams {
        grace_period_seconds: hard.then_some(1),
        ..DeleteParams::default()
    };
    match pods.list(&of).await {
        // Nobody has made it yet, and nobody shall.
        Ok(found) if found.items.is_empty() => delete_job(client, namespace, job).await,
        Ok(found) => {
            for pod in found.items {
                let name = pod.metadata.name.unwrap_or_default();
                if let Err(error) = pods.delete(&name, &how).await {
                    warn!("the pod {name} can't be ended: {error}");
                }
            }
        }
        Err(error) => warn!("the pods of {job} can't be listed: {error}"),
    }
}
