//! The third step: which receivers an event reaches, decided once.
//!
//! A tree of rules decides. At each node, from the root on:
//!
//! 1. If a rule in `drop` matches, the node is left: none of its rules, none of its children.
//! 2. Every rule in `match` decides for its own receiver alone: if it matches, that receiver gets
//!    the event. No rule ends the list.
//! 3. If *all* rules in `match` matched (or there are none), each node in `routes` is visited.
//!
//! This is the tree of kubernetes-event-exporter, and it decides the same, with two differences: a
//! receiver that is reached twice gets the event once, and a rule that names an unknown receiver is
//! a warning at start instead of a leak per event (the rule still counts in 3). The decision is
//! pure: the same event gives the same [`Decision`], here, in `check` and in `test`.

use std::{collections::HashMap, fmt};

use event::{Event, LaneId, LaneSet, Text};

use rule::{Conditions, Mistaken, Rule, Seen, Target};

pub mod pattern;

mod rule;

mod settings;

pub use settings::{Repeats, RouteSettings, RuleSettings};

/// A receiver that rules can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// The name in the configuration file.
    pub name: Text,
    /// The lane to it.
    pub lane: LaneId,
    /// What it gets of an Event object that keeps changing.
    pub repeats: Repeats,
}

/// The compiled tree.
#[derive(Debug)]
pub struct Router {
    root: Route,
    conditions: Conditions,
}

/// One node of it.
#[derive(Debug)]
struct Route {
    drop: Vec<Rule>,
    matches: Vec<Rule>,
    routes: Vec<Self>,
}

impl Router {
    /// Compiles the tree. What is wrong in it is a warning, and it decides as the original would.
    pub fn new(settings: &RouteSettings, receivers: &[Receiver]) -> (Self, Vec<Warning>) {
        let mut builder = Builder {
            // Of two receivers with one name the later one counts.
            receivers: receivers.iter().map(|it| (it.name.as_str(), it)).collect(),
            conditions: Conditions::default(),
            warnings: Vec::new(),
        };
        let root = builder.route(settings, "route");
        let router = Self { root, conditions: builder.conditions };
        (router, builder.warnings)
    }

    /// Decides which receivers `event` reaches.
    pub fn decide(&self, event: &Event) -> Decision {
        let mut decision = Decision::default();
        let mut seen = Seen::new(&self.conditions, event);
        self.root.decide(&mut seen, &mut decision);
        decision
    }

    /// Whether a rule asks for labels or annotations, so that the involved object must be looked up
    /// before an event can be decided.
    pub fn needs_lookup(&self) -> bool {
        self.conditions.need_lookup()
    }
}

impl Route {
    fn decide(&self, seen: &mut Seen<'_>, decision: &mut Decision) {
        if self.drop.iter().any(|rule| rule.matches(seen)) {
            return;
        }
        let mut all = true;
        for rule in &self.matches {
            if !rule.matches(seen) {
                all = false;
            } else if let Some(target) = rule.target {
                decision.add(target);
            }
        }
        if all {
            for route in &self.routes {
                route.decide(seen, decision);
            }
        }
    }
}

/// The lanes that a revision of an Event reaches, before repeats are held back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    first: LaneSet,
    every: LaneSet,
}

/// A decision, after repeats were held back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sending {
    /// The lanes that get this revision.
    pub lanes: LaneSet,
    /// The lanes that got an earlier revision and want no later one.
    pub suppressed: LaneSet,
}

impl Decision {
    fn add(&mut self, target: Target) {
        match target.repeats {
            Repeats::First => self.first.insert(target.lane),
            Repeats::Every => self.every.insert(target.lane),
        };
    }

    /// Every lane that the tree reached.
    pub fn lanes(&self) -> LaneSet {
        let mut lanes = self.every.clone();
        lanes.extend(&self.first);
        lanes
    }

    /// Whether no lane was reached: the event is counted as filtered.
    pub fn is_filtered(&self) -> bool {
        self.first.is_empty() && self.every.is_empty()
    }

    /// Holds back what a receiver with [`Repeats::First`] does not want.
    ///
    /// `already` are the lanes that earlier revisions of the same Event object were sent to. Since
    /// every revision is decided anew, `minCount: 5` sends the revision at which the count first
    /// reaches 5, to either kind of receiver.
    pub fn apply_repeats(&self, already: &LaneSet) -> Sending {
        let mut sending = Sending { lanes: self.every.clone(), suppressed: LaneSet::new() };
        for lane in self.first.iter() {
            if already.contains(lane) {
                sending.suppressed.insert(lane);
            } else {
                sending.lanes.insert(lane);
            }
        }
        sending
    }
}

/// Something in the tree that is surely not meant as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where, as a path of keys: `route.routes[0].drop[1].namespace`.
    pub path: String,
    /// What is wrong, and what it leads to.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
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
struct Builder<'s> {
    receivers: HashMap<&'s str, &'s Receiver>,
    conditions: Conditions,
    warnings: Vec<Warning>,
}

impl Builder<'_> {
    fn route(&mut self, settings: &RouteSettings, path: &str) -> Route {
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
        if is_unconditional(settings) {
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
        if name.is_empty() && is_unconditional(settings) {
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
        let (rule, mistakes) = self.conditions.compile(settings, target);
        for Mistaken { key, pattern, why } in mistakes {
            let message = format!("`{pattern}` is not a valid regex, so {outcome}: {why}");
            self.warn(format!("{path}.{key}"), message, why.hint(&pattern));
        }
        rule
    }

    fn known_receivers(&self) -> Option<String> {
        let mut names: Vec<_> = self.receivers.keys().map(|name| format!("`{name}`")).collect();
        names.sort();
        (!names.is_empty()).then(|| format!("the receivers are {}", names.join(", ")))
    }

    fn warn(&mut self, path: String, message: String, hint: Option<String>) {
        self.warnings.push(Warning { path, message, hint });
    }
}

fn is_unconditional(rule: &RuleSettings) -> bool {
    rule.min_count == 0 && rule::written(rule).is_empty()
}

#[cfg(test)]
mod tests;
