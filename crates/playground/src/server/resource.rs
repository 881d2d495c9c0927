//! The kinds of object that the API knows.

use super::form::Form;

/// One resource of one API version.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    /// The word in the path, and where the store keeps it.
    pub(super) plural: &'static str,
    pub(super) singular: &'static str,
    pub(super) kind: &'static str,
    pub(super) namespaced: bool,
    pub(super) short: &'static [&'static str],
}

/// Everything that can be listed, watched and written. The first row is the form that Events are
/// kept in.
pub(super) static RESOURCES: [Resource; 13] = [
    row("", "events", "event", "Event", true, &["ev"]),
    row("events.k8s.io", "events", "event", "Event", true, &["ev"]),
    row("coordination.k8s.io", "leases", "lease", "Lease", true, &[]),
    row("", "namespaces", "namespace", "Namespace", false, &["ns"]),
    row("", "nodes", "node", "Node", false, &["no"]),
    row("", "pods", "pod", "Pod", true, &["po"]),
    row("apps", "deployments", "deployment", "Deployment", true, &["deploy"]),
    row("apps", "replicasets", "replicaset", "ReplicaSet", true, &["rs"]),
    row("apps", "statefulsets", "statefulset", "StatefulSet", true, &["sts"]),
    row("apps", "daemonsets", "daemonset", "DaemonSet", true, &["ds"]),
    row("batch", "jobs", "job", "Job", true, &[]),
    row("batch", "cronjobs", "cronjob", "CronJob", true, &["cj"]),
    row(
        "policy",
        "poddisruptionbudgets",
        "poddisruptionbudget",
        "PodDisruptionBudget",
        true,
        &["pdb"],
    ),
];

const fn row(
    group: &'static str,
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
    namespaced: bool,
    short: &'static [&'static str],
) -> Resource {
    Resource { group, version: "v1", plural, singular, kind, namespaced, short }
}

impl Resource {
    /// The resource at this place of the API.
    pub(super) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Self> {
        let at = |r: &&Self| r.group == group && r.version == version && r.plural == plural;
        RESOURCES.iter().find(at)
    }

    /// The groups there are, without the core group.
    pub(super) fn groups() -> Vec<&'static str> {
        let mut groups: Vec<_> = RESOURCES.iter().map(|r| r.group).collect();
        groups.retain(|group| !group.is_empty());
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    pub(super) fn is_events(&self) -> bool {
        self.plural == "events"
    }

    /// In which form Events are asked for.
    pub(super) fn form(&self) -> Form {
        if self.group.is_empty() { Form::Core } else { Form::Events }
    }

    /// `v1` or `apps/v1`.
    pub(super) fn api_version(&self) -> String {
        join(self.group, "/", self.version)
    }

    /// The group that errors name: the storage of Events answers for both of their groups.
    pub(super) fn error_group(&self) -> &'static str {
        if self.is_events() { "" } else { self.group }
    }

    /// `leases.coordination.k8s.io`, as errors call it.
    pub(super) fn qualified(&self) -> String {
        join(self.plural, ".", self.error_group())
    }

    /// `Lease.coordination.k8s.io`, as errors call it.
    pub(super) fn qualified_kind(&self) -> String {
        join(self.kind, ".", self.error_group())
    }
}

fn join(left: &str, with: &str, right: &str) -> String {
    match (left, right) {
        ("", text) | (text, "") => text.to_owned(),
        _ => format!("{left}{with}{right}"),
    }
}
