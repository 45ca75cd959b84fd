//! Making objects what they should be, and removing them.

use k8s_openapi::{
    ByteString,
    api::{
        core::v1::{Namespace, Node, PersistentVolumeClaim, Secret},
        storage::v1::StorageClass,
    },
};
use kube::{
    Api, ResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams},
    core::DynamicObject,
};
use std::collections::BTreeMap;

use super::{Cluster, Doing, Error, order, secrets};

/// What the API server knows us by.
const MANAGER: &str = "podometer";
/// On what is ours.
pub(crate) const MANAGED: (&str, &str) = ("app.kubernetes.io/managed-by", "podometer");

impl Cluster {
    /// Objects of the kind of this one, where this one is.
    pub(crate) fn objects(&self, like: &DynamicObject) -> Api<DynamicObject> {
        let resource = order::resource(like);
        match &like.metadata.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        }
    }

    /// Makes an object what it should be, whoever changed it since.
    pub(crate) async fn apply(&self, object: &DynamicObject) -> Result<(), Error> {
        let params = PatchParams::apply(MANAGER).force();
        let api = self.objects(object);
        let applied = api
            .patch(order::name(object), &params, &Patch::Apply(object))
            .await;
        applied.doing(|| format!("applying {}", order::title(object)))?;
        Ok(())
    }

    /// What stands in an object's place.
    pub(crate) async fn find(
        &self,
        object: &DynamicObject,
    ) -> Result<Option<DynamicObject>, Error> {
        let found = self.objects(object).get_opt(order::name(object)).await;
        found.doing(|| format!("looking for {}", order::title(object)))
    }

    /// The namespace, if it is there. Who may work in one namespace alone may not look at it.
    pub(crate) async fn namespace_object(&self) -> Result<Option<Namespace>, Error> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let found = api.get_opt(&self.namespace).await;
        found.doing(|| format!("looking for namespace {}", self.namespace))
    }

    /// What `podometer-secrets` holds, if it is there.
    pub(crate) async fn secrets(&self) -> Result<Option<BTreeMap<String, String>>, Error> {
        let api: Api<Secret> = Api::default_namespaced(self.client.clone());
        let found = api.get_opt(secrets::NAME).await;
        let found = found.doing(|| format!("reading Secret {}", secrets::NAME))?;
        let text = |ByteString(bytes)| String::from_utf8_lossy(&bytes).into_owned();
        let all = |secret: Secret| secret.data.unwrap_or_default();
        Ok(found.map(|secret| {
            all(secret)
                .into_iter()
                .map(|(key, value)| (key, text(value)))
                .collect()
        }))
    }

    /// Adds keys to `podometer-secrets`.
    pub(crate) async fn add_secrets(
        &self,
        add: BTreeMap<&str, String>,
        exists: bool,
    ) -> Result<(), Error> {
        let api: Api<Secret> = Api::default_namespaced(self.client.clone());
        let add = add
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        let mut secret = Secret {
            string_data: Some(add),
            ..Secret::default()
        };
        let done = if exists {
            api.patch(
                secrets::NAME,
                &PatchParams::default(),
                &Patch::Merge(&secret),
            )
            .await
        } else {
            secret.metadata.name = Some(secrets::NAME.to_owned());
            let labels = [("app.kubernetes.io/name", "podometer"), MANAGED];
            secret
                .labels_mut()
                .extend(labels.map(|(key, value)| (key.to_owned(), value.to_owned())));
            api.create(&PostParams::default(), &secret).await
        };
        done.doing(|| format!("making Secret {}", secrets::NAME))?;
        Ok(())
    }

    /// Whether there is a claim of this name.
    pub(crate) async fn has_claim(&self, name: &str) -> Result<bool, Error> {
        let api: Api<PersistentVolumeClaim> = Api::default_namespaced(self.client.clone());
        let found = api.get_opt(name).await;
        Ok(found
            .doing(|| format!("looking for claim {name}"))?
            .is_some())
    }

    /// All storage classes.
    pub(crate) async fn storage_classes(&self) -> Result<Vec<StorageClass>, Error> {
        let api: Api<StorageClass> = Api::all(self.client.clone());
        let found = api.list(&ListParams::default()).await;
        Ok(found
            .doing(|| "looking for storage classes".to_owned())?
            .items)
    }

    /// All nodes.
    pub(crate) async fn nodes(&self) -> Result<Vec<Node>, Error> {
        let api: Api<Node> = Api::all(self.client.clone());
        let found = api.list(&ListParams::default()).await;
        Ok(found.doing(|| "looking for nodes".to_owned())?.items)
    }
}
