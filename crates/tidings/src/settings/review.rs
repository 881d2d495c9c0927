//! What is surely not meant in a tree of rules, although it can be obeyed.

use std::collections::HashSet;

use event::{LaneId, Text};
use pipeline::route::{Receiver, Repeats, RouteSettings, Router, RuleSettings};

use super::remark::{Remark, similar};

mod pattern;

mod reach;

/// Everything to be said about the tree. Paths begin with `route`.
pub(super) fn route(route: &RouteSettings, names: &[Text], omit_lookup: bool) -> Vec<Remark> {
    let receivers: Vec<_> = (0..).map(LaneId).zip(names).map(receiver).collect();
    let (_, warnings) = Router::new(route, &receivers);
    let mut remarks: Vec<_> = warnings.into_iter().map(Remark::from).collect();
    for remark in remarks.iter_mut().filter(|remark| remark.path.ends_with(".receiver")) {
        // What is meant is better than what there is.
        let written = remark.message.split('`').nth(1).unwrap_or_default();
        let meant = similar(written, names.iter().map(Text::as_str));
        let meant = meant.map(|meant| format!("did you mean `{meant}`?"));
        if remark.message.starts_with("there is no receiver") && meant.is_some() {
            remark.hint = meant;
        }
    }
    if names.is_empty() && *route == RouteSettings::default() {
        return remarks;
    }
    if *route == RouteSettings::default() {
        let hint = "write `route: {match: [{receiver: …}]}`";
        remarks.push(Remark::warning("route", "there are no rules, so nothing is sent").hint(hint));
    }
    each_rule(route, "route", &mut |rule, path| {
        pattern::review(rule, path, &mut remarks);
        if rule.min_count < 0 {
            let message = "no count is below 0, so this is no condition";
            remarks.push(Remark::warning(format!("{path}.minCount"), message));
        }
        let looked_up = [("labels", &rule.labels), ("annotations", &rule.annotations)];
        for (key, _) in looked_up.iter().filter(|(_, map)| omit_lookup && !map.is_empty()) {
            let message =
                format!("with `omitLookup: true` no {key} are known, so this rule never matches");
            let hint = "remove `omitLookup`, or the condition";
            remarks.push(Remark::warning(format!("{path}.{key}"), message).on_key().hint(hint));
        }
    });
    remarks.extend(reach::review(route));
    remarks
}

/// Whether a rule sends to `name`.
pub(super) fn is_named(route: &RouteSettings, name: &str) -> bool {
    let mut named = HashSet::new();
    each_rule(route, "", &mut |rule, path| {
        if path.contains("match[") {
            named.insert(rule.receiver.clone());
        }
    });
    named.contains(name)
}

fn receiver((lane, name): (LaneId, &Text)) -> Receiver {
    Receiver { name: name.clone(), lane, repeats: Repeats::First }
}

fn each_rule(route: &RouteSettings, path: &str, see: &mut impl FnMut(&RuleSettings, &str)) {
    for (key, rules) in [("drop", &route.drop), ("match", &route.matches)] {
        for (index, rule) in rules.iter().enumerate() {
            see(rule, &format!("{path}.{key}[{index}]"));
        }
    }
    for (index, child) in route.routes.iter().enumerate() {
        each_rule(child, &format!("{path}.routes[{index}]"), see);
    }
}

impl From<pipeline::route::Warning> for Remark {
    fn from(warning: pipeline::route::Warning) -> Self {
        let pipeline::route::Warning { path, message, hint, is_mistake, at } = warning;
        let told = if is_mistake { Self::mistake } else { Self::warning };
        Self { hint, inside: at, ..told(path, message) }
    }
}
