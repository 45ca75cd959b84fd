//! Handing an order over: first all that belongs to it, then the word that it may begin.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
};

use anyhow::{Context, Result};
use k8s_openapi::{
    ByteString,
    api::core::v1::{ConfigMap, Secret},
};
use kube::{
    Api, Resource,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use model::{HumanDuration, Order, OrderId, OrderUid, Timestamp, attempt::Token};
use orchestrator::kubernetes::{
    names,
    record::{self, InputFile, OrderRecord, Phase, State},
};
use serde_json::json;
use store::Store;

use super::{Cluster, Doing, secrets};
use crate::load::{self, Prepared};

/// What one chunk of an input holds, bytes: a ConfigMap holds 1 MiB.
const CHUNK: usize = 768 * 1024;
/// The largest input, bytes.
pub(crate) const MAX_INPUT: u64 = 64 << 20;

/// How an order is to be run.
pub(crate) struct How {
    pub(crate) period: HumanDuration,
    pub(crate) grace: HumanDuration,
    pub(crate) workspace: bool,
    pub(crate) now: Timestamp,
}

impl Cluster {
    /// Where the tokens of orders come from.
    ///
    /// # Errors
    /// If Podometer isn't there, or its secrets can't be read.
    pub(crate) async fn secret(&self) -> Result<String> {
        let mut secrets = self.secrets().await?.unwrap_or_default();
        secrets.remove(secrets::SECRET).with_context(|| {
            format!(
                "{} has no Podometer; bring it there with `podometer up`",
                self.place()
            )
        })
    }

    /// The id itself if it is free, else with the next free number.
    ///
    /// # Errors
    /// What the API server or the store says.
    pub(crate) async fn free_id(
        &self,
        store: &Store,
        taken: &HashSet<OrderId>,
        id: &OrderId,
    ) -> Result<OrderId> {
        let mut number = 1;
        loop {
            let candidate = match number {
                1 => id.clone(),
                n => load::numbered(id, n)?,
            };
            let known = taken.contains(&candidate)
                || self.order(&candidate).await?.is_some()
                || store.order(&candidate).await?.is_some();
            if !known {
                return Ok(candidate);
            }
            number += 1;
        }
    }

    /// Hands an order over; the token of its runners comes from `secret`.
    ///
    /// # Errors
    /// What the API server says; what was made of it is deleted again.
    pub(crate) async fn load(
        &self,
        prepared: &Prepared,
        order_uid: OrderUid,
        secret: &str,
        how: &How,
    ) -> Result<()> {
        let order = &prepared.order;
        let token = Token::derived(secret, order_uid);
        let input = match &prepared.input {
            Some(path) => Some(fs::read(path).with_context(|| path.display().to_string())?),
            None => None,
        };
        let record = record(prepared, input.as_deref(), order_uid, how);
        let map = self.make_order(&record).await?;
        let done = self.add_parts(&map, order, &token, input.as_deref()).await;
        if done.is_err() {
            let maps: Api<ConfigMap> = Api::default_namespaced(self.client.clone());
            let _ = maps
                .delete(
                    &names::order_map(&order.id),
                    &kube::api::DeleteParams::default(),
                )
                .await;
        }
        done
    }

    /// The order's ConfigMap, which nobody begins with before it has its label.
    async fn make_order(&self, record: &OrderRecord) -> Result<ConfigMap> {
        let order = &record.order.id;
        let data = [
            (record::ORDER, serde_json::to_string(record)?),
            (record::STATE, serde_json::to_string(&State::queued())?),
        ];
        let map = ConfigMap {
            metadata: ObjectMeta {
                name: Some(names::order_map(order)),
                labels: Some(names::labels(order, "order")),
                ..ObjectMeta::default()
            },
            data: Some(data.map(|(key, text)| (key.to_owned(), text)).into()),
            ..ConfigMap::default()
        };
        let maps: Api<ConfigMap> = Api::default_namespaced(self.client.clone());
        let made = maps.create(&PostParams::default(), &map).await;
        Ok(made.doing(|| format!("handing over order {order}"))?)
    }

    /// The token and the input, which belong to the order's ConfigMap; then its label.
    async fn add_parts(
        &self,
        map: &ConfigMap,
        order: &Order,
        token: &Token,
        input: Option<&[u8]>,
    ) -> Result<()> {
        let order = &order.id;
        let meta = |name: String, component: &str| ObjectMeta {
            name: Some(name),
            labels: Some(names::labels(order, component)),
            owner_references: map.owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        };
        let secret = Secret {
            metadata: meta(names::token(order), "token"),
            string_data: Some(BTreeMap::from([("token".to_owned(), token.0.clone())])),
            ..Secret::default()
        };
        let secrets: Api<Secret> = Api::default_namespaced(self.client.clone());
        let made = secrets.create(&PostParams::default(), &secret).await;
        made.doing(|| format!("making the token of {order}"))?;
        let maps: Api<ConfigMap> = Api::default_namespaced(self.client.clone());
        for (number, chunk) in input
            .into_iter()
            .flat_map(|all| all.chunks(CHUNK))
            .enumerate()
        {
            let map = ConfigMap {
                metadata: meta(names::input(order, number as u32), "input"),
                binary_data: Some(BTreeMap::from([(
                    record::CHUNK.to_owned(),
                    ByteString(chunk.to_vec()),
                )])),
                immutable: Some(true),
                ..ConfigMap::default()
            };
            let made = maps.create(&PostParams::default(), &map).await;
            made.doing(|| format!("handing over the input of {order}"))?;
        }
        let label = json!({ "metadata": { "labels": { names::PHASE: Phase::Queued.as_str() } } });
        let name = names::order_map(order);
        let done = maps
            .patch(&name, &PatchParams::default(), &Patch::Merge(label))
            .await;
        done.doing(|| format!("handing over order {order}"))?;
        Ok(())
    }
}

fn record(
    prepared: &Prepared,
    input: Option<&[u8]>,
    order_uid: OrderUid,
    how: &How,
) -> OrderRecord {
    let name = prepared.input.as_ref().and_then(|path| path.file_name());
    let input = input.zip(name).map(|(bytes, name)| InputFile {
        name: name.to_string_lossy().into_owned(),
        bytes: bytes.len() as u64,
        chunks: bytes.len().div_ceil(CHUNK) as u32,
    });
    OrderRecord {
        v: 1,
        order_uid,
        created_at: how.now,
        order: prepared.order.clone(),
        definition: prepared.definition.clone(),
        input,
        period: how.period,
        grace: how.grace,
        workspace: how.workspace,
    }
}
