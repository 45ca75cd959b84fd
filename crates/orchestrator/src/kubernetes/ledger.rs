//! The ConfigMap of an order's decisions, written by compare-and-swap before they are acted on.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::{Api, Error, Resource, api::PostParams};
use tokio::{sync::Mutex, time::sleep};
use tracing::warn;

use super::{
    names,
    record::{self, OrderRecord, State},
};
use crate::{Metrics, Superseded};

/// The first and the longest pause before an API server that doesn't answer is asked again.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// Why a ConfigMap can't be taken for an order.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// What the API server says.
    #[error("the ConfigMap {0}: {1}")]
    Api(String, #[source] Box<Error>),
    /// It isn't one of ours.
    #[error("the ConfigMap {map} has no readable {key:?}: {source}")]
    Text {
        /// The ConfigMap.
        map: String,
        /// The data key.
        key: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// An order's ConfigMap, as this process knows it.
pub(super) struct Ledger {
    maps: Api<ConfigMap>,
    name: String,
    writer: String,
    metrics: Metrics,
    known: Mutex<Known>,
}

struct Known {
    map: ConfigMap,
    state: State,
}

/// What a ConfigMap says of its order.
///
/// # Errors
/// It isn't an order's.
pub fn read(map: &ConfigMap) -> Result<(OrderRecord, State), LedgerError> {
    Ok((part(map, record::ORDER)?, part(map, record::STATE)?))
}

fn part<T: serde::de::DeserializeOwned>(
    map: &ConfigMap,
    key: &'static str,
) -> Result<T, LedgerError> {
    let text = map.data.as_ref().and_then(|data| data.get(key));
    serde_json::from_str(text.map_or("", String::as_str)).map_err(|source| LedgerError::Text {
        map: map.metadata.name.clone().unwrap_or_default(),
        key,
        source,
    })
}

/// Whether an order was let in without services of its own.
pub(super) fn is_shared(map: &ConfigMap) -> bool {
    let labels = map.metadata.labels.as_ref();
    labels.is_some_and(|all| all.get(names::SERVICES).is_some_and(|v| v == names::SHARED))
}

/// What a ConfigMap says of a person's wish to end the order.
pub fn wish(map: &ConfigMap) -> crate::Control {
    let wish = map
        .data
        .as_ref()
        .and_then(|data| data.get(record::TERMINATE));
    match wish.map(String::as_str) {
        Some(record::HARD) => crate::Control::Hard,
        Some(_) => crate::Control::Soft,
        None => crate::Control::Run,
    }
}

impl Ledger {
    /// Reads an order's ConfigMap. `writer` tells this process from others.
    ///
    /// # Errors
    /// It isn't there, or no order's.
    pub(super) async fn open(
        maps: Api<ConfigMap>,
        order: &model::OrderId,
        writer: &str,
        metrics: Metrics,
    ) -> Result<(Self, OrderRecord, State), LedgerError> {
        let name = names::order_map(order);
        let got = maps.get(&name).await;
        let map = got.map_err(|source| LedgerError::Api(name.clone(), Box::new(source)))?;
        let (record, state) = read(&map)?;
        let known = Mutex::new(Known {
            map,
            state: state.clone(),
        });
        let writer = writer.to_owned();
        let ledger = Self {
            maps,
            name,
            writer,
            metrics,
            known,
        };
        Ok((ledger, record, state))
    }

    /// The state as it was last written.
    pub(super) async fn state(&self) -> State {
        self.known.lock().await.state.clone()
    }

    /// The ConfigMap as the owner of what is made for the order.
    pub(super) async fn as_owner(&self) -> Option<OwnerReference> {
        self.known.lock().await.map.controller_owner_ref(&())
    }

    /// What a person wished when the ConfigMap was last read.
    pub(super) async fn wish(&self) -> crate::Control {
        wish(&self.known.lock().await.map)
    }

    /// Changes the state; returns when it is written. An API server that is away is waited for.
    ///
    /// # Errors
    /// Somebody else has written, or the order is gone.
    pub(super) async fn change(
        &self,
        change: impl FnOnce(&mut State) + Send,
    ) -> Result<(), Superseded> {
        let mut known = self.known.lock().await;
        let mut state = known.state.clone();
        change(&mut state);
        if state == known.state {
            return Ok(());
        }
        state.writer.clone_from(&self.writer);
        let (mut pause, mut said) = (RETRY.0, false);
        loop {
            let map = with(&known.map, &state);
            match self
                .maps
                .replace(&self.name, &PostParams::default(), &map)
                .await
            {
                Ok(map) => {
                    *known = Known { map, state };
                    return Ok(());
                }
                Err(Error::Api(status)) if status.code == 404 => return Err(Superseded),
                Err(Error::Api(status)) if status.code == 409 => {
                    self.metrics.api_conflicts.inc();
                    self.look_again(&mut known, &state).await?;
                    if known.state == state {
                        return Ok(());
                    }
                }
                Err(error) => {
                    self.metrics.api_retries.inc();
                    if !std::mem::replace(&mut said, true) {
                        warn!("the decision can't be written: {error}; trying again");
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(RETRY.1);
                }
            }
        }
    }

    /// Somebody has written: a person's wish is no reason to stop, another's decisions are. An answer of
    /// the API server may have been lost, so what stands there may be what is to be written.
    async fn look_again(&self, known: &mut Known, wanted: &State) -> Result<(), Superseded> {
        let mut pause = RETRY.0;
        let map = loop {
            match self.maps.get_opt(&self.name).await {
                Ok(map) => break map.ok_or(Superseded)?,
                Err(error) => {
                    warn!("the ConfigMap {} can't be read: {error}", self.name);
                    sleep(pause).await;
                    pause = (pause * 2).min(RETRY.1);
                }
            }
        };
        let (_, state) = read(&map).map_err(|error| {
            warn!("{error}");
            Superseded
        })?;
        if state != known.state && state != *wanted {
            return Err(Superseded);
        }
        *known = Known { map, state };
        Ok(())
    }
}

/// The ConfigMap with another state.
fn with(map: &ConfigMap, state: &State) -> ConfigMap {
    let mut map = map.clone();
    // All of it can be written as JSON.
    let text = serde_json::to_string(state).unwrap_or_default();
    let data = map.data.get_or_insert_with(BTreeMap::new);
    data.insert(record::STATE.to_owned(), text);
    let labels = map.metadata.labels.get_or_insert_with(BTreeMap::new);
    labels.insert(names::PHASE.to_owned(), state.phase.as_str().to_owned());
    map.metadata.managed_fields = None;
    map
}
