//! Long outputs, which stand in ConfigMaps of their own.

use model::OrderId;
use tracing::warn;

use super::{Kubernetes, launch::patiently, names, record::LONG_OUTPUT};
use crate::{Resume, plan::At};

const KEY: &str = "output";

fn name(order: &OrderId, at: At) -> String {
    format!("{}-output", names::task(order, at))
}

/// Keeps an output that is long; the name of its ConfigMap.
pub(super) async fn keep(
    launcher: &Kubernetes,
    order: &OrderId,
    at: At,
    output: Option<&str>,
) -> Option<String> {
    let output = output.filter(|output| output.len() > LONG_OUTPUT)?;
    let name = name(order, at);
    let data = [(KEY.to_owned(), output.to_owned())];
    match launcher.make_map(name.clone(), data.into()).await {
        Ok(()) => Some(name),
        Err(error) => {
            warn!("the output of {name} stands in the order's ConfigMap: {error}");
            None
        }
    }
}

/// Fills in the long outputs of what an earlier process has left.
pub(super) async fn fill(launcher: &Kubernetes, resume: &mut Resume) -> Result<(), kube::Error> {
    let state = launcher.ledger.state().await;
    let maps = launcher.maps();
    for (at, _, output) in &mut resume.ended {
        let Some(name) = state.noted(*at).and_then(|noted| noted.output_in.clone()) else {
            continue;
        };
        let map = patiently(&name, || maps.get(&name)).await?;
        *output = map.data.and_then(|mut data| data.remove(KEY));
    }
    Ok(())
}
