//! What GETs have told of objects that no watch covers: bounded in number and in age.

use std::num::NonZeroUsize;

use event::Text;
use lru::LruCache;

use super::{kinds::KindId, objects::Metadata, refusals::REFUSED};

/// Where an object is; the owned form of [`super::objects::Place`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    /// Its kind.
    pub kind: KindId,
    /// Its namespace; empty for what has none.
    pub namespace: Text,
    /// Its name.
    pub name: Text,
}

/// An object to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where it is.
    pub spot: Spot,
    /// Identity as the reference has it; empty when it does not say.
    pub uid: Text,
    /// `apiVersion` of the reference; the server's choice when empty.
    pub api_version: Text,
    /// The revision that the reference names; empty when it does not.
    pub version: Text,
}

/// What a GET has told.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The object.
    Found(Box<Metadata>),
    /// There is no such object, or another one has its name.
    Gone,
    /// We may not look at objects of its kind.
    Refused,
    /// Its kind is not served.
    Unserved,
    /// No answer, or one that says nothing of the object.
    Failed,
}

/// After so long an object is asked for again, in seconds.
const LONGEST: u32 = 600;
/// A kind may be served after so long.
const UNSERVED: u32 = 300;
/// Trouble may be over after so long.
const FAILED: u32 = 10;
/// A reference to another revision asks again after so long, not sooner.
const REFRESH: u32 = 30;

/// The newest answers.
#[derive(Debug)]
pub struct Answers(LruCache<(Spot, Text), Kept>);

#[derive(Debug)]
struct Kept {
    answer: Answer,
    version: Text,
    at: u32,
}

impl Answers {
    /// Room for so many.
    pub fn new(size: usize) -> Self {
        Self(LruCache::new(NonZeroUsize::new(size).unwrap_or(NonZeroUsize::MIN)))
    }

    /// What is known, if it is not too old. `now` is in seconds since 1970.
    pub fn get(&mut self, target: &Target, now: u32) -> Option<&Answer> {
        let key = (target.spot.clone(), target.uid.clone());
        let kept = self.0.get(&key)?;
        let age = now.saturating_sub(kept.at);
        let longest = match kept.answer {
            Answer::Refused => REFUSED,
            Answer::Unserved => UNSERVED,
            Answer::Failed => FAILED,
            Answer::Found(_) if !target.version.is_empty() && target.version != kept.version => {
                REFRESH
            }
            Answer::Found(_) | Answer::Gone => LONGEST,
        };
        (age < longest).then_some(&kept.answer)
    }

    /// Keeps an answer.
    pub fn put(&mut self, target: Target, answer: Answer, now: u32) {
        let Target { spot, uid, version, .. } = target;
        self.0.put((spot, uid), Kept { answer, version, at: now });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(name: &str, version: &str) -> Target {
        Target {
            spot: Spot { kind: KindId::POD, namespace: "a".into(), name: name.into() },
            uid: "u".into(),
            api_version: "v1".into(),
            version: version.into(),
        }
    }

    #[test]
    fn each_kind_of_answer_is_believed_for_its_time() {
        let found = Answer::Found(Box::default());
        for (answer, longest) in
            [(found, 600), (Answer::Gone, 600), (Answer::Unserved, 300), (Answer::Failed, 10)]
        {
            let mut answers = Answers::new(2);
            answers.put(target("x", "1"), answer.clone(), 1000);
            assert_eq!(answers.get(&target("x", "1"), 1000 + longest - 1), Some(&answer));
            assert_eq!(answers.get(&target("x", "1"), 1000 + longest), None);
        }
    }

    #[test]
    fn another_revision_asks_again_but_not_at_once() {
        let mut answers = Answers::new(2);
        answers.put(target("x", "1"), Answer::Found(Box::default()), 1000);
        assert!(answers.get(&target("x", "2"), 1029).is_some());
        assert!(answers.get(&target("x", "2"), 1030).is_none());
        assert!(answers.get(&target("x", ""), 1030).is_some());
    }

    #[test]
    fn the_number_of_answers_is_bounded() {
        let mut answers = Answers::new(2);
        for name in ["x", "y", "z"] {
            answers.put(target(name, ""), Answer::Gone, 0);
        }
        assert!(answers.get(&target("x", ""), 0).is_none());
        assert!(answers.get(&target("y", ""), 0).is_some());
    }
}
