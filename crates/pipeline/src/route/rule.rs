//! One rule, compiled: conditions over the fields of an event.

use std::collections::{BTreeMap, HashMap};

use event::{Event, LaneId, Text};

use super::{
    cel::{self, Expression},
    pattern::{Invalid, Pattern},
    repeats::Repeats,
    settings::RuleSettings,
};

mod verdict;

pub use verdict::Known;
pub(super) use verdict::Verdict;

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
    Name,
    Action,
    ReportingComponent,
    Label(Text),
    Annotation(Text),
    NamespaceLabel(Text),
    /// Of any owner.
    OwnerKind,
    /// Of any owner.
    OwnerName,
}

impl Field {
    /// The field's text; `None` only for a label or an annotation that is not there, and for what is
    /// not one text.
    fn of<'e>(&self, event: &'e Event) -> Option<&'e str> {
        let involved = &event.involved;
        Some(match self {
            Self::OwnerKind | Self::OwnerName => return None,
            Self::Name => &involved.reference.name,
            Self::Action => &event.action,
            Self::ReportingComponent => &event.reporting_component,
            Self::NamespaceLabel(key) => involved.namespace_labels.get(key)?,
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
            Self::Name => "name".into(),
            Self::Action => "action".into(),
            Self::ReportingComponent => "reportingComponent".into(),
            Self::OwnerKind => "ownerKind".into(),
            Self::OwnerName => "ownerName".into(),
            Self::NamespaceLabel(key) => format!("namespaceLabels[{:?}]", key.as_str()),
            Self::Label(key) => format!("labels[{:?}]", key.as_str()),
            Self::Annotation(key) => format!("annotations[{:?}]", key.as_str()),
        }
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
    max_count: Option<i32>,
    deleted: Option<bool>,
    /// Of one and the same owner.
    owner: Option<Owner>,
    not: Vec<Self>,
    /// The dearest comes last.
    cel: Option<Box<Expression>>,
    pub(super) target: Option<Target>,
}

impl Rule {
    pub(super) fn matches(&self, seen: &mut Seen<'_>) -> bool {
        let event = seen.event;
        self.min_count.is_none_or(|least| event.count >= least)
            && self.max_count.is_none_or(|most| event.count <= most)
            && self.conditions.iter().all(|at| seen.holds(*at))
            && self.deleted.is_none_or(|deleted| event.involved.deleted == deleted)
            && self.owner.as_ref().is_none_or(|owner| is_owned(event, owner))
            && !self.not.iter().any(|rule| rule.matches(seen))
            && self.cel.as_ref().is_none_or(|cel| cel.holds(event))
    }
}

/// What an owner must be called.
#[derive(Debug, Default)]
struct Owner {
    kind: Option<Pattern>,
    name: Option<Pattern>,
}

/// Whether the object has such an owner, from its controller up to the root.
fn is_owned(event: &Event, wanted: &Owner) -> bool {
    let fits = |pattern: &Option<Pattern>, text: &str| {
        pattern.as_ref().is_none_or(|pattern| pattern.is_match(text))
    };
    let involved = &event.involved;
    let mut owners = involved.owner_chain.iter().chain(&involved.owner_references);
    owners.any(|owner| fits(&wanted.kind, &owner.kind) && fits(&wanted.name, &owner.name))
}

/// Every distinct condition of a tree, once: rules of several receivers often repeat one another.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    all: Vec<(Field, Pattern)>,
    known: HashMap<(Field, Text), usize>,
    pub(super) needs: RuleNeeds,
}

/// A condition that is not valid, and never holds.
pub(super) struct Mistaken {
    pub(super) key: String,
    pub(super) wrong: Wrong,
}

/// What is wrong with a condition.
pub(super) enum Wrong {
    /// It is no pattern.
    Pattern(Text, Invalid),
    /// It is no expression.
    Expression(cel::Mistake),
}

