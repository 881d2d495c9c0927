//! What is to be asked for, in order; of a kind of which it is not known whether we may read it, one at
//! a time, so that a refusal costs one request and not one an object. Pure.

use std::collections::{HashMap, HashSet, VecDeque};

use event::Text;

use super::{answers::Target, kinds::KindId};

/// A kind, and the namespace for which a right holds; empty for all.
pub(super) type Right = (KindId, Text);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Queue {
    ready: VecDeque<Target>,
    /// Behind the first of their kind, which is being asked for.
    behind: HashMap<Right, Vec<Target>>,
    granted: HashSet<Right>,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// We may read this kind.
    Granted,
    /// We may not.
    Refused,
    /// The answer says nothing of it.
    Open,
}

impl Queue {
    /// One more.
    pub(super) fn push(&mut self, target: Target) {
        self.ready.push_back(target);
    }

    /// The next that can be asked for; its end is to be told.
    pub(super) fn next(&mut self, right_of: impl Fn(&Target) -> Right) -> Option<(Target, Right)> {
        while let Some(target) = self.ready.pop_front() {
            let right = right_of(&target);
            if self.granted.contains(&right) {
                return Some((target, right));
            }
            if let Some(behind) = self.behind.get_mut(&right) {
                behind.push(target);
                continue;
            }
            self.behind.insert(right.clone(), Vec::new());
            return Some((target, right));
        }
        None
    }

    /// A request has ended; what waited behind it goes on.
    pub(super) fn ended(&mut self, right: Right, verdict: Verdict) {
        self.ready.extend(self.behind.remove(&right).unwrap_or_default());
        match verdict {
            Verdict::Granted => {
                self.granted.insert(right);
            }
            Verdict::Refused => {
                self.granted.remove(&right);
            }
            Verdict::Open => {}
        }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.ready.len() + self.behind.values().map(Vec::len).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrich::answers::Spot;

    fn target(kind: KindId, name: &str) -> Target {
        Target {
            spot: Spot { kind, namespace: "shop".into(), name: name.into() },
            uid: Text::default(),
            api_version: Text::default(),
            version: Text::default(),
        }
    }

    fn right_of(target: &Target) -> Right {
        (target.spot.kind, Text::default())
    }

    fn next(queue: &mut Queue) -> Option<String> {
        queue.next(right_of).map(|(target, _)| target.spot.name.to_string())
    }

    fn filled() -> Queue {
        let mut queue = Queue::default();
        for (kind, name) in
            [(KindId::POD, "a"), (KindId::POD, "b"), (KindId::NODE, "n"), (KindId::POD, "c")]
        {
            queue.push(target(kind, name));
        }
        queue
    }

    #[test]
    fn the_first_of_a_kind_is_asked_for_alone_and_other_kinds_pass() {
        let mut queue = filled();
        assert_eq!(
            (next(&mut queue).as_deref(), next(&mut queue).as_deref()),
            (Some("a"), Some("n"))
        );
        assert_eq!((next(&mut queue), queue.len()), (None, 2));
        queue.ended((KindId::POD, Text::default()), Verdict::Granted);
        assert_eq!(
            (next(&mut queue).as_deref(), next(&mut queue).as_deref()),
            (Some("b"), Some("c"))
        );
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn after_an_answer_that_says_nothing_the_next_is_the_first() {
        let mut queue = filled();
        next(&mut queue);
        queue.ended((KindId::POD, Text::default()), Verdict::Open);
        assert_eq!(
            (next(&mut queue).as_deref(), next(&mut queue).as_deref()),
            (Some("b"), Some("n"))
        );
        assert_eq!(next(&mut queue), None);
    }

    #[test]
    fn a_right_that_was_taken_away_is_tried_by_one_again() {
        let mut queue = filled();
        next(&mut queue);
        queue.ended((KindId::POD, Text::default()), Verdict::Granted);
        queue.ended((KindId::POD, Text::default()), Verdict::Refused);
        assert_eq!(
            (next(&mut queue).as_deref(), next(&mut queue).as_deref()),
            (Some("b"), Some("n"))
        );
        assert_eq!(next(&mut queue), None);
    }
}
