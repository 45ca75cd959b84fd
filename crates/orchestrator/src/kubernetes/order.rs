//! The program that takes one order through its tasks, and ends with it.

use anyhow::Result;
use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client,
    runtime::{WatchStreamExt, watcher},
};
use metrics::Listen;
use model::{OrderId, OrderUid, attempt::Token};
use tokio::sync::watch;

use super::{
    Config,
    host::{Host, Monitors},
    ledger, names,
    program::Kafka,
};
use crate::{Control, Metrics};

/// What it is told.
#[derive(Debug, clap::Args)]
pub(super) struct Order {
    /// The order's id
    #[arg(long = "order", env = "PODOMETER_ORDER")]
    id: OrderId,
    /// Its execution
    #[arg(long = "order-uid", env = "PODOMETER_ORDER_UID")]
    uid: OrderUid,
    /// What readers of its runners' streams show
    #[arg(long, env = "PODOMETER_TOKEN", hide_env_values = true)]
    token: String,
    #[command(flatten)]
    kafka: Kafka,
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    listen: Listen,
}

impl Order {
    /// Takes the order to its end.
    pub(super) async fn run(self, client: Client) -> Result<()> {
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &self.config.namespace);
        let monitors = Monitors::Own(Token(self.token));
        let metrics = Metrics::default();
        let mut registry = metrics::registry();
        metrics.register(&mut registry);
        let _served = self.listen.serve_or_warn(registry).await;
        let host = Host::new(client, self.config, self.kafka, monitors, metrics)?;
        host.take(&self.id, self.uid, watch_wish(maps, &self.id))
            .await
    }
}

/// Follows a person's wish in the order's ConfigMap.
fn watch_wish(maps: Api<ConfigMap>, order: &OrderId) -> watch::Receiver<Control> {
    let (sender, receiver) = watch::channel(Control::Run);
    let config =
        watcher::Config::default().fields(&format!("metadata.name={}", names::order_map(order)));
    tokio::spawn(async move {
        let mut maps = Box::pin(watcher(maps, config).default_backoff().applied_objects());
        while let Some(map) = maps.next().await {
            let Ok(map) = map else { continue };
            heed(&sender, ledger::wish(&map));
        }
    });
    receiver
}

/// Passes a wish on, if it is more than what was wished before.
pub(super) fn heed(sender: &watch::Sender<Control>, wish: Control) {
    sender.send_if_modified(|now| {
        let more = wish > *now;
        *now = wish.max(*now);
        more
    });
}
