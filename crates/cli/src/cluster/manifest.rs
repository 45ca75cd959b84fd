//! What `up` applies: an overlay as kustomize rendered it, with what was asked for put in.

use anyhow::{Context, Result};
use kube::core::DynamicObject;
use serde_json::{Value, json};

use super::order;
use crate::{args::Overlay, load::Usage};

const LOCAL: &str = include_str!("../../../../kubernetes/rendered/local.yaml");
const PRODUCTION: &str = include_str!("../../../../kubernetes/rendered/production.yaml");
const LOCAL_SHARED: &str = include_str!("../../../../kubernetes/rendered/local-shared.yaml");
const PRODUCTION_SHARED: &str =
    include_str!("../../../../kubernetes/rendered/production-shared.yaml");

/// The ConfigMap with the settings of all services.
const CONFIG: &str = "podometer-config";
/// Settings that have no value of their own in every overlay.
const MORE_SETTINGS: [&str; 2] = [WORKSPACE_CLAIM, "PODOMETER_WORKSPACE_CLASS"];
/// The claim in which all orders have their folders.
const WORKSPACE_CLAIM: &str = "PODOMETER_WORKSPACE_CLAIM";
/// The Deployment that fills these folders, where orders share services.
const ORCHESTRATOR: &str = "podometer-orchestrator";
/// Where Kafka is; production overlays have no answer of their own.
const BOOTSTRAP: &str = "BOOTSTRAP_SERVERS";
/// On pods: a sum of the settings that they have read.
const SETTINGS: &str = "podometer.dev/settings";
/// What the names of our images begin with.
const OURS: &str = "podometer/";

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wishes<'a> {
    /// Which overlay.
    pub(crate) overlay: Overlay,
    /// Whether orders share services.
    pub(crate) shared: bool,
    /// Where it goes.
    pub(crate) namespace: &'a str,
    /// The registry with our images.
    pub(crate) registry: Option<&'a str>,
    /// Other images, by the last part of their names.
    pub(crate) images: &'a [(String, String)],
    /// Other settings.
    pub(crate) settings: &'a [(String, String)],
}

/// The objects, in the order in which they are applied.
///
/// # Errors
/// If an image or a setting is not known, or a necessary one is missing.
pub(crate) fn objects(wishes: Wishes<'_>) -> Result<Vec<DynamicObject>> {
    let text = match (wishes.overlay, wishes.shared) {
        (Overlay::Local, false) => LOCAL,
        (Overlay::Local, true) => LOCAL_SHARED,
        (Overlay::Production, false) => PRODUCTION,
        (Overlay::Production, true) => PRODUCTION_SHARED,
    };
    let mut objects = parse(text)?;
    for object in &mut objects {
        set_namespace(object, wishes.namespace);
    }
    set_settings(&mut objects, wishes)?;
    set_workspace(&mut objects);
    if let Some(registry) = wishes.registry {
        let registry = registry.trim_end_matches('/');
        for image in images(&mut objects) {
            if image.starts_with(OURS) {
                *image = format!("{registry}/{image}");
            }
        }
    }
    for (name, wanted) in wishes.images {
        set_image(&mut objects, name, wanted)?;
    }
    note_settings(&mut objects);
    objects.sort_by_key(order::place);
    Ok(objects)
}

/// Pods read the settings when they start: those of other settings are other pods.
fn note_settings(objects: &mut [DynamicObject]) {
    let config = objects.iter().find(|object| is_config(object));
    let text = config
        .map(|config| config.data["data"].to_string())
        .unwrap_or_default();
    let sum = format!("{:08x}", crc32fast::hash(text.as_bytes()));
    for object in objects {
        let reads = object
            .data
            .pointer("/spec/template/spec/containers/0/envFrom")
            .is_some();
        if reads && let Some(template) = object.data.pointer_mut("/spec/template/metadata") {
            template["annotations"][SETTINGS] = sum.clone().into();
        }
    }
}

