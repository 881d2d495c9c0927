//! Routes that no event can get to.
//!
//! Only what is certain is told: a rule that drops everything, a pattern that is invalid, and words
//! that exclude each other because both must be the whole text.

use std::collections::{BTreeMap, BTreeSet};

use go_regex::{Pattern, Place};
use pipeline::route::{RouteSettings, RuleSettings};

use crate::settings::remark::Remark;

/// By key, the only texts that an event here can have there.
type Only = BTreeMap<String, BTreeSet<String>>;

/// What cannot be reached from the root.
pub(super) fn review(root: &RouteSettings) -> Vec<Remark> {
    let mut remarks = Vec::new();
    visit(root, "route", &Only::new(), &mut remarks);
    remarks
}

fn visit(route: &RouteSettings, path: &str, only: &Only, remarks: &mut Vec<Remark>) {
    if let Some(index) = route.drop.iter().position(RuleSettings::is_unconditional) {
        let key = if route.matches.is_empty() { "routes" } else { "match" };
        if !route.matches.is_empty() || !route.routes.is_empty() {
            let message = format!("nothing gets here: `{path}.drop[{index}]` drops every event");
            remarks.push(Remark::warning(format!("{path}.{key}"), message).on_key());
        }
        return;
    }
    let mut below = only.clone();
    let mut closed = None;
    for (index, rule) in route.matches.iter().enumerate() {
        let here = constraints(rule);
        if let Some((key, allowed)) = contradiction(only, &here) {
            let message = format!(
                "this rule never matches: only events with {key} {} get to its route",
                words(allowed)
            );
            remarks.push(Remark::warning(format!("{path}.match[{index}].{key}"), message));
            closed.get_or_insert_with(|| format!("`match[{index}]` never matches"));
        }
        let dead = rule.patterns().iter().any(|(_, pattern)| Pattern::compile(pattern).is_err());
        if dead {
            closed.get_or_insert_with(|| format!("`match[{index}]` never matches"));
        }
        for (key, allowed) in here {
            let both = match below.get(&key) {
                Some(already) => already & &allowed,
                None => allowed,
            };
            if both.is_empty() {
                closed.get_or_insert_with(|| {
                    format!("no event fulfils all of `match`, which ask for different {key}s")
                });
            }
            below.insert(key, both);
        }
    }
    if let Some(why) = closed {
        if !route.routes.is_empty() {
            let message = format!("these routes are never visited: {why}");
            remarks.push(Remark::warning(format!("{path}.routes"), message).on_key());
        }
        return;
    }
    for (index, child) in route.routes.iter().enumerate() {
        visit(child, &format!("{path}.routes[{index}]"), &below, remarks);
    }
}

/// What a rule asks for as a whole text.
fn constraints(rule: &RuleSettings) -> Only {
    let exact =
        rule.patterns().into_iter().filter_map(|(key, pattern)| match Pattern::compile(&pattern) {
            Ok(Pattern::Words(Place::Whole, words)) => {
                Some((key, words.iter().map(ToString::to_string).collect()))
            }
            _ => None,
        });
    exact.collect()
}

/// A key for which no text satisfies both, and the texts that get here.
fn contradiction<'o>(only: &'o Only, here: &Only) -> Option<(&'o str, &'o BTreeSet<String>)> {
    let mut both = only.iter().filter_map(|(key, allowed)| Some((key, allowed, here.get(key)?)));
    both.find(|(_, allowed, wanted)| allowed.is_disjoint(wanted))
        .map(|(key, allowed, _)| (key.as_str(), allowed))
}

fn words(words: &BTreeSet<String>) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ")
}
