//! `podometer serve`.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use orchestrator::StdioPolicy;
use store::Store;
use tokio::time::sleep;

use super::host;
use crate::{
    args::{ClusterArgs, ServeArgs},
    cluster::Cluster,
    data::DataFolder,
    exit::Code,
    load,
    metrics::Metrics,
    output::{self, progress::Progress},
    owner,
    serve::{Here, OnCluster, Source, bind, keep_up, token},
    session::{Line, run_as_they_come},
    signals,
};

/// How often it is looked whether orders were left by owners that were killed.
const TIDY: Duration = Duration::from_secs(5);

pub(super) async fn run(args: ServeArgs, data: DataFolder, quiet: bool) -> Result<Code> {
    match args.cluster.wanted() {
        Some(which) => on_cluster(&args, which, &data).await,
        None => Box::pin(here(args, data, quiet)).await,
    }
}

/// Orders that are loaded run in this process.
async fn here(args: ServeArgs, data: DataFolder, quiet: bool) -> Result<Code> {
    let catalogue = Arc::new(load::catalogue(&args.catalog)?);
    let ready = bind(args.listen, token(args.token_file.as_deref())?).await?;
    let metrics = Metrics::default();
    let host = host::start(
        data,
        args.measure,
        args.bus,
        StdioPolicy::Files,
        metrics.clone(),
    )
    .await?;
    output::print(&format!("http://{}/\n", ready.address))?;
    let line = Arc::new(Line::default());
    let operate = Here {
        host: Arc::clone(&host),
        line: Arc::clone(&line),
        catalogue,
    };
    let source = Source {
        store: &host.store,
        data: &host.data,
        operate: Arc::new(operate),
        metrics: &metrics,
    };
    let mut wish = host.wish.clone();
    let progress = Progress::new(quiet);
    let running = run_as_they_come(&host, &line, args.parallel.into(), &progress);
    let both = async { tokio::join!(ready.serve(source, wish.over()), running) };
    tokio::select! {
        _ = both => {}
        () = tidy(&host.store, &host.data) => {}
    }
    host::end(host).await;
    Ok(Code::DONE)
}

/// Orders that are loaded go to a cluster.
async fn on_cluster(args: &ServeArgs, which: &ClusterArgs, data: &DataFolder) -> Result<Code> {
    let catalogue = Arc::new(load::catalogue(&args.catalog)?);
    let ready = bind(args.listen, token(args.token_file.as_deref())?).await?;
    let mut wish = signals::listen()?;
    let cluster = Cluster::connect(which).await?;
    output::note(&format!("podometer serve: {}", cluster.place()));
    let secret = match &args.secret {
        Some(secret) => secret.clone(),
        None => cluster.secret().await?,
    };
    let store = open(&cluster, data).await?;
    let operate = OnCluster {
        cluster: cluster.clone(),
        store: store.clone(),
        catalogue,
        secret,
        period: args.measure.period,
        grace: args.measure.grace,
    };
    let source = Source {
        store: &store,
        data,
        operate: Arc::new(operate),
        metrics: &Metrics::default(),
    };
    output::print(&format!("http://{}/\n", ready.address))?;
    tokio::select! {
        () = ready.serve(source, wish.over()) => {}
        () = keep_up(&cluster, &store) => {}
    }
    store.close().await;
    Ok(Code::DONE)
}

/// The store that the address names, as it does in a pod, else the one that the cluster's secret names.
async fn open(cluster: &Cluster, data: &DataFolder) -> Result<Store> {
    if data.is_on_server() {
        return Ok(Store::open(data.location(), data.migrations()).await?);
    }
    cluster.store().await
}

async fn tidy(store: &Store, data: &DataFolder) {
    loop {
        owner::tidy_if_possible(store, data).await;
        sleep(TIDY).await;
    }
}
