//! `podometer logs`.

use anyhow::Result;
use futures::{AsyncReadExt, io::AsyncRead};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::LogParams};
use orchestrator::kubernetes::names;

use crate::{
    args::LogsArgs,
    cluster::{Cluster, Error},
    exit::Code,
    load::Usage,
    output,
};

/// What is read at a time, bytes.
const PIECE: usize = 64 * 1024;

pub(super) async fn run(args: LogsArgs) -> Result<Code> {
    let cluster = Cluster::connect(&args.cluster).await?;
    let found = cluster.order_or_usage(&args.order).await?;
    let tasks = &found.record.order.tasks;
    if let Some(task) = &args.task
        && !tasks.iter().any(|one| one.name == *task)
    {
        let known = tasks
            .iter()
            .map(|one| one.name.as_str())
            .collect::<Vec<_>>()
            .join(", ");
        return Err(Usage::UnknownTask {
            order: args.order,
            task: task.clone(),
            known,
        }
        .into());
    }
    let pods: Api<Pod> = Api::default_namespaced(cluster.client.clone());
    for ((position, attempt), pod) in cluster.task_pods(&args.order).await? {
        let Some(task) = tasks.get(position.0 as usize) else {
            continue;
        };
        if args
            .task
            .as_ref()
            .is_some_and(|wanted| *wanted != task.name)
        {
            continue;
        }
        output::note(&format!(
            "task {} ({}), attempt {attempt}:",
            position.0 + 1,
            task.name
        ));
        let name = pod.metadata.name.unwrap_or_default();
        let of_task = LogParams {
            container: Some(names::TASK_CONTAINER.to_owned()),
            ..LogParams::default()
        };
        match pods.log_stream(&name, &of_task).await {
            Ok(stream) => print(Box::pin(stream)).await?,
            // One that has not started has nothing to say.
            Err(kube::Error::Api(status)) if status.code == 400 => {
                output::note("it has not started");
            }
            Err(error) => return Err(Error::new(format!("the log of pod {name}"), error).into()),
        }
    }
    Ok(Code::DONE)
}

async fn print(mut stream: impl AsyncRead + Unpin) -> Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = stream.read(&mut piece).await?;
        if length == 0 {
            return Ok(());
        }
        output::print_bytes(&piece[..length])?;
    }
}
