//! Kinds of object as events name them, and which of them are watched.

use std::collections::HashMap;

use event::{ObjectRef, Text};

/// A kind that events name, with its group but whatever its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindId(u16);

impl KindId {
    /// Pods, whose references need a second look (see [`super::objects`]).
    pub const POD: Self = Self(0);
    /// Nodes: the kubelet writes a node's name in the place of its uid.
    pub const NODE: Self = Self(1);
    /// Namespaces, for the labels of an event's namespace.
    pub const NAMESPACE: Self = Self(8);

    /// The watched kind, if this is one.
    pub fn watched(self) -> Option<&'static WatchedKind> {
        WATCHED.get(usize::from(self.0))
    }

    /// Its place in [`WATCHED`], if it is one of them.
    pub fn watched_at(self) -> Option<usize> {
        Some(usize::from(self.0)).filter(|at| *at < WATCHED.len())
    }

    /// Every watched kind, in the order of [`WATCHED`].
    pub fn all_watched() -> impl Iterator<Item = (Self, &'static WatchedKind)> {
        (0u16..).map(Self).zip(&WATCHED)
    }
}

/// A kind whose objects are known by watching them, not by asking.
#[derive(Debug, PartialEq, Eq)]
pub struct WatchedKind {
    /// Empty for the core group.
    pub group: &'static str,
    /// As events and owner references name it.
    pub kind: &'static str,
    /// The word in a path.
    pub plural: &'static str,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

const fn watched(
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    namespaced: bool,
) -> WatchedKind {
    WatchedKind { group, kind, plural, namespaced }
}

/// What nearly all events are about, and what owns it. All of them are served as `v1`.
pub static WATCHED: [WatchedKind; 9] = [
    watched("", "Pod", "pods", true),
    watched("", "Node", "nodes", false),
    watched("apps", "Deployment", "deployments", true),
    watched("apps", "ReplicaSet", "replicasets", true),
    watched("apps", "StatefulSet", "statefulsets", true),
    watched("apps", "DaemonSet", "daemonsets", true),
    watched("batch", "Job", "jobs", true),
    watched("batch", "CronJob", "cronjobs", true),
    watched("", "Namespace", "namespaces", false),
];

/// The kinds that were named so far.
#[derive(Debug)]
pub struct Kinds {
    by_kind: HashMap<Text, Vec<(Text, KindId)>>,
    names: Vec<(Text, Text)>,
}

/// So many kinds are told apart. Clusters have a few hundred; whoever invents more is not served.
const MOST: usize = 4096;

impl Default for Kinds {
    fn default() -> Self {
        let mut kinds = Self { by_kind: HashMap::new(), names: Vec::new() };
        for kind in &WATCHED {
            kinds.enter(kind.group, kind.kind);
        }
        kinds
    }
}

impl Kinds {
    /// The kind of an `apiVersion` and `kind`. `None` when neither was ever entered.
    pub fn find(&self, api_version: &str, kind: &str) -> Option<KindId> {
        let group = group_of(api_version);
        let groups = self.by_kind.get(kind)?;
        groups.iter().find(|(known, _)| known == group).map(|(_, id)| *id)
    }

    /// Enters a kind; `None` when there are too many.
    pub fn enter(&mut self, group: &str, kind: &str) -> Option<KindId> {
        let groups = self.by_kind.entry(kind.into()).or_default();
        if let Some((_, id)) = groups.iter().find(|(known, _)| known == group) {
            return Some(*id);
        }
        let next = self.names.len();
        if next >= MOST {
            return None;
        }
        let id = KindId(u16::try_from(next).ok()?);
        groups.push((group.into(), id));
        self.names.push((group.into(), kind.into()));
        Some(id)
    }

    /// Group and kind.
    pub fn name(&self, id: KindId) -> (&str, &str) {
        let (group, kind) = &self.names[usize::from(id.0)];
        (group, kind)
    }
}

/// `apps` of `apps/v1`; empty for the core group and where nothing is named, as in the original.
pub fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// Whether the uid of a reference identifies the object. The kubelet writes a node's name there.
pub fn uid_of(kind: KindId, reference: &ObjectRef) -> &str {
    if kind == KindId::NODE && reference.uid == reference.name { "" } else { &reference.uid }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_known_by_group_whatever_its_version() {
        let kinds = Kinds::default();
        assert_eq!(kinds.find("v1", "Pod"), Some(KindId::POD));
        assert_eq!(kinds.find("", "Node"), Some(KindId::NODE));
        assert_eq!(kinds.find("v1", "Namespace"), Some(KindId::NAMESPACE));
        assert_eq!(kinds.find("apps/v1", "ReplicaSet"), kinds.find("apps/v1beta2", "ReplicaSet"));
        assert_eq!(kinds.find("extensions/v1beta1", "ReplicaSet"), None);
        assert_eq!(kinds.find("v1", "Deployment"), None);
    }

    #[test]
    fn what_is_entered_is_found_and_the_number_of_kinds_is_bounded() {
        let mut kinds = Kinds::default();
        let id = kinds.enter("example.com", "Widget").unwrap();
        assert_eq!(kinds.find("example.com/v1alpha1", "Widget"), Some(id));
        assert_eq!(kinds.name(id), ("example.com", "Widget"));
        assert_eq!((id.watched(), KindId::POD.watched().unwrap().plural), (None, "pods"));
        for number in 0..MOST {
            kinds.enter("flood.example.com", &format!("Kind{number}"));
        }
        assert_eq!(kinds.enter("example.com", "OneMore"), None);
        assert_eq!(kinds.enter("example.com", "Widget"), Some(id));
    }

    #[test]
    fn the_kubelets_word_for_a_node_is_no_uid() {
        let mut reference = ObjectRef { name: "a".into(), uid: "a".into(), ..ObjectRef::default() };
        assert_eq!(uid_of(KindId::NODE, &reference), "");
        assert_eq!(uid_of(KindId::POD, &reference), "a");
        reference.uid = "11aa".into();
        assert_eq!(uid_of(KindId::NODE, &reference), "11aa");
    }
}
