//! What the API server says of itself: version, health, groups and resources.

use http::{StatusCode, header, request::Parts};
use serde_json::{Value, json};

use super::{
    Answer,
    accept::JSON,
    body_of, plain, refusal,
    resource::{RESOURCES, Resource},
    status::Status,
};

const VERBS: [&str; 8] =
    ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// What can be done with a resource; namespaces go one by one.
fn verbs(resource: &Resource) -> Vec<&'static str> {
    let one_by_one = resource.plural == "namespaces";
    VERBS.into_iter().filter(|verb| !one_by_one || *verb != "deletecollection").collect()
}

/// What an aggregated answer calls itself.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

pub(super) fn answer(parts: &Parts) -> Answer {
    let segments: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
    let known = |group: &str| Resource::groups().contains(&group);
    let document = match &*segments {
        ["api" | "apis"] if wants_what_nobody_knows(parts) => {
            return refusal(&Status::not_acceptable(), JSON);
        }
        ["api"] if wants_aggregated(parts) => return aggregated(&[""]),
        ["apis"] if wants_aggregated(parts) => return aggregated(&Resource::groups()),
        ["readyz" | "livez" | "healthz", ..] => return plain(StatusCode::OK, "ok"),
        ["version"] => version(),
        ["api"] => {
            json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
        }
        ["api", "v1"] => resources(""),
        ["apis"] => {
            let groups: Vec<Value> = Resource::groups().into_iter().map(group).collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        ["apis", name] if known(name) => {
            let mut document = group(name);
            document["kind"] = "APIGroup".into();
            document["apiVersion"] = "v1".into();
            document
        }
        ["apis", name, "v1"] if known(name) => resources(name),
        ["apis", name, _] if known(name) => return refusal(&Status::no_such_resource(), JSON),
        _ => return plain(StatusCode::NOT_FOUND, "404 page not found\n"),
    };
    let mut body = document.to_string();
    body.push('\n');
    body_of(StatusCode::OK, "application/json", body)
}

/// Clients name the newest form first, so the first clause decides.
fn wants_aggregated(parts: &Parts) -> bool {
    clauses(parts).next().is_some_and(is_aggregated)
}

/// A form of discovery in a version of the future, and no other.
fn wants_what_nobody_knows(parts: &Parts) -> bool {
    let unknown = |clause: &str| has(clause, "as=APIGroupDiscoveryList") && !is_aggregated(clause);
    clauses(parts).next().is_some() && clauses(parts).all(unknown)
}

fn clauses(parts: &Parts) -> impl Iterator<Item = &str> {
    let accept = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.unwrap_or_default().split(',').filter(|clause| !clause.is_empty())
}

fn is_aggregated(clause: &str) -> bool {
    ["g=apidiscovery.k8s.io", "v=v2", "as=APIGroupDiscoveryList"].iter().all(|it| has(clause, it))
}

fn has(clause: &str, parameter: &str) -> bool {
    clause.split(';').any(|part| part.trim() == parameter)
}

/// Everything about these groups in one answer.
fn aggregated(groups: &[&str]) -> Answer {
    let items: Vec<Value> = groups
        .iter()
        .map(|group| {
            let of_group = RESOURCES.iter().filter(|resource| resource.group == *group);
            let resources: Vec<Value> = of_group.map(aggregated_resource).collect();
            let metadata = if group.is_empty() { json!({}) } else { json!({"name": group}) };
            let version = json!({"version": "v1", "resources": resources, "freshness": "Current"});
            json!({"metadata": metadata, "versions": [version]})
        })
        .collect();
    let (kind, version) = ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2");
    let document = json!({"kind": kind, "apiVersion": version, "metadata": {}, "items": items});
    body_of(StatusCode::OK, AGGREGATED, format!("{document}\n"))
}

/// Group and version of the kind are left out where they are those of the resource.
fn aggregated_resource(resource: &Resource) -> Value {
    let mut row = json!({
        "resource": resource.plural, "singularResource": resource.singular,
        "verbs": verbs(resource),
        "responseKind": {"group": "", "version": "", "kind": resource.kind},
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
    });
    if !resource.short.is_empty() {
        row["shortNames"] = resource.short.into();
    }
    row
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "gitVersion": "v1.36.3-playground",
        "gitCommit": "0000000000000000000000000000000000000000", "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.26.0", "compiler": "gc",
        "platform": "linux/amd64", "emulationMajor": "1", "emulationMinor": "36",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "35",
    })
}

fn group(name: &str) -> Value {
    let version = json!({"groupVersion": format!("{name}/v1"), "version": "v1"});
    json!({"name": name, "versions": [version], "preferredVersion": version})
}

fn resources(group: &str) -> Value {
    let rows: Vec<Value> = RESOURCES
        .iter()
        .filter(|resource| resource.group == group)
        .map(|resource| {
            let mut row = json!({
                "name": resource.plural, "singularName": resource.singular,
                "namespaced": resource.namespaced, "kind": resource.kind,
                "verbs": verbs(resource),
            });
            if !resource.short.is_empty() {
                row["shortNames"] = resource.short.into();
            }
            row
        })
        .collect();
    let version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": rows})
}
