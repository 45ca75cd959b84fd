//! The program that takes all orders through their tasks that have no services of their own. Which these are
//! says a label of their ConfigMaps, which the queue gives them; all else that it knows stands in there, too.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::Result;
use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client,
    runtime::{WatchStreamExt, watcher},
};
use metrics::Listen;
use model::{OrderId, OrderUid, attempt::Token};
use tokio::{sync::watch, task::JoinSet, time::sleep};
use tracing::{info, warn};

use super::{
    Config,
    host::{Host, Monitors},
    ledger, names,
    order::heed,
    program::Kafka,
    record::Phase,
};
use crate::{Control, Metrics};

/// The first and the longest pause before an order that can't go on is tried again.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What it is told.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// What the tokens of all orders are made from
    #[arg(long, env = "PODOMETER_SECRET", hide_env_values = true)]
    secret: String,
    #[command(flatten)]
    kafka: Kafka,
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    listen: Listen,
}

/// The orders under way, with the way to tell them a person's wish.
type UnderWay = HashMap<OrderUid, watch::Sender<Control>>;

impl Serve {
    /// Serves until it is ended.
    pub(super) async fn run(self, client: Client) -> Result<()> {
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &self.config.namespace);
        let monitors = Monitors::Shared(Token(self.secret.trim().to_owned()));
        let metrics = Metrics::default();
        let mut registry = metrics::registry();
        metrics.register(&mut registry);
        let _served = self.listen.serve(registry).await?;
        let host = Host::new(client, self.config, self.kafka, monitors, metrics)?;
        let host = Arc::new(host);
        let mut said = Box::pin(
            watcher(maps, watcher::Config::default().labels(&ours()))
                .default_backoff()
                .applied_objects(),
        );
        let (mut under_way, mut walks) = (UnderWay::new(), JoinSet::new());
        loop {
            tokio::select! {
                Some(said) = said.next() => match said {
                    Ok(map) => see(&map, &host, &mut under_way, &mut walks),
                    Err(error) => warn!("orders can't be watched: {error}"),
                },
                Some(Ok(uid)) = walks.join_next() => {
                    under_way.remove(&uid);
                }
            }
        }
    }
}

fn ours() -> String {
    format!("{}={},{}", names::SERVICES, names::SHARED, names::PHASE)
}

/// Takes a new order on, and tells one that is under way what a person wishes.
fn see(map: &ConfigMap, host: &Arc<Host>, under_way: &mut UnderWay, walks: &mut JoinSet<OrderUid>) {
    let (record, state) = match ledger::read(map) {
        Ok(read) => read,
        Err(error) => return warn!("{error}"),
    };
    let (uid, wish) = (record.order_uid, ledger::wish(map));
    match under_way.get(&uid) {
        Some(sender) => heed(sender, wish),
        // Whoever took it to its end may have been killed right then.
        None if state.phase == Phase::Over => {
            let host = Arc::clone(host);
            tokio::spawn(async move { host.clean_up(&record).await });
        }
        None => {
            let order = record.order.id;
            let (sender, receiver) = watch::channel(wish);
            under_way.insert(uid, sender);
            let host = Arc::clone(host);
            walks.spawn(async move {
                persist(&host, &order, uid, receiver).await;
                uid
            });
        }
    }
}

/// Takes an order to its end, whatever is away meanwhile. One that is gone has ended, too.
async fn persist(host: &Host, order: &OrderId, uid: OrderUid, wish: watch::Receiver<Control>) {
    let mut pause = RETRY.0;
    while let Err(error) = Box::pin(host.take(order, uid, wish.clone())).await {
        if host.is_gone(order, uid).await {
            return info!("order {order} is gone");
        }
        warn!("order {order}: {error:#}; it is tried again");
        sleep(pause).await;
        pause = (pause * 2).min(RETRY.1);
    }
}
