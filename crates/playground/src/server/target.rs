//! What a request is about, read from its method, path and query.

use std::collections::BTreeMap;

use http::{Method, request::Parts};

use super::resource::Resource;
use crate::stats::Verb;

/// The parameters of a query, decoded; of one that is given twice the first counts.
#[derive(Debug, Default)]
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    pub(super) fn read(query: &str) -> Self {
        let mut parameters = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            parameters.entry(decoded(key)).or_insert_with(|| decoded(value));
        }
        Self(parameters)
    }

    /// The value; empty when it is not given.
    pub(super) fn get(&self, key: &str) -> &str {
        self.0.get(key).map_or("", |value| value)
    }

    /// Reads it as Go reads booleans of a query: anything but a clear no is a yes.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.0.get(key).map(|value| !matches!(&**value, "false" | "0"))
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let hex = |at: usize| rest.get(at).and_then(|b| char::from(*b).to_digit(16));
        match (byte, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = &rest[2..];
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A request for a resource.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) verb: Verb,
    pub(super) resource: &'static Resource,
    pub(super) namespace: Option<String>,
    /// Empty for a request about many.
    pub(super) name: String,
    pub(super) query: Query,
}

/// Where a path leads.
#[derive(Debug)]
pub(super) enum Place {
    Object(Target),
    /// A path below a known group and version where nothing is.
    NoResource,
    /// The resource is there, but nothing can be done with it by this method.
    NoMethod,
    /// Everything else.
    Other,
}

impl Target {
    pub(super) fn find(parts: &Parts) -> Place {
        let segments: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
        let (group, version, mut rest) = match &*segments {
            ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
            ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
            _ => return Place::Other,
        };
        if !(group.is_empty() || Resource::groups().contains(&group)) || version != "v1" {
            return Place::Other;
        }
        let query = Query::read(parts.uri.query().unwrap_or_default());
        let mut watch = query.flag("watch").unwrap_or(false);
        if let ["watch", after @ ..] = rest {
            (watch, rest) = (true, after);
        }
        let (namespace, plural, name) = match *rest {
            ["namespaces"] => (None, "namespaces", ""),
            ["namespaces", name] | ["namespaces", name, "status"] => (None, "namespaces", name),
            ["namespaces", namespace, plural] => (Some(namespace), plural, ""),
            ["namespaces", namespace, plural, name]
            | ["namespaces", namespace, plural, name, "status"] => (Some(namespace), plural, name),
            [plural] => (None, plural, ""),
            [plural, name] | [plural, name, "status"] => (None, plural, name),
            _ => return Place::NoResource,
        };
        let Some(resource) = Resource::find(group, version, plural) else {
            return Place::NoResource;
        };
        if namespace.is_some() && !resource.namespaced {
            return Place::NoResource;
        }
        let needs_namespace = resource.namespaced && namespace.is_none();
        let Some(verb) = verb(&parts.method, !name.is_empty(), watch) else {
            return Place::NoMethod;
        };
        if needs_namespace && !matches!(verb, Verb::List | Verb::Watch) {
            return Place::NoMethod;
        }
        Place::Object(Self {
            verb,
            resource,
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
            query,
        })
    }

    /// The namespace in the path; empty for what has none.
    pub(super) fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }
}

fn verb(method: &Method, named: bool, watch: bool) -> Option<Verb> {
    Some(match (method.as_str(), named) {
        ("GET" | "HEAD", _) if watch => Verb::Watch,
        ("GET" | "HEAD", true) => Verb::Get,
        ("GET" | "HEAD", false) => Verb::List,
        ("POST", false) => Verb::Create,
        ("PUT", true) => Verb::Update,
        ("PATCH", true) => Verb::Patch,
        ("DELETE", true) => Verb::Delete,
        ("DELETE", false) => Verb::DeleteCollection,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn check(method: &str, uri: &str, expected: &str) {
        let (parts, ()) = Request::builder().method(method).uri(uri).body(()).unwrap().into_parts();
        let found = match Target::find(&parts) {
            Place::Object(t) => {
                format!("{} {} {:?} {}", t.verb.word(), t.resource.qualified(), t.namespace, t.name)
            }
            other => format!("{other:?}"),
        };
        assert_eq!(found, expected, "{method} {uri}");
    }

    #[test]
    fn paths_lead_where_they_lead_on_a_real_server() {
        check("GET", "/api/v1/events", "list events None ");
        check("GET", "/api/v1/namespaces/a/events?watch=true", "watch events Some(\"a\") ");
        check("GET", "/api/v1/watch/namespaces/a/events", "watch events Some(\"a\") ");
        check(
            "PATCH",
            "/apis/events.k8s.io/v1/namespaces/a/events/e",
            "patch events Some(\"a\") e",
        );
        check("GET", "/api/v1/namespaces/kube-system", "get namespaces None kube-system");
        check(
            "DELETE",
            "/apis/coordination.k8s.io/v1/namespaces/a/leases/l",
            "delete leases.coordination.k8s.io Some(\"a\") l",
        );
        check("POST", "/api/v1/events", "NoMethod");
        check("GET", "/api/v1/nosuchthings", "NoResource");
        check("GET", "/apis/nosuch.example/v1/things", "Other");
        check("GET", "/version", "Other");
    }

    #[test]
    fn queries_are_decoded() {
        let query = Query::read("fieldSelector=a%3Db%2Cc!%3Dd&limit=5&watch&x=a+b&x=c");
        assert_eq!(query.get("fieldSelector"), "a=b,c!=d");
        assert_eq!((query.get("limit"), query.get("x"), query.get("none")), ("5", "a b", ""));
        assert_eq!((query.flag("watch"), query.flag("none")), (Some(true), None));
    }
}
