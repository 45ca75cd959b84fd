//! Which object comes first.

use kube::{
    ResourceExt,
    core::{ApiResource, DynamicObject, GroupVersionKind},
};

/// The kinds, in the order in which they are applied: what is needed comes before what needs it, limits before
/// what they limit.
const KINDS: [&str; 12] = [
    "Namespace",
    "PersistentVolume",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "NetworkPolicy",
    "ConfigMap",
    "PodDisruptionBudget",
    "PersistentVolumeClaim",
    "Service",
    "StatefulSet",
    "Deployment",
];

/// The place of an object; unknown kinds come last.
pub(crate) fn place(object: &DynamicObject) -> usize {
    let kind = kind(object);
    let known = KINDS.iter().position(|known| *known == kind);
    known.unwrap_or(KINDS.len())
}

/// An object's kind.
pub(crate) fn kind(object: &DynamicObject) -> &str {
    object.types.as_ref().map_or("", |types| &types.kind)
}

/// An object's name.
pub(crate) fn name(object: &DynamicObject) -> &str {
    object.metadata.name.as_deref().unwrap_or_default()
}

/// An object in words: "Deployment podometer-queue".
pub(crate) fn title(object: &DynamicObject) -> String {
    format!("{} {}", kind(object), name(object))
}

/// Whether it is one of the services that orders share: they come last, when what they call is ready.
pub(crate) fn is_shared_service(object: &DynamicObject) -> bool {
    object.labels().contains_key("podometer.dev/services")
}

/// How the API server calls an object's kind.
pub(crate) fn resource(object: &DynamicObject) -> ApiResource {
    let types = object.types.clone().unwrap_or_default();
    let kind = GroupVersionKind::try_from(&types)
        .unwrap_or_else(|_| GroupVersionKind::gvk("", "v1", &types.kind));
    ApiResource::from_gvk(&kind)
}
