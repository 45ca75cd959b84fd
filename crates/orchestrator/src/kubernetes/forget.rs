//! Forgets orders that ended long ago and have no services of their own: others go with their orchestrator's Job.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Error,
    api::{DeleteParams, ListParams, Preconditions},
};
use tracing::info;

use super::{ledger, names, record::Phase, services};
use crate::clock;

/// Deletes the ConfigMaps of orders, which take all else along.
pub(super) async fn forget(maps: &Api<ConfigMap>) -> Result<(), Error> {
    let (shared, phase, over) = (names::SHARED, names::PHASE, Phase::Over.as_str());
    let over = format!("{}={shared},{phase}={over}", names::SERVICES);
    let latest = clock::system().0 - i64::from(services::TTL) * 1_000_000;
    for map in maps.list(&ListParams::default().labels(&over)).await?.items {
        let Ok((record, state)) = ledger::read(&map) else {
            continue;
        };
        if state.ended_at.is_none_or(|ended| ended.0 > latest) {
            continue;
        }
        // Not one that was made anew under this name.
        let this = DeleteParams::background().preconditions(Preconditions {
            uid: map.metadata.uid,
            resource_version: None,
        });
        let order = record.order.id;
        maps.delete(&names::order_map(&order), &this).await?;
        info!("order {order} is forgotten");
    }
    Ok(())
}