/// The orchestrator that orders share has the claim in which they have their folders, if there is one.
fn set_workspace(objects: &mut [DynamicObject]) {
    let config = objects.iter().find(|object| is_config(object));
    let claim = config.and_then(|config| config.data.pointer("/data")?.get(WORKSPACE_CLAIM));
    let volume = claim.map(
        |claim| json!({ "name": "workspace", "persistentVolumeClaim": { "claimName": claim } }),
    );
    let mount = claim.map(|_| json!({ "name": "workspace", "mountPath": "/podometer/volume" }));
    let orchestrator = objects
        .iter_mut()
        .find(|object| order::kind(object) == "Deployment" && order::name(object) == ORCHESTRATOR);
    let pod = orchestrator.and_then(|object| object.data.pointer_mut("/spec/template/spec"));
    if let Some(pod) = pod {
        put_first(&mut pod["volumes"], volume);
        put_first(&mut pod["containers"][0]["volumeMounts"], mount);
    }
}

/// Puts the one that is named `workspace` before the others, instead of the one that is there.
fn put_first(list: &mut Value, workspace: Option<Value>) {
    let others = list.as_array().into_iter().flatten();
    let others = others.filter(|one| one["name"] != "workspace").cloned();
    *list = workspace.into_iter().chain(others).collect();
}

fn is_config(object: &DynamicObject) -> bool {
    order::kind(object) == "ConfigMap" && order::name(object) == CONFIG
}

/// The objects of a file.
pub(super) fn parse(text: &str) -> Result<Vec<DynamicObject>> {
    serde_saphyr::from_multiple(text).context("the manifests inside of this program can't be read")
}

/// Moves an object into a namespace.
pub(super) fn set_namespace(object: &mut DynamicObject, namespace: &str) {
    let name = || Value::from(namespace);
    if object.metadata.namespace.is_some() {
        object.metadata.namespace = Some(namespace.to_owned());
    }
    if order::kind(object) == "Namespace" {
        object.metadata.name = Some(namespace.to_owned());
    }
    let subjects = object
        .data
        .get_mut("subjects")
        .and_then(Value::as_array_mut);
    for subject in subjects.into_iter().flatten() {
        subject["namespace"] = name();
    }
    if let Some(claim) = object.data.pointer_mut("/spec/claimRef/namespace") {
        *claim = name();
    }
}

fn set_settings(objects: &mut [DynamicObject], wishes: Wishes<'_>) -> Result<()> {
    let data = objects
        .iter_mut()
        .find(|object| is_config(object))
        .and_then(|config| config.data.get_mut("data")?.as_object_mut())
        .with_context(|| format!("the manifests inside of this program lack {CONFIG}"))?;
    let mut known: Vec<_> = data
        .keys()
        .map(String::as_str)
        .chain(MORE_SETTINGS)
        .collect();
    known.sort_unstable();
    known.dedup();
    if let Some((key, _)) = wishes
        .settings
        .iter()
        .find(|(key, _)| !known.contains(&key.as_str()))
    {
        let (key, known) = (key.clone(), known.join(", "));
        return Err(Usage::UnknownSetting { key, known }.into());
    }
    for (key, value) in wishes.settings {
        if value.is_empty() {
            data.remove(key);
        } else {
            data.insert(key.clone(), value.as_str().into());
        }
    }
    let said = wishes
        .settings
        .iter()
        .any(|(key, value)| key == BOOTSTRAP && !value.is_empty());
    if wishes.overlay == Overlay::Production && !said {
        return Err(Usage::NoKafkaOnCluster.into());
    }
    Ok(())
}

fn set_image(objects: &mut [DynamicObject], name: &str, wanted: &str) -> Result<()> {
    let mut known = Vec::new();
    let mut found = false;
    for image in images(objects) {
        if base(image) == name {
            wanted.clone_into(image);
            found = true;
        } else {
            known.push(base(image).to_owned());
        }
    }
    if found {
        return Ok(());
    }
    known.sort_unstable();
    known.dedup();
    let (name, known) = (name.to_owned(), known.join(", "));
    Err(Usage::UnknownImage { name, known }.into())
}

