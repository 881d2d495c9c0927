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

use event::{Event, LaneId, Text};

use compile::Builder;
use rule::{Conditions, Rule, Seen};

pub use go_regex as pattern;

mod booked;

mod rule;

mod cel;

mod compile;

mod explain;

mod repeats;

mod settings;

mod swap;

pub use compile::Warning;
pub use explain::{Explanation, Open, Walk};
pub use repeats::{Decision, Repeats, Sending, Step};
pub use rule::{Known, RuleNeeds};
pub use settings::{RouteSettings, RuleSettings};

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

    /// What must be known of the involved object, and around it, before an event can be decided.
    pub fn needs(&self) -> RuleNeeds {
        self.conditions.needs
    }

    /// Whether a rule asks for something that has to be looked up.
    pub fn needs_lookup(&self) -> bool {
        self.needs().any()
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
                decision.add(target.lane, target.repeats);
            }
        }
        if all {
            for route in &self.routes {
                route.decide(seen, decision);
            }
        }
    }
}

#[cfg(test)]
mod tests;
