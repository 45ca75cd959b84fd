//! `podometer terminate`.

use anyhow::Result;

use super::on_server;
use crate::{
    args::{Named, TerminateArgs},
    cluster::Cluster,
    exit::Code,
    output,
};

pub(super) async fn run(args: TerminateArgs, named: Named) -> Result<Code> {
    if let Some(server) = args.server.wanted(args.cluster.is_named(), named)? {
        return on_server::terminate(&args.order, &server).await;
    }
    let cluster = Cluster::connect(&args.cluster).await?;
    output::note(&format!("podometer terminate: {}", cluster.place()));
    let found = cluster.order_or_usage(&args.order).await?;
    let status = found.status();
    if status.is_final() {
        output::print(&format!("order {} is over: {status}\n", args.order))?;
        return Ok(Code::DONE);
    }
    cluster.terminate(&args.order, args.now).await?;
    output::print(&format!(
        "order {} is told to end; `podometer status {} --cluster --follow` waits for it\n",
        args.order, args.order
    ))?;
    Ok(Code::DONE)
}
