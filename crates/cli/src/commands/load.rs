//! `podometer load`.

use std::{collections::HashSet, fs};

use anyhow::Result;
use model::OrderUid;

use super::on_server;
use crate::{
    args::{LoadArgs, Named},
    cluster::{Cluster, How, MAX_INPUT},
    exit::Code,
    load::{self, Prepared, Usage},
    output, time,
};

/// How long processes that are told to end may take.
const GRACE: &str = "5s";

pub(super) async fn run(args: LoadArgs, named: Named) -> Result<Code> {
    if let Some(server) = args.server.wanted(args.cluster.is_named(), named)? {
        return on_server::load(&args, &server).await;
    }
    let mut orders = load::for_cluster(&args)?;
    for prepared in &orders {
        check_size(prepared)?;
    }
    let cluster = Cluster::connect(&args.cluster).await?;
    output::note(&format!("podometer load: {}", cluster.place()));
    let store = cluster.store().await?;
    let mut taken = HashSet::new();
    for prepared in &mut orders {
        let id = prepared.order.id.clone();
        let free = cluster.free_id(&store, &taken, &id).await?;
        if free != id && !args.again {
            return Err(Usage::Taken { order: id, free }.into());
        }
        taken.insert(free.clone());
        prepared.order.id = free;
        prepared.order.prewarm |= args.prewarm;
    }
    store.close().await;
    let how = How {
        period: args.period,
        grace: args.grace.map_or_else(|| GRACE.parse(), Ok)?,
        workspace: !args.no_workspace,
        now: time::now(),
    };
    let secret = cluster.secret().await?;
    for prepared in &orders {
        cluster
            .load(prepared, OrderUid(uuid::Uuid::now_v7()), &secret, &how)
            .await?;
        // At once: a later one may fail.
        output::print(&format!("{}\n", prepared.order.id))?;
    }
    Ok(Code::DONE)
}

fn check_size(prepared: &Prepared) -> Result<()> {
    let Some(path) = &prepared.input else {
        return Ok(());
    };
    let bytes = fs::metadata(path).map_or(0, |file| file.len());
    if bytes > MAX_INPUT {
        let (path, max) = (path.display(), MAX_INPUT >> 20);
        return Err(Usage::Input(format!(
            "{path} has {} MiB, and at most {max} MiB travel with an order; have the first task fetch it",
            bytes >> 20
        ))
        .into());
    }
    Ok(())
}
