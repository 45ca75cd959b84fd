//! `podometer terminate`.

use anyhow::Result;

use super::{on_server, open};
use crate::{
    args::{ClusterArgs, Place, TerminateArgs},
    cluster::Cluster,
    data::DataFolder,
    exit::Code,
    load::Usage,
    output,
    terminate::{self, Ending},
};

pub(super) async fn run(args: &TerminateArgs, place: Place<'_>, data: &DataFolder) -> Result<Code> {
    match place {
        Place::Cluster(which) => on_cluster(args, which).await,
        Place::Server(_) | Place::Here if args.now => Err(Usage::NowHere.into()),
        Place::Server(server) => on_server::terminate(&args.order, &server).await,
        Place::Here => here(args, data).await,
    }
}

async fn here(args: &TerminateArgs, data: &DataFolder) -> Result<Code> {
    let store = open(data).await?;
    let order = &args.order;
    let ending = terminate::local(&store, data, order).await;
    store.close().await;
    say(args, ending?, &format!("podometer status {order} --follow"))
}

async fn on_cluster(args: &TerminateArgs, which: &ClusterArgs) -> Result<Code> {
    let cluster = Cluster::connect(which).await?;
    output::note(&format!("podometer terminate: {}", cluster.place()));
    let order = &args.order;
    let status = cluster.order_or_usage(order).await?.status();
    let ending = if status.is_final() {
        Ending::Over(status)
    } else {
        cluster.terminate(order, args.now).await?;
        Ending::Told
    };
    let wait = format!("podometer status {order} --cluster --follow");
    say(args, ending, &wait)
}

fn say(args: &TerminateArgs, ending: Ending, wait: &str) -> Result<Code> {
    let order = &args.order;
    output::print(&match ending {
        Ending::Over(status) => format!("order {order} is over: {status}\n"),
        Ending::Told => format!("order {order} is told to end; `{wait}` waits for it\n"),
    })?;
    Ok(Code::DONE)
}
