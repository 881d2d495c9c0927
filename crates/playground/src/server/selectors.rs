//! Field and label selectors, as a query spells them.

use super::{resource::Resource, status::Status};
use crate::store::{Condition, Requirement};

/// Reads `a=b,c!=d`. A field that the resource cannot select by is a mistake.
pub(super) fn fields(text: &str, resource: &Resource) -> Result<Vec<Requirement>, Status> {
    let mut requirements = Vec::new();
    for term in text.split(',').filter(|term| !term.is_empty()) {
        let (path, value, equal) = if let Some((path, value)) = term.split_once("!=") {
            (path, value, false)
        } else if let Some((path, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
            (path, value, true)
        } else {
            return Err(Status::bad_request(format!(
                "Unable to find \"{}\" that match label selector \"\", field selector \"{text}\": \
                 invalid selector: '{text}'; can't understand '{term}'",
                resource.plural
            )));
        };
        let Some(stored) = stored_path(path, resource) else {
            return Err(Status::bad_request(format!("field label not supported: {path}")));
        };
        let values = vec![value.into()];
        requirements.push(Requirement {
            key: stored.into(),
            condition: if equal { Condition::In(values) } else { Condition::NotIn(values) },
        });
    }
    Ok(requirements)
}

/// The name that the store has for a field; events.k8s.io has other words than core/v1.
fn stored_path<'a>(path: &'a str, resource: &Resource) -> Option<&'a str> {
    if matches!(path, "metadata.name" | "metadata.namespace") {
        return Some(path);
    }
    if !resource.is_events() {
        let known = match resource.plural {
            "pods" => matches!(path, "spec.nodeName" | "status.phase" | "spec.schedulerName"),
            "namespaces" => path == "status.phase",
            _ => false,
        };
        return known.then_some(path);
    }
    if resource.group.is_empty() {
        let core = [
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ];
        return core.contains(&path).then_some(path);
    }
    Some(match path {
        "regarding.kind" => "involvedObject.kind",
        "regarding.namespace" => "involvedObject.namespace",
        "regarding.name" => "involvedObject.name",
        "regarding.uid" => "involvedObject.uid",
        "regarding.apiVersion" => "involvedObject.apiVersion",
        "regarding.resourceVersion" => "involvedObject.resourceVersion",
        "regarding.fieldPath" => "involvedObject.fieldPath",
        "reportingController" => "reportingComponent",
        "reason" | "type" => path,
        _ => return None,
    })
}

/// Reads `a=b,c in (d,e),!f`.
pub(super) fn labels(text: &str) -> Result<Vec<Requirement>, Status> {
    let mut requirements = Vec::new();
    for term in terms(text) {
        let term = term.trim();
        if !term.is_empty() {
            let requirement = label(term).ok_or_else(|| {
                Status::bad_request(format!(
                    "unable to parse requirement: found '{term}', expected: identifier"
                ))
            })?;
            requirements.push(requirement);
        }
    }
    Ok(requirements)
}

/// Splits at the commas that are not within brackets.
fn terms(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut terms) = (0, 0, Vec::new());
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                terms.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

fn label(term: &str) -> Option<Requirement> {
    let (key, condition) = if let Some(key) = term.strip_prefix('!') {
        (key, Condition::Missing)
    } else if let Some((key, value)) = term.split_once("!=") {
        (key, Condition::NotIn(vec![value.trim().into()]))
    } else if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        (key, Condition::In(vec![value.trim().into()]))
    } else if let Some((key, values)) = term.split_once(" notin ") {
        (key, Condition::NotIn(set(values)?))
    } else if let Some((key, values)) = term.split_once(" in ") {
        (key, Condition::In(set(values)?))
    } else {
        (term, Condition::Exists)
    };
    let key = key.trim();
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    (!key.is_empty() && key.chars().all(word)).then(|| Requirement { key: key.into(), condition })
}

fn set(text: &str) -> Option<Vec<event::Text>> {
    let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    Some(inner.split(',').map(|value| value.trim().into()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_selectors_are_read_as_kubectl_writes_them() {
        let read = labels("a=b, c!=d,e in (f, g),h notin (i),!j,k").unwrap();
        let keys: Vec<&str> = read.iter().map(|r| &*r.key).collect();
        assert_eq!(keys, ["a", "c", "e", "h", "j", "k"]);
        assert_eq!(read[2].condition, Condition::In(vec!["f".into(), "g".into()]));
        assert!(labels("==").is_err());
    }

    #[test]
    fn each_api_has_its_own_words_for_fields() {
        let core = Resource::find("", "v1", "events").unwrap();
        let newer = Resource::find("events.k8s.io", "v1", "events").unwrap();
        assert_eq!(fields("regarding.name=x", newer).unwrap()[0].key, "involvedObject.name");
        assert!(fields("regarding.name=x", core).is_err());
        assert_eq!(
            fields("message=x", core).unwrap_err().message,
            "field label not supported: message"
        );
    }
}
