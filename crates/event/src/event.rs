//! One revision of a Kubernetes Event, as every station after *collect* sees it.
//!
//! The shape is that of core/v1 (`k8s.io/api/core/v1/types.go`, type `Event`); objects of
//! events.k8s.io/v1 are brought into it. `managedFields` never enters.

use std::collections::BTreeMap;

use compact_str::CompactString;
use jiff::Timestamp;

use crate::Occurrences;

/// A short string: up to 24 bytes live inside the value, without an allocation.
pub type Text = CompactString;

/// Labels or annotations, sorted by key as Go prints them.
pub type TextMap = BTreeMap<Text, Text>;

/// One revision of a Kubernetes Event, with the occurrences that this revision adds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Event {
    /// The Event object's own metadata.
    pub metadata: Metadata,
    /// The object the Event is about, with what enrichment found out about it.
    pub involved: Involved,
    /// Short machine word, for example `BackOff`.
    pub reason: Text,
    /// Sentence for people.
    pub message: Text,
    /// Who reported it (core/v1 recorders only).
    pub source: Source,
    /// When the first occurrence was seen; whole seconds.
    pub first_timestamp: Option<Timestamp>,
    /// When the newest occurrence was seen; whole seconds.
    pub last_timestamp: Option<Timestamp>,
    /// Occurrences so far as the recorder counted them; 0 when the recorder keeps a series instead.
    pub count: i32,
    /// `Normal`, `Warning`, or whatever the recorder wrote.
    pub kind: EventType,
    /// When it happened (events.k8s.io recorders); microseconds.
    pub event_time: Option<Timestamp>,
    /// Occurrences of a continuing series (events.k8s.io recorders).
    pub series: Option<Series>,
    /// What was done or failed, for example `Binding`.
    pub action: Text,
    /// A second object.
    pub related: Option<ObjectRef>,
    /// Controller that wrote the Event, for example `kubelet`.
    pub reporting_component: Text,
    /// Instance of that controller, for example a node's name.
    pub reporting_instance: Text,
    /// Name of the cluster, from the config; empty when not set.
    pub cluster_name: Text,
    /// Where the Event came from.
    pub origin: Origin,
    /// How often the cluster's storage was found restored to an older state before this revision.
    pub epoch: u32,
    /// Order of arrival, for revisions that have no numeric resourceVersion; else 0.
    pub arrival: u64,
    /// The interval of the Event's counter that this revision adds.
    pub occurrences: Occurrences,
    /// Somebody asked for it to be sent once more.
    pub replay: bool,
}

/// The `type` of an Event; a word of the recorder's choice, in practice one of two.
pub type EventType = Text;

/// Where an [`Event`] came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The API server, or a stream of its objects.
    #[default]
    Cluster,
    /// Made from the change of another object.
    Derived,
    /// Tidings itself, for example `EventsMissed`.
    Tidings,
}

/// `metadata` of the Event object; `managedFields` left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// Object name, for example `web-1.17d0a3`.
    pub name: Text,
    /// Prefix the server completed.
    pub generate_name: Text,
    /// Namespace of the Event; what routing and access go by.
    pub namespace: Text,
    /// Path of the object (servers before 1.20).
    pub self_link: Text,
    /// Identity of the object, empty in hand-made input.
    pub uid: Text,
    /// The storage revision that wrote this state; opaque, in practice a decimal number.
    pub resource_version: Text,
    /// Unused by Events; kept because it is printed.
    pub generation: i64,
    /// When the API server stored the object; whole seconds.
    pub creation_timestamp: Option<Timestamp>,
    /// Set while a graceful deletion runs.
    pub deletion_timestamp: Option<Timestamp>,
    /// Grace of that deletion, in seconds.
    pub deletion_grace_period_seconds: Option<i64>,
    /// Labels of the Event object (not of the involved object).
    pub labels: TextMap,
    /// Annotations of the Event object.
    pub annotations: TextMap,
    /// Owners of the Event object.
    pub owner_references: Vec<OwnerReference>,
    /// Finalizers of the Event object.
    pub finalizers: Vec<Text>,
}

/// A reference to an object, as written by the recorder. Any part can be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ObjectRef {
    /// Kind, for example `Pod`.
    pub kind: Text,
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: Text,
    /// Name.
    pub name: Text,
    /// Identity; kubelet writes the node's name here for nodes.
    pub uid: Text,
    /// For example `apps/v1`.
    pub api_version: Text,
    /// Revision that the recorder had seen.
    pub resource_version: Text,
    /// Part of the object, for example `spec.containers{api}`.
    pub field_path: Text,
}

/// The involved object: the reference plus what was looked up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Involved {
    /// What the recorder wrote.
    pub reference: ObjectRef,
    /// Labels of the object.
    pub labels: TextMap,
    /// Annotations of the object.
    pub annotations: TextMap,
    /// Owners of the object.
    pub owner_references: Vec<OwnerReference>,
    /// Who owns the object in the end: from its controller up to the root, as far as it is known. Not
    /// printed in the default document.
    pub owner_chain: Vec<OwnerReference>,
    /// Labels of the Event's namespace; empty unless something asks for them. Not printed in the
    /// default document.
    pub namespace_labels: TextMap,
    /// The object is gone or going.
    pub deleted: bool,
    /// How much of the above is known.
    pub enrichment: Enrichment,
}

/// How much is known about the involved object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Enrichment {
    /// Nobody asked.
    #[default]
    None,
    /// Everything that was asked for is there.
    Complete,
    /// Something could not be found out in time; nothing was guessed.
    Incomplete,
}

/// One owner of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnerReference {
    /// For example `apps/v1`.
    pub api_version: Text,
    /// For example `ReplicaSet`.
    pub kind: Text,
    /// Name of the owner.
    pub name: Text,
    /// Identity of the owner.
    pub uid: Text,
    /// This owner manages the object.
    pub controller: Option<bool>,
    /// The owner's deletion waits for this object.
    pub block_owner_deletion: Option<bool>,
}

/// Reporter of a core/v1 Event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// For example `kubelet`.
    pub component: Text,
    /// Node the component ran on.
    pub host: Text,
}

/// A continuing series of equal events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Series {
    /// Occurrences so far.
    pub count: i32,
    /// Newest occurrence; microseconds.
    pub last_observed_time: Option<Timestamp>,
}

impl Event {
    /// The time people mean when they ask when it happened: the newest the recorder wrote, else
    /// when the server stored it.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.last_seen().or(self.first_timestamp).or(self.metadata.creation_timestamp)
    }

    /// When the newest occurrence was seen, as far as the recorder says.
    pub fn last_seen(&self) -> Option<Timestamp> {
        let series = self.series.and_then(|series| series.last_observed_time);
        [series, self.last_timestamp, self.event_time].into_iter().flatten().max()
    }

    /// When the first occurrence was seen, as far as the recorder or the server says.
    pub fn first_seen(&self) -> Option<Timestamp> {
        self.first_timestamp.or(self.event_time).or(self.metadata.creation_timestamp)
    }

    /// Occurrences so far, by every way a recorder has to say it: at least 1, and at least 2 once
    /// there is a series.
    pub fn total(&self) -> u32 {
        let series = self.series.map_or(0, |series| series.count.max(2));
        self.count.max(series).max(1).unsigned_abs()
    }

    /// The resourceVersion as a number, when it is one.
    pub fn revision(&self) -> Option<u64> {
        self.metadata.resource_version.parse().ok()
    }
}