/// Every place that names an image: containers, and settings that name those of Jobs.
fn images(objects: &mut [DynamicObject]) -> Vec<&mut String> {
    let mut found = Vec::new();
    for object in objects {
        if is_config(object) {
            let data = object.data.get_mut("data").and_then(Value::as_object_mut);
            let settings = data.into_iter().flatten();
            let named = settings
                .filter(|(key, _)| key.starts_with("PODOMETER_IMAGE_") && !key.contains("PULL"));
            found.extend(named.map(|(_, value)| value));
            continue;
        }
        let pod = object
            .data
            .pointer_mut("/spec/template/spec")
            .and_then(Value::as_object_mut);
        let lists = pod
            .into_iter()
            .flatten()
            .filter(|(key, _)| key.ends_with("ontainers"));
        let containers = lists.filter_map(|(_, list)| list.as_array_mut()).flatten();
        found.extend(containers.filter_map(|container| container.get_mut("image")));
    }
    let text = |value| match value {
        &mut Value::String(ref mut text) => Some(text),
        _ => None,
    };
    found.into_iter().filter_map(text).collect()
}

/// The last part of an image's name, without tag and digest.
fn base(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    let last = name.rsplit('/').next().unwrap_or(name);
    last.split(':').next().unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(overlay: Overlay) -> Wishes<'static> {
        Wishes {
            overlay,
            shared: false,
            namespace: "team",
            registry: None,
            images: &[],
            settings: &[],
        }
    }

    fn shared(settings: &[(String, String)]) -> Wishes<'_> {
        Wishes {
            shared: true,
            settings,
            ..wishes(Overlay::Local)
        }
    }

    fn production(settings: &[(String, String)]) -> Wishes<'_> {
        Wishes {
            settings,
            ..wishes(Overlay::Production)
        }
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    fn config(objects: &[DynamicObject]) -> &Value {
        let found = objects.iter().find(|object| is_config(object));
        &found.unwrap().data["data"]
    }

    #[test]
    fn what_is_needed_comes_first() {
        let local = objects(wishes(Overlay::Local)).unwrap();
        let settings = [pair("BOOTSTRAP_SERVERS", "kafka.example:9092")];
        let production = objects(production(&settings)).unwrap();
        let titles = |objects: &[DynamicObject]| {
            objects
                .iter()
                .map(order::title)
                .collect::<Vec<_>>()
                .join("\n")
        };
        let shared = objects(shared(&[])).unwrap();
        let all = [&local, &production, &shared].map(|objects| titles(objects));
        insta::assert_snapshot!(all.join("\n\n"));
    }

    #[test]
    fn everything_goes_to_the_namespace() {
        for object in objects(wishes(Overlay::Local)).unwrap() {
            let title = order::title(&object);
            if title == "Namespace team" {
                continue;
            }
            assert_eq!(
                object.metadata.namespace.as_deref(),
                Some("team"),
                "{title}"
            );
            for subject in object.data["subjects"].as_array().into_iter().flatten() {
                assert_eq!(subject["namespace"], "team", "{title}");
            }
        }
    }

    #[test]
    fn our_images_are_those_of_this_version() {
        let mut objects = objects(wishes(Overlay::Local)).unwrap();
        let ours = images(&mut objects)
            .into_iter()
            .filter(|image| image.starts_with(OURS));
        let ours: Vec<_> = ours.collect();
        assert_eq!(ours.len(), 6);
        for image in ours {
            assert!(
                image.ends_with(concat!(":", env!("CARGO_PKG_VERSION"))),
                "{image}"
            );
        }
    }

    #[test]
    fn images_are_replaced_wherever_they_are_named() {
        let other = [
            pair("orchestrator", "mine:1"),
            pair("kafka", "broker@sha256:0"),
        ];
        let all = Wishes {
            registry: Some("registry.example/tools/"),
            images: &other,
            ..wishes(Overlay::Local)
        };
        let mut objects = objects(all).unwrap();
        let images: Vec<_> = images(&mut objects)
            .into_iter()
            .map(|image| image.clone())
            .collect();
        insta::assert_snapshot!(images.join("\n"));
    }

    #[test]
    fn settings_are_replaced_and_taken_out() {
        let settings = [
            pair("PODOMETER_MAX_ORDERS", "9"),
            pair("PODOMETER_WORKSPACE_CLAIM", ""),
        ];
        let objects = objects(Wishes {
            settings: &settings,
            ..wishes(Overlay::Local)
        })
        .unwrap();
        let data = config(&objects);
        assert_eq!(data["PODOMETER_MAX_ORDERS"], "9");
        assert_eq!(data["BOOTSTRAP_SERVERS"], "kafka:9092");
        assert!(data.get("PODOMETER_WORKSPACE_CLAIM").is_none());
        let other = super::objects(wishes(Overlay::Local)).unwrap();
        let sum = |objects: &[DynamicObject]| {
            let queue = objects
                .iter()
                .find(|object| order::kind(object) == "Deployment");
            queue.unwrap().data["spec"]["template"]["metadata"]["annotations"][SETTINGS].clone()
        };
        assert_ne!(sum(&objects), sum(&other));
    }

    #[test]
    fn a_shared_orchestrator_has_the_claim_of_all_orders() {
        let mounted = |settings: &[(String, String)]| {
            let objects = objects(shared(settings)).unwrap();
            let orchestrator = objects
                .iter()
                .find(|object| order::title(object) == "Deployment podometer-orchestrator");
            let pod = &orchestrator.unwrap().data["spec"]["template"]["spec"];
            let claim = pod["volumes"][0]["persistentVolumeClaim"]["claimName"].clone();
            let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap();
            let names = mounts.iter().map(|mount| mount["name"].clone());
            (claim, names.collect::<Value>())
        };
        let all = json!(["workspace", "registry", "registry-ca"]);
        assert_eq!(mounted(&[]), (json!("podometer-workspace"), all.clone()));
        let other = [pair(WORKSPACE_CLAIM, "ours")];
        assert_eq!(mounted(&other), (json!("ours"), all));
        let none = [pair(WORKSPACE_CLAIM, "")];
        let rest = json!(["registry", "registry-ca"]);
        assert_eq!(mounted(&none), (Value::Null, rest));
    }

    /// What `kubectl apply -k` makes and what `up` makes is the same.
    #[test]
    fn a_shared_orchestrator_is_what_the_overlay_says() {
        let mut rendered = parse(LOCAL_SHARED).unwrap();
        let before = serde_json::to_value(&rendered).unwrap();
        set_workspace(&mut rendered);
        assert_eq!(serde_json::to_value(&rendered).unwrap(), before);
    }

    #[test]
    fn what_is_unknown_or_missing_is_bad_input() {
        let settings = [pair("NOPE", "1")];
        let images = [pair("nope", "1")];
        let kafka = [pair("kafka", "1")];
        let there = [pair("BOOTSTRAP_SERVERS", "kafka.example:9092")];
        for bad in [
            Wishes {
                settings: &settings,
                ..wishes(Overlay::Local)
            },
            Wishes {
                images: &images,
                ..wishes(Overlay::Local)
            },
            Wishes {
                images: &kafka,
                ..production(&there)
            },
            wishes(Overlay::Production),
        ] {
            assert!(objects(bad).unwrap_err().is::<Usage>(), "{bad:?}");
        }
    }

    /// The API server checks it, too; but only where there is one.
    #[test]
    fn every_pod_is_restricted() {
        let mut pods = 0;
        for object in objects(shared(&[])).unwrap() {
            let Some(pod) = object.data.pointer("/spec/template/spec") else {
                continue;
            };
            pods += 1;
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
            assert_eq!(
                pod["securityContext"]["seccompProfile"]["type"],
                "RuntimeDefault"
            );
            for container in pod["containers"].as_array().unwrap() {
                let security = &container["securityContext"];
                assert_eq!(security["allowPrivilegeEscalation"], false);
                assert_eq!(security["capabilities"]["drop"], json!(["ALL"]));
                assert!(container["resources"]["limits"]["memory"].is_string());
            }
        }
        assert_eq!(pods, 7);
    }
}
