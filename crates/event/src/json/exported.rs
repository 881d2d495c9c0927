//! The document that receivers get, read back: an Event with what is known of the object that it is about.
//!
//! kubernetes-event-exporter writes labels, annotations, owners and deletion into `involvedObject`. The same
//! keys, and two of ours, `ownerChain` and `namespaceLabels`, say it in a file that somebody wrote by hand.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Error;

use super::{WireOwner, lossy, text_map};
use crate::{Enrichment, Event, OwnerReference, Text};

type Map = Option<BTreeMap<Text, Option<Text>>>;

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Document {
    involved_object: Option<Object>,
    cluster_name: Option<Text>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Object {
    labels: Map,
    annotations: Map,
    owner_references: Option<Vec<WireOwner>>,
    owner_chain: Option<Vec<WireOwner>>,
    namespace_labels: Map,
    deleted: Option<bool>,
}

/// Reads an Event as [`super::decode`] does, and what stands in it of its object. Its enrichment is
/// complete when anything does: empty maps are not written.
pub fn decode(bytes: &[u8]) -> Result<Event, Error> {
    let mut event = super::decode(bytes)?;
    let document: Document = lossy(bytes, |bytes| serde_json::from_slice(bytes))?;
    event.cluster_name = document.cluster_name.unwrap_or_default();
    let Some(object) = document.involved_object else { return Ok(event) };
    let owners = |wire: Option<Vec<WireOwner>>| -> Vec<OwnerReference> {
        wire.unwrap_or_default().into_iter().map(OwnerReference::from).collect()
    };
    let is_known = object.labels.is_some()
        || object.annotations.is_some()
        || object.owner_references.is_some()
        || object.deleted.is_some();
    let involved = &mut event.involved;
    involved.labels = text_map(object.labels);
    involved.annotations = text_map(object.annotations);
    involved.owner_references = owners(object.owner_references);
    involved.owner_chain = owners(object.owner_chain);
    involved.namespace_labels = text_map(object.namespace_labels);
    involved.deleted = object.deleted.unwrap_or_default();
    if is_known {
        involved.enrichment = Enrichment::Complete;
    }
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;

    #[test]
    fn a_document_is_read_back_as_the_event_that_it_was_written_from() {
        let written = br#"{"metadata":{"name":"a","uid":"u"},"reason":"BackOff","clusterName":"prod",
            "involvedObject":{"kind":"Pod","labels":{"app":"web"},"annotations":{"note":"x"},
            "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-1","uid":"r","controller":true}],
            "deleted":true}}"#;
        let event = decode(written).unwrap();
        assert_eq!(event.involved.labels["app"], "web");
        assert_eq!(event.involved.owner_references[0].kind, "ReplicaSet");
        assert_eq!(event.involved.enrichment, Enrichment::Complete);
        let mut document = Vec::new();
        document::write(&mut document, &event);
        assert_eq!(decode(&document).unwrap(), event);
    }

    #[test]
    fn what_the_api_serves_says_nothing_of_the_object() {
        let event =
            decode(br#"{"metadata":{"name":"a"},"involvedObject":{"kind":"Pod"}}"#).unwrap();
        assert_eq!(event.involved.enrichment, Enrichment::None);
        assert_eq!(decode(b"{}").unwrap(), Event::default());
    }

    #[test]
    fn owners_up_to_the_root_and_labels_of_the_namespace_can_be_given() {
        let event = decode(
            br#"{"involvedObject":{"ownerChain":[{"kind":"Deployment","name":"web"}],"namespaceLabels":{"team":"a"}}}"#,
        )
        .unwrap();
        assert_eq!(event.involved.owner_chain[0].name, "web");
        assert_eq!(event.involved.namespace_labels["team"], "a");
    }
}
