//! Jobs without Podometer, one after the other.

use std::{pin::pin, time::Duration};

use anyhow::{Context, Result};
use futures::TryStreamExt;
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    Api, Client,
    api::{DeleteParams, PostParams},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::json;
use tokio::time::timeout;

use crate::args::StepsArgs;

/// What the next Job waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follow {
    Complete,
    PodEnded,
}

const LIMIT: Duration = Duration::from_mins(2);

/// From the last act of each step to the first one of the next, seconds: each says in its termination log
/// when it began and ended, by `/proc/uptime` (10 ms).
pub(super) async fn bare(
    client: &Client,
    args: &StepsArgs,
    follow: Follow,
    init: bool,
) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for number in 0..=args.steps {
        let name = format!("bench-{}-{number}", std::process::id());
        let said = timeout(LIMIT, one(client, args, &name, follow, init)).await;
        let said = said.with_context(|| format!("{name} did not end"))??;
        let numbers: Vec<f64> = said.split_whitespace().flat_map(str::parse).collect();
        let [began, ended] = numbers[..] else {
            anyhow::bail!("{name} said {said:?}");
        };
        times.push((began, ended));
    }
    Ok(times.windows(2).map(|pair| pair[1].0 - pair[0].1).collect())
}

async fn one(
    client: &Client,
    args: &StepsArgs,
    name: &str,
    follow: Follow,
    init: bool,
) -> Result<String> {
    let jobs: Api<Job> = Api::namespaced(client.clone(), &args.namespace);
    let pods: Api<Pod> = Api::namespaced(client.clone(), &args.namespace);
    jobs.create(&PostParams::default(), &job(args, name, init)?)
        .await?;
    let of = format!("batch.kubernetes.io/job-name={name}");
    let mut seen = pin!(
        watcher(pods, watcher::Config::default().labels(&of))
            .default_backoff()
            .applied_objects()
    );
    let said = loop {
        let pod = seen.try_next().await?.context("the watch has ended")?;
        if let Some(said) = ended(&pod) {
            break said;
        }
    };
    if follow == Follow::Complete {
        let is_complete = kube::runtime::conditions::is_job_completed();
        kube::runtime::wait::await_condition(jobs.clone(), name, is_complete).await?;
    }
    // Afterwards: it would take time from the next one.
    let jobs = jobs.clone();
    let name = name.to_owned();
    tokio::spawn(async move { jobs.delete(&name, &DeleteParams::background()).await });
    Ok(said)
}

/// What a pod that has ended left.
fn ended(pod: &Pod) -> Option<String> {
    let containers = pod.status.as_ref()?.container_statuses.as_ref()?;
    let ended = containers.first()?.state.as_ref()?.terminated.as_ref()?;
    Some(ended.message.clone().unwrap_or_default())
}

fn job(args: &StepsArgs, name: &str, init: bool) -> Result<Job> {
    let script = format!(
        "read a x </proc/uptime; sleep {}; read b x </proc/uptime; echo $a $b >/dev/termination-log",
        args.seconds
    );
    let container = |name: &str, script: &str| {
        json!({
            "name": name, "image": args.image, "command": ["/bin/sh", "-c", script],
            "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
        })
    };
    let before: Vec<_> = init
        .then(|| container("copy", "cp /bin/true /tmp/true || true"))
        .into_iter()
        .collect();
    Ok(serde_json::from_value(json!({
        "metadata": { "name": name },
        "spec": { "backoffLimit": 0, "template": { "spec": {
            "restartPolicy": "Never", "automountServiceAccountToken": false,
            "terminationGracePeriodSeconds": 1,
            "securityContext": { "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": { "type": "RuntimeDefault" } },
            "initContainers": before, "containers": [container("step", &script)],
        } } },
    }))?)
}
