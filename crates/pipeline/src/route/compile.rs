//! Compiles the tree that the user wrote, and collects what is wrong with it.

use std::{collections::HashMap, fmt};

use super::{
    Receiver, Route, RouteSettings, RuleSettings, cel,
    rule::{Conditions, Mistaken, Rule, Target, Wrong},
};

/// Something in the tree that is surely not meant as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where, as a path of keys: `route.routes[0].drop[1].namespace`.
    pub path: String,
    /// What is wrong, and what it leads to.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// The tree must not be used: what was never valid elsewhere has nothing to be compatible with.
    pub is_mistake: bool,
    /// Where in the text at `path`, in bytes.
    pub at: Option<usize>,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Compiles a tree and collects what is wrong with it.
pub(super) struct Builder<'s> {
    pub(super) receivers: HashMap<&'s str, &'s Receiver>,
    pub(super) conditions: Conditions,
    pub(super) warnings: Vec<Warning>,
}

impl Builder<'_> {
    pub(super) fn route(&mut self, settings: &RouteSettings, path: &str) -> Route {
        let rules = (0..).zip(&settings.drop);
        let drop = rules.map(|(at, rule)| self.drop(rule, &format!("{path}.drop[{at}]")));
        let drop = drop.collect();
        let rules = (0..).zip(&settings.matches);
        let matches = rules.map(|(at, rule)| self.matches(rule, &format!("{path}.match[{at}]")));
        let matches = matches.collect();
        let routes = (0..).zip(&settings.routes);
        let routes = routes.map(|(at, route)| self.route(route, &format!("{path}.routes[{at}]")));
        let routes = routes.collect();
        Route { drop, matches, routes }
    }

    fn drop(&mut self, settings: &RuleSettings, path: &str) -> Rule {
        if settings.is_unconditional() {
            let message = "this rule has no condition, so it drops every event";
            let hint = "give it a condition, or remove it";
            self.warn(path.into(), message.into(), Some(hint.into()));
        }
        if !settings.receiver.is_empty() {
            let message = "a drop rule sends nothing, so its `receiver` is ignored";
            let hint = "move the rule to `match`, or remove the key";
            self.warn(format!("{path}.receiver"), message.into(), Some(hint.into()));
        }
        self.rule(settings, None, path, "this rule drops nothing")
    }

    fn matches(&mut self, settings: &RuleSettings, path: &str) -> Rule {
        let name = settings.receiver.as_str();
        let receiver = self.receivers.get(name).copied().filter(|_| !name.is_empty());
        if receiver.is_none() && !name.is_empty() {
            let message = format!("there is no receiver `{name}`, so this rule sends nothing");
            self.warn(format!("{path}.receiver"), message, self.known_receivers());
        }
        if name.is_empty() && settings.is_unconditional() {
            let message = "this rule has neither a condition nor a `receiver`, so it does nothing";
            self.warn(path.into(), message.into(), Some("remove it".into()));
        }
        let target =
            receiver.map(|receiver| Target { lane: receiver.lane, repeats: receiver.repeats });
        let outcome = "this rule matches nothing, and the routes below are not visited";
        self.rule(settings, target, path, outcome)
    }

    fn rule(
        &mut self,
        settings: &RuleSettings,
        target: Option<Target>,
        path: &str,
        outcome: &str,
    ) -> Rule {
        let (rule, mistakes) = self.conditions.compile(settings, target, path);
        for Mistaken { key, wrong } in mistakes {
            let path = format!("{path}.{key}");
            match wrong {
                Wrong::Pattern(pattern, why) => {
                    let message = format!("`{pattern}` is not a valid regex, so {outcome}: {why}");
                    self.warn(path, message, why.hint(&pattern));
                }
                Wrong::Expression(cel::Mistake { at, message, hint }) => {
                    let (is_mistake, at) = (true, Some(at));
                    self.warnings.push(Warning { path, message, hint, is_mistake, at });
                }
            }
        }
        rule
    }

    fn known_receivers(&self) -> Option<String> {
        let mut names: Vec<_> = self.receivers.keys().map(|name| format!("`{name}`")).collect();
        names.sort();
        (!names.is_empty()).then(|| format!("the receivers are {}", names.join(", ")))
    }

    fn warn(&mut self, path: String, message: String, hint: Option<String>) {
        self.warnings.push(Warning { path, message, hint, is_mistake: false, at: None });
    }
}
