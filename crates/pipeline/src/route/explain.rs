//! Why an event reaches whom: the same compiled tree, walked with everything that led there written down.
//!
//! Nothing of this runs for an event on its way. Places are paths of keys, as in the file:
//! `route.routes[1].match[0]`.

use event::{Event, LaneId};

use super::{
    Route, Router,
    rule::{Known, Rule, Seen, Verdict},
};

/// Why an event reaches whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The decision about the event as it is: what is not in it is not there.
    pub walk: Walk,
    /// What it may be instead, where something is not known that a rule asks for.
    pub open: Option<Open>,
}

/// One way through the tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk {
    /// Each lane once, with the first rule that sends to it.
    pub reached: Vec<(LaneId, String)>,
    /// The drop rules that ended the way.
    pub dropped: Vec<String>,
    /// Of each match rule that does not match, a condition that does not hold.
    pub unmatched: Vec<String>,
}

/// What depends on what is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Open {
    /// Of each rule that may match or not, a condition on what is not known.
    pub conditions: Vec<String>,
    /// The lanes, if each of those rules matches.
    pub if_match: Vec<LaneId>,
    /// The lanes, if none of them does.
    pub if_not: Vec<LaneId>,
}

impl Router {
    /// Says why `event` reaches whom; the lanes are those of [`Router::decide`].
    pub fn explain(&self, event: &Event, known: Known) -> Explanation {
        let mut conditions = Vec::new();
        let mut walk = |known, assumed| {
            let seen = Seen::new(&self.conditions, event);
            let walk = Walk::default();
            let mut walker = Walker { seen, known, assumed, conditions: &mut conditions, walk };
            walker.visit(&self.root, "route");
            walker.walk
        };
        let as_it_is = walk(Known::ALL, false);
        let lanes = |walk: Walk| -> Vec<LaneId> {
            walk.reached.into_iter().map(|(lane, _)| lane).collect()
        };
        let (if_match, if_not) = (lanes(walk(known, true)), lanes(walk(known, false)));
        let open = (!conditions.is_empty()).then_some(Open { conditions, if_match, if_not });
        Explanation { walk: as_it_is, open }
    }
}

struct Walker<'r, 'c> {
    seen: Seen<'r>,
    known: Known,
    /// What a rule says that depends on what is not known.
    assumed: bool,
    conditions: &'c mut Vec<String>,
    walk: Walk,
}

impl Walker<'_, '_> {
    fn visit(&mut self, route: &Route, path: &str) {
        for (at, rule) in route.drop.iter().enumerate() {
            let rule_path = format!("{path}.drop[{at}]");
            if self.matches(rule, &rule_path).is_ok() {
                self.walk.dropped.push(rule_path);
                return;
            }
        }
        let mut all = true;
        for (at, rule) in route.matches.iter().enumerate() {
            let rule_path = format!("{path}.match[{at}]");
            match (self.matches(rule, &rule_path), rule.target) {
                (Err(condition), _) => {
                    all = false;
                    self.walk.unmatched.push(condition);
                }
                (Ok(()), Some(target)) => {
                    let reached = &mut self.walk.reached;
                    if !reached.iter().any(|(lane, _)| *lane == target.lane) {
                        reached.push((target.lane, rule_path));
                    }
                }
                (Ok(()), None) => {}
            }
        }
        for (at, inner) in route.routes.iter().enumerate().filter(|_| all) {
            self.visit(inner, &format!("{path}.routes[{at}]"));
        }
    }

    /// Whether a rule matches; else a condition of it that does not hold.
    fn matches(&mut self, rule: &Rule, path: &str) -> Result<(), String> {
        match rule.verdict(&self.seen, self.known) {
            Verdict::Matches => Ok(()),
            Verdict::Not(key) => Err(format!("{path}.{key}")),
            Verdict::Open(key) => {
                let condition = format!("{path}.{key}");
                if !self.conditions.contains(&condition) {
                    self.conditions.push(condition.clone());
                }
                if self.assumed { Ok(()) } else { Err(condition) }
            }
        }
    }
}
