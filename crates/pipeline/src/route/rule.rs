//! One rule, compiled: conditions over the fields of an event.

use std::collections::{BTreeMap, HashMap};

use event::{Event, LaneId, Text};

use super::{
    pattern::{Invalid, Pattern},
    settings::{Repeats, RuleSettings},
};

/// What a condition looks at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Field {
    Message,
    ApiVersion,
    Kind,
    Namespace,
    Reason,
    Type,
    Component,
    Host,
    Label(Text),
    Annotation(Text),
}

impl Field {
    /// The field's text; `None` only for a label or an annotation that is not there.
    fn of<'e>(&self, event: &'e Event) -> Option<&'e str> {
        let involved = &event.involved;
        Some(match self {
            Self::Message => &event.message,
            Self::ApiVersion => &involved.reference.api_version,
            Self::Kind => &involved.reference.kind,
            Self::Namespace => &event.metadata.namespace,
            Self::Reason => &event.reason,
            Self::Type => &event.kind,
            Self::Component => &event.source.component,
            Self::Host => &event.source.host,
            Self::Label(key) => involved.labels.get(key)?,
            Self::Annotation(key) => involved.annotations.get(key)?,
        })
    }

    /// The key in the configuration file, from the rule on.
    fn key(&self) -> String {
        match self {
            Self::Message => "message".into(),
            Self::ApiVersion => "apiVersion".into(),
            Self::Kind => "kind".into(),
            Self::Namespace => "namespace".into(),
            Self::Reason => "reason".into(),
            Self::Type => "type".into(),
            Self::Component => "component".into(),
            Self::Host => "host".into(),
            Self::Label(key) => format!("labels[{:?}]", key.as_str()),
            Self::Annotation(key) => format!("annotations[{:?}]", key.as_str()),
        }
    }

    /// Whether this is known only after a look at the involved object.
    fn is_looked_up(&self) -> bool {
        matches!(self, Self::Label(_) | Self::Annotation(_))
    }
}

/// Where the events of a match rule go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) lane: LaneId,
    pub(super) repeats: Repeats,
}

/// A rule, with its patterns kept in a [`Conditions`].
#[derive(Debug)]
pub(super) struct Rule {
    conditions: Box<[usize]>,
    min_count: Option<i32>,
    pub(super) target: Option<Target>,
}

impl Rule {
    pub(super) fn matches(&self, seen: &mut Seen<'_>) -> bool {
        self.min_count.is_none_or(|least| seen.event.count >= least)
            && self.conditions.iter().all(|at| seen.holds(*at))
    }
}

/// Every distinct condition of a tree, once: rules of several receivers often repeat one another.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    all: Vec<(Field, Pattern)>,
    known: HashMap<(Field, Text), usize>,
}

/// A condition whose pattern is not valid: the key, the pattern, and why.
pub(super) struct Mistaken {
    pub(super) key: String,
    pub(super) pattern: Text,
    pub(super) why: Invalid,
}

impl Conditions {
    /// Compiles a rule; a pattern that is not valid never matches and is reported.
    pub(super) fn compile(
        &mut self,
        settings: &RuleSettings,
        target: Option<Target>,
    ) -> (Rule, Vec<Mistaken>) {
        let mut mistakes = Vec::new();
        let mut conditions = Vec::new();
        for (field, text) in written(settings) {
            let pattern = Pattern::compile(&text).unwrap_or_else(|why| {
                mistakes.push(Mistaken { key: field.key(), pattern: text.clone(), why });
                Pattern::Never
            });
            let at = *self.known.entry((field.clone(), text)).or_insert_with(|| {
                self.all.push((field, pattern));
                self.all.len() - 1
            });
            conditions.push(at);
        }
        let rule = Rule {
            conditions: conditions.into(),
            min_count: Some(settings.min_count).filter(|least| *least != 0),
            target,
        };
        (rule, mistakes)
    }

    pub(super) fn need_lookup(&self) -> bool {
        self.all.iter().any(|(field, _)| field.is_looked_up())
    }
}

/// The conditions that a rule sets.
pub(super) fn written(rule: &RuleSettings) -> Vec<(Field, Text)> {
    let scalars = [
        (Field::Type, &rule.event_type),
        (Field::Kind, &rule.kind),
        (Field::Namespace, &rule.namespace),
        (Field::Reason, &rule.reason),
        (Field::ApiVersion, &rule.api_version),
        (Field::Component, &rule.component),
        (Field::Host, &rule.host),
        (Field::Message, &rule.message),
    ];
    let present = scalars.into_iter().filter(|(_, text)| !text.is_empty());
    let of = |map: &BTreeMap<Text, Text>, field: fn(Text) -> Field| -> Vec<(Field, Text)> {
        let pairs = map.iter();
        pairs.map(|(key, text)| (field(key.clone()), text.clone())).collect()
    };
    let mut written: Vec<_> = present.map(|(field, text)| (field, text.clone())).collect();
    written.extend(of(&rule.labels, Field::Label));
    written.extend(of(&rule.annotations, Field::Annotation));
    written
}

impl RuleSettings {
    /// The patterns that are set, each with its key from the rule on: `kind`, `labels["app"]`.
    pub fn patterns(&self) -> Vec<(String, Text)> {
        written(self).into_iter().map(|(field, text)| (field.key(), text)).collect()
    }

    /// Whether nothing is asked of an event, so that the rule matches each.
    pub fn is_unconditional(&self) -> bool {
        self.min_count == 0 && written(self).is_empty()
    }
}

/// What is already known about one event: no condition is tried twice.
pub(super) struct Seen<'r> {
    event: &'r Event,
    conditions: &'r [(Field, Pattern)],
    /// One bit for each of the first conditions: it was tried, and it held.
    tried: u128,
    held: u128,
}

impl<'r> Seen<'r> {
    pub(super) fn new(conditions: &'r Conditions, event: &'r Event) -> Self {
        Self { event, conditions: &conditions.all, tried: 0, held: 0 }
    }

    fn holds(&mut self, at: usize) -> bool {
        // Conditions beyond the last bit are tried each time.
        let bit = u32::try_from(at).ok().and_then(|at| 1u128.checked_shl(at)).unwrap_or(0);
        if self.tried & bit != 0 {
            return self.held & bit != 0;
        }
        let (field, pattern) = &self.conditions[at];
        let holds = field.of(self.event).is_some_and(|text| pattern.is_match(text));
        self.tried |= bit;
        if holds {
            self.held |= bit;
        }
        holds
    }
}
