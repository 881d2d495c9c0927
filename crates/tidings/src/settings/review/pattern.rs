//! Patterns that are valid and surely mean something else.

use go_regex::Pattern;
use pipeline::route::RuleSettings;

use crate::settings::remark::Remark;

/// What an Event's type can be.
const TYPES: [&str; 2] = ["Normal", "Warning"];

/// Kinds that people write in lower case.
const KINDS: [&str; 17] = [
    "Pod",
    "Node",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "Service",
    "Ingress",
    "Namespace",
    "Secret",
    "ConfigMap",
    "Endpoints",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "HorizontalPodAutoscaler",
];

/// Looks at each pattern of a rule.
pub(super) fn review(rule: &RuleSettings, path: &str, remarks: &mut Vec<Remark>) {
    for (key, pattern) in rule.patterns() {
        let text = pattern.as_str();
        // What is invalid is told where it is compiled.
        let Ok(compiled) = Pattern::compile(text) else { continue };
        let at = format!("{path}.{key}");
        if key == "type" && !TYPES.iter().any(|it| compiled.is_match(it)) {
            let message = format!(
                "`{text}` matches neither `Normal` nor `Warning`, and there are no other types"
            );
            let meant = TYPES.iter().find(|it| it.eq_ignore_ascii_case(text));
            let remark = Remark::warning(at, message);
            remarks.push(match meant {
                Some(meant) => remark.hint(format!("write `{meant}`")),
                None => remark,
            });
        } else if let Some(meant) = kind_in_lower_case(&key, text) {
            let message = format!("`{text}` does not match the kind `{meant}`: case matters");
            remarks.push(Remark::warning(at, message).hint(format!("write `{meant}`")));
        } else if let Some(regex) = glob(text) {
            let message = format!(
                "in a regex `*` repeats the character before it, so `{text}` also matches without it; this looks like a glob"
            );
            remarks.push(Remark::warning(at, message).hint(format!("write `{regex}`")));
        } else if let Some(why) = never(text) {
            remarks.push(Remark::warning(at, format!("`{text}` never matches: {why}")));
        }
    }
}

fn kind_in_lower_case(key: &str, text: &str) -> Option<&'static str> {
    let word = text.trim_start_matches('^').trim_end_matches('$');
    let meant = || KINDS.into_iter().find(|kind| kind.eq_ignore_ascii_case(word) && *kind != word);
    (key == "kind").then(meant).flatten()
}

/// The regex that is meant by what reads like a glob: words with `*`, and nothing else of a regex.
fn glob(text: &str) -> Option<String> {
    let word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '*');
    if !text.contains('*') || text.starts_with('*') || !text.chars().all(word) {
        return None;
    }
    let body = text.trim_end_matches('*');
    let end = if body.len() < text.len() { "" } else { "$" };
    Some(format!("^{}{end}", body.replace('*', ".*")))
}

/// Why nothing can match: an anchor in the middle.
fn never(text: &str) -> Option<&'static str> {
    if text.contains("(?") {
        return None;
    }
    let bytes = text.as_bytes();
    let word =
        |at: Option<&u8>| at.is_some_and(|it| it.is_ascii_alphanumeric() || b"-_ ".contains(it));
    let mut in_class = false;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'^' if !in_class && at > 0 && word(bytes.get(at - 1)) => {
                return Some("`^` is the start of the text, and something stands before it");
            }
            b'$' if !in_class && word(bytes.get(at + 1)) => {
                return Some("`$` is the end of the text, and something stands behind it");
            }
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_are_recognised() {
        for (text, regex) in [
            ("kube-*", Some("^kube-")),
            ("prod-*-eu", Some("^prod-.*-eu$")),
            ("test*", Some("^test")),
            (".*test.*", None),
            ("a.*", None),
            ("kube-[a-z]*", None),
            ("kube", None),
        ] {
            assert_eq!(glob(text).as_deref(), regex, "{text}");
        }
    }

    #[test]
    fn an_anchor_in_the_middle_never_matches() {
        assert!(never("a^b").is_some());
        assert!(never("a$b").is_some());
        for text in ["^a$", "(^a|^b)$", "a|^b", "^a$|b", "[a^b]", "a\\^b", "a\\$b", "(?m)a$b"] {
            assert_eq!(never(text), None, "{text}");
            assert!(Pattern::compile(text).is_ok());
        }
    }
}
