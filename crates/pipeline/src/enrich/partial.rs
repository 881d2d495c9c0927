//! Metadata of an object as the API server sends it, read without what nobody needs: `managedFields`
//! is often the larger part.

use std::borrow::Cow;

use event::{OwnerReference, Text, event::TextMap};
use kube::{
    Resource,
    api::ObjectMeta,
    core::{ApiResource, DynamicResourceScope},
};
use serde::{Deserialize, Deserializer, de::IgnoredAny};

use super::objects::Metadata;

/// By this annotation a mirror pod names the static pod that it stands for.
const MIRRORS: &str = "kubernetes.io/config.mirror";

/// An object, as far as it was asked for.
#[derive(Debug, Clone)]
pub(super) struct Partial {
    /// Name, namespace and revision.
    pub(super) meta: ObjectMeta,
    pub(super) metadata: Metadata,
}

impl Partial {
    pub(super) fn name(&self) -> &str {
        self.meta.name.as_deref().unwrap_or_default()
    }

    pub(super) fn namespace(&self) -> &str {
        self.meta.namespace.as_deref().unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Partial {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Written::deserialize(deserializer).map(Self::from)
    }
}

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    metadata: Inside,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Inside {
    name: Option<String>,
    namespace: Option<String>,
    resource_version: Option<String>,
    uid: Option<Text>,
    labels: Option<TextMap>,
    annotations: Option<TextMap>,
    owner_references: Option<Vec<Owner>>,
    deletion_timestamp: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Owner {
    api_version: Text,
    kind: Text,
    name: Text,
    uid: Text,
    controller: Option<bool>,
    block_owner_deletion: Option<bool>,
}

impl From<Written> for Partial {
    fn from(Written { metadata: inside }: Written) -> Self {
        let annotations = inside.annotations.unwrap_or_default();
        let owners = inside.owner_references.unwrap_or_default();
        let metadata = Metadata {
            uid: inside.uid.unwrap_or_default(),
            mirrors: annotations.get(MIRRORS).cloned().unwrap_or_default(),
            labels: inside.labels.unwrap_or_default(),
            annotations,
            owners: owners.into_iter().map(OwnerReference::from).collect(),
            deleting: inside.deletion_timestamp.is_some(),
        };
        let meta = ObjectMeta {
            name: inside.name,
            namespace: inside.namespace,
            resource_version: inside.resource_version,
            ..ObjectMeta::default()
        };
        Self { meta, metadata }
    }
}

impl From<Owner> for OwnerReference {
    fn from(owner: Owner) -> Self {
        let Owner { api_version, kind, name, uid, controller, block_owner_deletion } = owner;
        Self { api_version, kind, name, uid, controller, block_owner_deletion }
    }
}

impl Resource for Partial {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn metadata_api() -> bool {
        true
    }

    fn kind(api: &ApiResource) -> Cow<'_, str> {
        (&*api.kind).into()
    }

    fn group(api: &ApiResource) -> Cow<'_, str> {
        (&*api.group).into()
    }

    fn version(api: &ApiResource) -> Cow<'_, str> {
        (&*api.version).into()
    }

    fn plural(api: &ApiResource) -> Cow<'_, str> {
        (&*api.plural).into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_pod_in_its_deletion_is_read() {
        let text = r#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{
            "name":"etcd-a","namespace":"kube-system","uid":"u1","resourceVersion":"7",
            "deletionTimestamp":"2026-01-01T00:00:00Z","labels":{"tier":"control-plane"},
            "annotations":{"kubernetes.io/config.mirror":"8c6a5f"},
            "ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"a","uid":"u2","controller":true}],
            "managedFields":[{"manager":"kubelet"}],"finalizers":null}}"#;
        let read: Partial = serde_json::from_str(text).unwrap();
        assert_eq!((read.namespace(), read.name()), ("kube-system", "etcd-a"));
        assert_eq!(read.meta.resource_version.as_deref(), Some("7"));
        assert_eq!(read.metadata.labels["tier"], "control-plane");
        assert_eq!((&*read.metadata.uid, &*read.metadata.mirrors), ("u1", "8c6a5f"));
        assert!(read.metadata.deleting);
        let owner = &read.metadata.owners[0];
        assert_eq!(
            (&*owner.kind, owner.controller, owner.block_owner_deletion),
            ("Node", Some(true), None)
        );
    }

    #[test]
    fn what_says_nothing_is_read_too() {
        for text in ["{}", r#"{"metadata":{"labels":null,"ownerReferences":null}}"#] {
            let read: Partial = serde_json::from_str(text).unwrap();
            assert_eq!(read.metadata, Metadata::default());
        }
    }
}
