//! From an order to what its runner is told.

use std::path::PathBuf;

use model::{
    AttemptKey, AttemptSpec, Task,
    attempt::{BusAddress, Launcher, Stdio},
    order::Messages,
    text,
};

use super::{AttemptFiles, LaunchError, environment};
use crate::{
    OrderRequest, StdioPolicy,
    plan::{At, Earlier},
};

/// What stands for the path of the running program in a command of this machine.
const OWN_PROGRAM: &str = "{podometer}";

/// The `progress` argument that a plain-text task is given; it echoes this before its output.
pub fn given_progress(request: &OrderRequest, at: At, earlier: &[Earlier]) -> String {
    let text_id = format!("{}.{}.{}", request.order.id, at.0, at.1);
    text::progress(&text_id, earlier.iter().map(|e| e.output.as_str()))
}

/// The spec of an attempt, without a cgroup.
pub(super) fn build(
    request: &OrderRequest,
    at: At,
    earlier: &[Earlier],
    files: &AttemptFiles,
    bus: Option<BusAddress>,
    program: &str,
) -> Result<AttemptSpec, LaunchError> {
    let task = &request.order.tasks[at.0.0 as usize];
    let argv = task
        .local_argv()
        .ok_or_else(|| LaunchError::NotLocal(task.name.clone()))?;
    let mut argv: Vec<_> = argv
        .iter()
        .map(|arg| arg.replace(OWN_PROGRAM, program))
        .collect();
    let mut env = environment::of_task(request, at, task, earlier, files)
        .map_err(LaunchError::file(&files.progress))?;
    if task.messages == Messages::Task {
        let names = request.order.tasks.iter().map(|task| task.name.as_str());
        argv.push(text::required_tasks(names));
        argv.push(task.name.to_string());
        argv.push(request.order.id.to_string());
        argv.push(given_progress(request, at, earlier));
        if let Some(bus) = &bus {
            env.insert(
                "KAFKA_BOOTSTRAP_SERVERS".to_owned(),
                bus.bootstrap_servers.clone(),
            );
        }
    }
    Ok(AttemptSpec {
        order: request.order.id.clone(),
        key: key(request, at),
        task: task.name.clone(),
        argv,
        env,
        working_dir: Some(working_dir(request, task)),
        image: None,
        image_digest: None,
        resources: task.resources.clone(),
        timeout: task.timeout,
        grace: request.grace,
        period: request.period,
        messages: task.messages,
        launcher: Launcher::Local,
        own_cgroup: false,
        own_network: false,
        bus,
        token: request.handle.token.clone(),
        stream_host: "127.0.0.1".to_owned(),
        stream_port: None,
        wait: false,
        termination_log: files.end.clone(),
        undelivered: Some(files.undelivered.clone()),
        output_file: files.output.clone(),
        input: request.input.clone(),
        stdio: match request.stdio {
            StdioPolicy::Inherit => Stdio::Inherit,
            StdioPolicy::Files => Stdio::Files {
                out: files.out.clone(),
                err: files.err.clone(),
            },
        },
    })
}

pub(crate) fn key(request: &OrderRequest, at: At) -> AttemptKey {
    AttemptKey {
        order_uid: request.handle.order_uid,
        position: at.0,
        attempt: at.1,
    }
}

/// The workspace; what `workingDir` says is relative to it.
fn working_dir(request: &OrderRequest, task: &Task) -> PathBuf {
    let workspace = request.workspace();
    match &task.working_dir {
        Some(folder) => workspace.join(folder),
        None => workspace,
    }
}