impl Conditions {
    /// Compiles the rule that stands at `path`; a pattern that is not valid never matches and is reported.
    pub(super) fn compile(
        &mut self,
        settings: &RuleSettings,
        target: Option<Target>,
        path: &str,
    ) -> (Rule, Vec<Mistaken>) {
        let mut mistakes = Vec::new();
        let mut conditions = Vec::new();
        let mut owner = Owner::default();
        for (field, text) in written(settings) {
            let pattern = Pattern::compile(&text).unwrap_or_else(|why| {
                let wrong = Wrong::Pattern(text.clone(), why);
                mistakes.push(Mistaken { key: field.key(), wrong });
                Pattern::Never
            });
            self.needs.note(&field);
            match field {
                Field::OwnerKind => owner.kind = Some(pattern),
                Field::OwnerName => owner.name = Some(pattern),
                field => conditions.push(self.condition(field, text, pattern)),
            }
        }
        self.needs.object |= settings.deleted.is_some();
        let mut not = Vec::new();
        for (index, excluded) in settings.not.iter().enumerate() {
            let (rule, nested) = self.compile(excluded, None, &format!("{path}.not[{index}]"));
            // What cannot be understood excludes everything: a drop rule must not drop more for it.
            if !nested.is_empty() {
                conditions.push(self.condition(Field::Message, Text::default(), Pattern::Never));
            }
            let key = |key| format!("not[{index}].{key}");
            mistakes.extend(nested.into_iter().map(|it| Mistaken { key: key(it.key), ..it }));
            not.push(rule);
        }
        let mut expression = None;
        if !settings.cel.is_empty() {
            match Expression::compile(&settings.cel, &format!("{path}.cel")) {
                Ok(compiled) => {
                    self.needs = self.needs.with(compiled.needs);
                    expression = Some(Box::new(compiled));
                }
                Err(wrong) => {
                    conditions.push(self.condition(
                        Field::Message,
                        Text::default(),
                        Pattern::Never,
                    ));
                    let key = || "cel".to_owned();
                    let wrong = wrong.into_iter().map(Wrong::Expression);
                    mistakes.extend(wrong.map(|wrong| Mistaken { key: key(), wrong }));
                }
            }
        }
        let is_set = |count: &i32| *count != 0;
        let owner_is_asked = !settings.owner_kind.is_empty() || !settings.owner_name.is_empty();
        let rule = Rule {
            conditions: conditions.into(),
            min_count: Some(settings.min_count).filter(is_set),
            max_count: Some(settings.max_count).filter(is_set),
            deleted: settings.deleted,
            owner: owner_is_asked.then_some(owner),
            not,
            cel: expression,
            target,
        };
        (rule, mistakes)
    }

    fn condition(&mut self, field: Field, text: Text, pattern: Pattern) -> usize {
        *self.known.entry((field.clone(), text)).or_insert_with(|| {
            self.all.push((field, pattern));
            self.all.len() - 1
        })
    }
}

/// What rules ask of an event's object, and around it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is asked for by itself")]
pub struct RuleNeeds {
    /// Labels, annotations, owners or deletion of the involved object.
    pub object: bool,
    /// Annotations among them.
    pub annotations: bool,
    /// Owners up to the root.
    pub owner_chain: bool,
    /// Labels of the Event's namespace.
    pub namespace_labels: bool,
}

impl RuleNeeds {
    fn note(&mut self, field: &Field) {
        match field {
            Field::Label(_) => self.object = true,
            Field::Annotation(_) => (self.object, self.annotations) = (true, true),
            Field::OwnerKind | Field::OwnerName => (self.object, self.owner_chain) = (true, true),
            Field::NamespaceLabel(_) => self.namespace_labels = true,
            _ => {}
        }
    }

    /// What either needs.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            object: self.object || other.object,
            annotations: self.annotations || other.annotations,
            owner_chain: self.owner_chain || other.owner_chain,
            namespace_labels: self.namespace_labels || other.namespace_labels,
        }
    }

    /// Whether anything has to be looked up.
    pub fn any(self) -> bool {
        self.object || self.namespace_labels
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
        (Field::Name, &rule.name),
        (Field::Action, &rule.action),
        (Field::ReportingComponent, &rule.reporting_component),
        (Field::OwnerKind, &rule.owner_kind),
        (Field::OwnerName, &rule.owner_name),
    ];
    let present = scalars.into_iter().filter(|(_, text)| !text.is_empty());
    let of = |map: &BTreeMap<Text, Text>, field: fn(Text) -> Field| -> Vec<(Field, Text)> {
        let pairs = map.iter();
        pairs.map(|(key, text)| (field(key.clone()), text.clone())).collect()
    };
    let mut written: Vec<_> = present.map(|(field, text)| (field, text.clone())).collect();
    written.extend(of(&rule.labels, Field::Label));
    written.extend(of(&rule.annotations, Field::Annotation));
    written.extend(of(&rule.namespace_labels, Field::NamespaceLabel));
    written
}

impl RuleSettings {
    /// The patterns that are set, each with its key from the rule on: `kind`, `labels["app"]`.
    pub fn patterns(&self) -> Vec<(String, Text)> {
        written(self).into_iter().map(|(field, text)| (field.key(), text)).collect()
    }

    /// Whether nothing is asked of an event, so that the rule matches each.
    pub fn is_unconditional(&self) -> bool {
        self.min_count == 0
            && self.max_count == 0
            && self.deleted.is_none()
            && self.not.is_empty()
            && self.cel.is_empty()
            && written(self).is_empty()
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
