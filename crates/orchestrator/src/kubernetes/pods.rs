//! What a task's pod says of its attempt. Pure.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod};
use model::{AttemptKey, Reason, TerminationLog, Timestamp};

use super::names::TASK_CONTAINER;
use crate::plan::{ExitView, RunnerEnd};

/// What a look at a pod shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Look {
    /// On its way, as it should be.
    Starting,
    /// Not started, and this may be why.
    Stuck(Trouble),
    /// Its container runs.
    Running,
    /// Nothing of it runs any more.
    Ended(Box<ExitView>),
}

/// Why a pod doesn't start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// As the run's end would say it.
    pub reason: Reason,
    /// In words.
    pub message: String,
    /// Whether waiting is known to be in vain.
    pub hopeless: bool,
}

/// Looks at a pod; `now` is when.
pub fn look(pod: &Pod, key: AttemptKey, now: Timestamp) -> Look {
    let status = pod.status.as_ref();
    let container = status
        .and_then(|status| status.container_statuses.as_deref())
        .and_then(|all| all.iter().find(|one| one.name == TASK_CONTAINER));
    let state = container.and_then(|one| one.state.as_ref());
    if let Some(ended) = state.and_then(|state| state.terminated.as_ref()) {
        return Look::Ended(Box::new(exit(pod, Some(ended), key, now)));
    }
    let phase = status.and_then(|status| status.phase.as_deref());
    if matches!(phase, Some("Failed" | "Succeeded")) {
        return Look::Ended(Box::new(exit(pod, None, key, now)));
    }
    if state.is_some_and(|state| state.running.is_some()) {
        return Look::Running;
    }
    match trouble(pod) {
        Some(trouble) => Look::Stuck(trouble),
        None => Look::Starting,
    }
}

/// The view of an attempt whose pod is gone, or never was; `last` is what was last seen of it.
pub fn gone(last: Option<&Pod>, key: AttemptKey, now: Timestamp) -> ExitView {
    let state = |pod: &Pod| match look(pod, key, now) {
        Look::Ended(exit) => Some(*exit),
        _ => None,
    };
    last.and_then(state).unwrap_or_else(|| ExitView {
        cause: last
            .map_or(Some(Reason::Lost), outside)
            .or(Some(Reason::Lost)),
        last_words: Some("its pod was deleted".to_owned()),
        ..silent(RunnerEnd::Signal(libc::SIGKILL), now)
    })
}

fn silent(runner: RunnerEnd, now: Timestamp) -> ExitView {
    ExitView {
        runner,
        cause: None,
        ended_at: now,
        log: None,
        output: None,
        oom_kills: None,
        undelivered: false,
        last_words: None,
    }
}

fn exit(
    pod: &Pod,
    ended: Option<&ContainerStateTerminated>,
    key: AttemptKey,
    now: Timestamp,
) -> ExitView {
    let outside = outside(pod);
    let Some(ended) = ended else {
        let message = pod
            .status
            .as_ref()
            .and_then(|status| status.message.clone());
        return ExitView {
            cause: outside.or(Some(Reason::Lost)),
            last_words: message,
            ..silent(RunnerEnd::Signal(libc::SIGKILL), now)
        };
    };
    let text = ended.message.as_deref().unwrap_or_default();
    let log = serde_json::from_str::<TerminationLog>(text).ok();
    let log = log.filter(|log| log.key == key);
    let out_of_memory = ended.reason.as_deref() == Some("OOMKilled");
    let whole = log.as_ref().is_some_and(|log| log.end.is_some());
    ExitView {
        runner: runner_end(ended, whole),
        cause: outside.filter(|_| !out_of_memory),
        ended_at: ended
            .finished_at
            .as_ref()
            .map_or(now, |time| Timestamp(time.0.as_microsecond())),
        output: log.as_ref().and_then(|log| log.output.clone()),
        // What is no log is what the container runtime had to say.
        last_words: Some(text.trim().to_owned()).filter(|text| log.is_none() && !text.is_empty()),
        log,
        oom_kills: Some(u64::from(out_of_memory)),
        undelivered: false,
    }
}

/// A signal that ends a container's first process is told as 128 and its number. A runner that has
/// written its end has exited by itself, with its command's code.
fn runner_end(ended: &ContainerStateTerminated, whole: bool) -> RunnerEnd {
    match ended.exit_code {
        code @ 129..=192 if !whole => RunnerEnd::Signal(code - 128),
        code => RunnerEnd::Code(code),
    }
}

