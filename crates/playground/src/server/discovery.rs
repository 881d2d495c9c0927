//! What the API server says of itself: version, health, groups and resources.

use http::StatusCode;
use serde_json::{Value, json};

use super::{
    Answer, body_of, plain,
    resource::{RESOURCES, Resource},
};

const VERBS: [&str; 8] =
    ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

pub(super) fn answer(path: &str) -> Answer {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let known = |group: &str| Resource::groups().contains(&group);
    let document = match &*segments {
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
        _ => return plain(StatusCode::NOT_FOUND, "404 page not found\n"),
    };
    let mut body = document.to_string();
    body.push('\n');
    body_of(StatusCode::OK, "application/json", body)
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
                "namespaced": resource.namespaced, "kind": resource.kind, "verbs": VERBS,
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
