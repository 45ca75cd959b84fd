//! `podometer watch`.

use anyhow::Result;

use super::open;
use crate::{
    args::{Place, WatchArgs},
    cluster::Cluster,
    data::DataFolder,
    exit::Code,
    remote::Remote,
    watch::{
        self,
        source::{ServerSource, StoreSource},
    },
};

pub(super) async fn run(args: &WatchArgs, place: Place<'_>, data: &DataFolder) -> Result<Code> {
    let (order, data) = (args.order.clone(), data.clone());
    match place {
        Place::Server(server) => watch::run(ServerSource::new(Remote::new(&server)?, order)).await,
        Place::Cluster(which) => {
            let cluster = Cluster::connect(which).await?;
            let store = cluster.store().await?;
            watch::run(StoreSource::new(store, data, order, Some(cluster))).await
        }
        Place::Here => {
            let store = open(&data).await?;
            watch::run(StoreSource::new(store, data, order, None)).await
        }
    }
}