/// A cause that is none of the task's own.
fn outside(pod: &Pod) -> Option<Reason> {
    let status = pod.status.as_ref()?;
    let evicted = status.reason.as_deref() == Some("Evicted");
    let disrupted = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "DisruptionTarget" && condition.status == "True");
    match disrupted.and_then(|condition| condition.reason.as_deref()) {
        // The node is away: nobody knows whether it still runs.
        Some("DeletionByTaintManager" | "DeletionByPodGC") => Some(Reason::Lost),
        Some(_) => Some(Reason::Evicted),
        None if evicted => Some(Reason::Evicted),
        None if status.reason.as_deref() == Some("DeadlineExceeded") => Some(Reason::TimedOut),
        None => None,
    }
}

/// What it means that a Job's pod could not be made, as an event says it. A quota that others use up now may
/// have room later; one that is too small for this pod alone, or a policy, never lets it in.
pub fn not_made(message: &str) -> Trouble {
    let refused = message.contains("forbidden");
    let quota = message.contains("exceeded quota");
    Trouble {
        reason: Reason::Unschedulable,
        message: format!("its pod can't be made: {message}"),
        hopeless: refused && (!quota || is_too_small(message)),
    }
}

/// Whether `requested: requests.memory=900Gi, used: ..., limited: requests.memory=1Gi` asks for more than
/// there ever is.
fn is_too_small(message: &str) -> bool {
    let part = |name: &str, next: &str| {
        let from = message.split_once(&format!("{name}: "))?.1;
        Some(
            from.split_once(&format!(", {next}: "))
                .map_or(from, |(part, _)| part),
        )
    };
    let (Some(requested), Some(limited)) =
        (part("requested", "used"), part("limited", "requested"))
    else {
        return false;
    };
    let amounts = |text: &str| -> Vec<(String, Option<f64>)> {
        let pairs = text
            .split(',')
            .filter_map(|pair| pair.trim().split_once('='));
        pairs
            .map(|(name, amount)| (name.to_owned(), number(amount)))
            .collect()
    };
    let limits = amounts(limited);
    amounts(requested).into_iter().any(|(name, wanted)| {
        let limit = limits
            .iter()
            .find(|(other, _)| *other == name)
            .and_then(|(_, limit)| *limit);
        wanted
            .zip(limit)
            .is_some_and(|(wanted, limit)| wanted > limit)
    })
}

/// A quantity as Kubernetes writes it; processors and bytes differ by their suffixes alone.
fn number(amount: &str) -> Option<f64> {
    let cpu = amount
        .parse::<model::CpuQuantity>()
        .ok()
        .map(|cpu| cpu.cores());
    cpu.or_else(|| {
        amount
            .parse::<model::ByteQuantity>()
            .ok()
            .map(|bytes| bytes.bytes() as f64)
    })
}

/// Why it doesn't start, as far as it says.
fn trouble(pod: &Pod) -> Option<Trouble> {
    let status = pod.status.as_ref()?;
    let unschedulable = status.conditions.iter().flatten().find(|condition| {
        condition.type_ == "PodScheduled"
            && condition.status == "False"
            && condition.reason.as_deref() == Some("Unschedulable")
    });
    if let Some(condition) = unschedulable {
        let why = condition.message.as_deref().unwrap_or("no node takes it");
        return Some(Trouble {
            reason: Reason::Unschedulable,
            message: format!("no node takes its pod: {why}"),
            hopeless: false,
        });
    }
    let init = status.init_container_statuses.iter().flatten();
    let mut containers = init.chain(status.container_statuses.iter().flatten());
    containers.find_map(waits)
}

fn waits(container: &ContainerStatus) -> Option<Trouble> {
    let ContainerState {
        waiting: Some(waiting),
        ..
    } = container.state.as_ref()?
    else {
        return None;
    };
    let said = waiting.message.as_deref().unwrap_or_default();
    let image = &container.image;
    let (reason, hopeless) = match waiting.reason.as_deref()? {
        // Of a pull the first failure may be the network's; this comes after another.
        "InvalidImageName" | "ErrImageNeverPull" | "ImagePullBackOff" => (Reason::Image, true),
        "ErrImagePull" => (Reason::Image, is_refusal(said)),
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            (Reason::Error, true)
        }
        _ => return None,
    };
    let message = if reason == Reason::Image {
        format!("its image {image} can't be had: {said}")
    } else {
        format!("its container can't be made: {said}")
    };
    Some(Trouble {
        reason,
        message,
        hopeless,
    })
}

/// Whether a registry has said no, instead of nothing.
fn is_refusal(said: &str) -> bool {
    let said = said.to_lowercase();
    [
        "not found",
        "denied",
        "unauthorized",
        "manifest unknown",
        "does not exist",
    ]
    .iter()
    .any(|no| said.contains(no))
}

#[cfg(test)]
#[path = "pods_tests.rs"]
mod tests;
