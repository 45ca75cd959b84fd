//! Volumes for a cluster that makes none by itself: folders of one node.

use std::path::Path;

use anyhow::Result;
use k8s_openapi::api::{core::v1::Node, storage::v1::StorageClass};
use kube::core::DynamicObject;
use serde_json::Value;

use super::{manifest, order};

const VOLUMES: &str = include_str!("../../../../kubernetes/rendered/static-volumes.yaml");
/// What marks the class of claims that name none.
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";
/// What a volume knows its node by.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// Whether claims that name no class get a volume by themselves.
pub(crate) fn are_made(classes: &[StorageClass]) -> bool {
    classes.iter().any(|class| {
        let annotations = class.metadata.annotations.as_ref();
        annotations
            .and_then(|all| all.get(DEFAULT_CLASS))
            .is_some_and(|is| is == "true")
    })
}

/// The first node by name that takes pods.
pub(crate) fn node(nodes: &[Node]) -> Option<String> {
    let takes_pods = |node: &&Node| {
        let spec = node.spec.as_ref();
        let closed = spec.and_then(|spec| spec.unschedulable).unwrap_or(false);
        let taints = spec
            .and_then(|spec| spec.taints.as_deref())
            .unwrap_or_default();
        let conditions = node
            .status
            .as_ref()
            .and_then(|status| status.conditions.as_deref());
        let ready = conditions
            .unwrap_or_default()
            .iter()
            .any(|c| c.type_ == "Ready" && c.status == "True");
        ready
            && !closed
            && taints
                .iter()
                .all(|taint| taint.effect == "PreferNoSchedule")
    };
    let hostname = |node: &Node| node.metadata.labels.as_ref()?.get(HOSTNAME).cloned();
    nodes.iter().filter(takes_pods).filter_map(hostname).min()
}

/// A volume for each claim, in a folder that must be there.
pub(crate) fn on(node: &str, folder: &Path, namespace: &str) -> Result<Vec<DynamicObject>> {
    let mut volumes = manifest::parse(VOLUMES)?;
    for volume in &mut volumes {
        manifest::set_namespace(volume, namespace);
        let claim = claim(volume).to_owned();
        // Volumes belong to no namespace, so that their names must tell them apart.
        volume.metadata.name = Some(format!("{namespace}-{claim}"));
        let path = folder.join(&claim).display().to_string();
        set(volume, "/spec/local/path", path);
        let values = "/spec/nodeAffinity/required/nodeSelectorTerms/0/matchExpressions/0/values/0";
        set(volume, values, node.to_owned());
    }
    Ok(volumes)
}

/// The claim that a volume is for.
pub(crate) fn claim(volume: &DynamicObject) -> &str {
    let name = volume
        .data
        .pointer("/spec/claimRef/name")
        .and_then(Value::as_str);
    name.unwrap_or_else(|| order::name(volume))
}

/// Where a volume is: its node and its folder.
pub(crate) fn place(volume: &DynamicObject) -> Option<(&str, &str)> {
    let values = "/spec/nodeAffinity/required/nodeSelectorTerms/0/matchExpressions/0/values/0";
    let at = |path| volume.data.pointer(path).and_then(Value::as_str);
    Some((at(values)?, at("/spec/local/path")?))
}

fn set(volume: &mut DynamicObject, path: &str, value: String) {
    if let Some(place) = volume.data.pointer_mut(path) {
        *place = value.into();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn a_volume_for_each_claim() {
        let volumes = on("n1", Path::new("/srv/podometer"), "team").unwrap();
        assert_eq!(
            place(&volumes[0]),
            Some(("n1", "/srv/podometer/kafka-data"))
        );
        insta::assert_snapshot!(serde_json::to_string_pretty(&volumes).unwrap());
    }

    #[test]
    fn every_claim_of_the_overlay_has_one() {
        let wishes = manifest::Wishes {
            shared: false,
            overlay: crate::args::Overlay::Local,
            namespace: "team",
            registry: None,
            images: &[],
            settings: &[],
        };
        let objects = manifest::objects(wishes).unwrap();
        let claims = objects
            .iter()
            .filter(|o| order::kind(o) == "PersistentVolumeClaim");
        let mut claims: Vec<_> = claims.map(order::name).collect();
        let volumes = on("n1", Path::new("/"), "team").unwrap();
        let mut bound: Vec<_> = volumes.iter().map(claim).collect();
        claims.sort_unstable();
        bound.sort_unstable();
        assert_eq!(claims, bound);
    }

    #[test]
    fn nodes_that_take_no_pods_keep_no_volumes() {
        let node = |name: &str, ready: &str, spec: Value| {
            from_value::<Node>(json!({
                "metadata": {"name": name, "labels": {"kubernetes.io/hostname": format!("{name}.example")}},
                "spec": spec,
                "status": {"conditions": [{"type": "Ready", "status": ready}]},
            }))
            .unwrap()
        };
        let taint = json!({"taints": [{"key": "control-plane", "effect": "NoSchedule"}]});
        let nodes = [
            node("a", "Unknown", json!({})),
            node("b", "True", json!({"unschedulable": true})),
            node("c", "True", taint),
            node("e", "True", json!({})),
            node("d", "True", json!({})),
        ];
        assert_eq!(super::node(&nodes).as_deref(), Some("d.example"));
        assert_eq!(super::node(&nodes[..3]), None);
    }

    #[test]
    fn a_default_class_makes_volumes() {
        let class = |annotations: Value| {
            let class =
                json!({"metadata": {"name": "c", "annotations": annotations}, "provisioner": "p"});
            from_value::<StorageClass>(class).unwrap()
        };
        assert!(!are_made(&[]));
        assert!(!are_made(&[
            class(json!({})),
            class(json!({DEFAULT_CLASS: "false"}))
        ]));
        assert!(are_made(&[class(json!({DEFAULT_CLASS: "true"}))]));
    }
}
