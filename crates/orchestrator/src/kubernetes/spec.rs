//! From an order to what the runner in a task's container is told. Pure.

use std::path::{Path, PathBuf};

use model::{
    AttemptSpec, Task,
    attempt::{BusAddress, Launcher, Stdio, Token},
    order::Messages,
    stream::Given,
    text,
};

use super::{
    images::{self, Image},
    places,
};
use crate::{
    OrderRequest,
    local::{
        MAX_PROGRESS_BYTES,
        environment::{self, PROGRESS, PROGRESS_FILE},
        given_progress, key,
    },
    plan::{At, Earlier},
};

/// The port of a pod on which its runner serves its readings.
pub const STREAM_PORT: u16 = 7466;
/// All that a ConfigMap holds, bytes.
const MAX_MAP: usize = 1_000_000;

/// What a task's container is told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    /// Its environment.
    pub(super) env: Vec<(String, String)>,
    /// The earlier outputs where they are too long for a variable: the text of a file.
    pub(super) progress: Option<String>,
    /// Whether its runner waits for GO.
    pub(super) waits: bool,
}

/// Why a task can't run on the cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SpecError {
    /// It has no image.
    #[error("the task {0} has no image; give it \"image\": \"...\"")]
    NoImage(model::TaskName),
    /// Neither it nor its image says what to run.
    #[error("neither the task {0} nor its image has a command; give it \"command\": [\"...\"]")]
    NoCommand(model::TaskName),
    /// Too much for Linux or for a ConfigMap.
    #[error(
        "what {task} is to be told has {bytes} bytes, which is too long; hand long texts on in files of PODOMETER_WORKSPACE"
    )]
    TooLong {
        /// The task.
        task: model::TaskName,
        /// How long it is.
        bytes: usize,
    },
}

/// What an attempt's container is told; `image` is what is known of its image.
pub(super) fn told(
    request: &OrderRequest,
    at: At,
    earlier: &[Earlier],
    bus: &BusAddress,
    workspace: bool,
    image: Option<&Image>,
) -> Result<Told, SpecError> {
    let task = &request.order.tasks[at.0.0 as usize];
    let too_long = |bytes| SpecError::TooLong {
        task: task.name.clone(),
        bytes,
    };
    let mut spec = spec(request, at, bus, workspace, image)?;
    spec.argv.extend(argv_tail(request, at, earlier));
    let text = environment::progress_json(earlier);
    let mut progress = None;
    if text.len() > MAX_MAP {
        return Err(too_long(text.len()));
    } else if text.len() > MAX_PROGRESS_BYTES {
        spec.env
            .insert(PROGRESS_FILE.to_owned(), places::PROGRESS.to_owned());
        progress = Some(text);
    } else {
        spec.env.insert(PROGRESS.to_owned(), text);
    }
    encode(spec, progress, task)
}

/// What the container of an attempt is told that is made ready ahead: all but what earlier tasks put out.
pub(super) fn told_ahead(
    request: &OrderRequest,
    at: At,
    bus: &BusAddress,
    workspace: bool,
    image: Option<&Image>,
) -> Result<Told, SpecError> {
    let spec = AttemptSpec {
        wait: true,
        ..spec(request, at, bus, workspace, image)?
    };
    encode(spec, None, &request.order.tasks[at.0.0 as usize])
}

/// What GO hands over; `None` where it is too long for that.
pub(super) fn given(request: &OrderRequest, at: At, earlier: &[Earlier]) -> Option<Given> {
    let text = environment::progress_json(earlier);
    (text.len() <= MAX_PROGRESS_BYTES).then(|| Given {
        env: [(PROGRESS.to_owned(), text)].into(),
        argv_tail: argv_tail(request, at, earlier),
    })
}

/// The arguments of a task that reports for itself.
fn argv_tail(request: &OrderRequest, at: At, earlier: &[Earlier]) -> Vec<String> {
    let task = &request.order.tasks[at.0.0 as usize];
    if task.messages != Messages::Task {
        return Vec::new();
    }
    let names = request.order.tasks.iter().map(|task| task.name.as_str());
    vec![
        text::required_tasks(names),
        task.name.to_string(),
        request.order.id.to_string(),
        given_progress(request, at, earlier),
    ]
}

fn encode(spec: AttemptSpec, progress: Option<String>, task: &Task) -> Result<Told, SpecError> {
    let waits = spec.wait;
    let too_long = |bytes| SpecError::TooLong {
        task: task.name.clone(),
        bytes,
    };
    let (text, beside) = environment::encode(spec).map_err(too_long)?;
    let readable = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let beside = beside
        .into_iter()
        .map(|(name, value)| (readable(name), readable(value)));
    let own = (model::attempt::SPEC_VARIABLE.to_owned(), text);
    Ok(Told {
        env: beside.chain([own]).collect(),
        progress,
        waits,
    })
}

/// The spec, without what earlier tasks put out. Secrets come by reference.
fn spec(
    request: &OrderRequest,
    at: At,
    bus: &BusAddress,
    workspace: bool,
    known: Option<&Image>,
) -> Result<AttemptSpec, SpecError> {
    let workspace = workspace.then(|| Path::new(places::WORKSPACE));
    let task = &request.order.tasks[at.0.0 as usize];
    let image = task
        .image
        .clone()
        .ok_or_else(|| SpecError::NoImage(task.name.clone()))?;
    let output = Path::new(places::OUTPUT);
    let mut env = environment::variables(request, at, task, workspace, output);
    if task.messages == Messages::Task {
        let servers = bus.bootstrap_servers.clone();
        env.insert("KAFKA_BOOTSTRAP_SERVERS".to_owned(), servers);
    }
    let argv = images::argv(task, known);
    let argv = argv.ok_or_else(|| SpecError::NoCommand(task.name.clone()))?;
    let entrypoint_of = known.filter(|_| task.command.is_empty());
    let image_digest = entrypoint_of
        .map(|known| known.digest.clone())
        .or_else(|| images::digest(&image));
    let bus = BusAddress {
        options: std::collections::BTreeMap::new(),
        ..bus.clone()
    };
    Ok(AttemptSpec {
        order: request.order.id.clone(),
        key: key(request, at),
        task: task.name.clone(),
        argv,
        env,
        working_dir: working_dir(task, workspace, entrypoint_of),
        image: Some(image),
        image_digest,
        resources: task.resources.clone(),
        timeout: task.timeout,
        grace: request.grace,
        period: request.period,
        messages: task.messages,
        launcher: Launcher::Kubernetes,
        own_cgroup: true,
        own_network: true,
        bus: Some(bus),
        token: Token(String::new()),
        stream_host: String::new(),
        stream_port: Some(STREAM_PORT),
        wait: false,
        termination_log: PathBuf::from("/dev/termination-log"),
        undelivered: None,
        output_file: PathBuf::from(places::OUTPUT),
        input: request.input.clone(),
        stdio: Stdio::Tee,
    })
}

/// An image's entrypoint may be relative to the folder that the image says; all else runs in the workspace.
fn working_dir(
    task: &Task,
    workspace: Option<&Path>,
    entrypoint_of: Option<&Image>,
) -> Option<PathBuf> {
    let images = entrypoint_of.and_then(|image| image.working_dir.as_deref());
    match (&task.working_dir, workspace) {
        (Some(folder), Some(workspace)) => Some(workspace.join(folder)),
        (Some(folder), None) => Some(PathBuf::from(folder)),
        (None, workspace) => images.or(workspace).map(Path::to_owned),
    }
}
