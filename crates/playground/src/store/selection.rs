//! What a list or a watch asks for: a namespace, fields, labels.

use event::Text;

use super::table::Stored;

/// The objects that a list or a watch is about. The default is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only this namespace, by the path of the request; all when nothing.
    pub namespace: Option<Text>,
    /// Each must hold.
    pub fields: Vec<Requirement>,
    /// Each must hold.
    pub labels: Vec<Requirement>,
}

/// One condition on a field or a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// Path of the field, as core/v1 calls it, or key of the label.
    pub key: Text,
    /// What must be so.
    pub condition: Condition,
}

/// What must be so of a field or a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// One of these.
    In(Vec<Text>),
    /// None of these; holds for what is not there.
    NotIn(Vec<Text>),
    /// It is there.
    Exists,
    /// It is not there.
    Missing,
}

impl Condition {
    fn holds(&self, value: Option<&str>) -> bool {
        match self {
            Self::In(values) => value.is_some_and(|value| values.iter().any(|v| v == value)),
            Self::NotIn(values) => !value.is_some_and(|value| values.iter().any(|v| v == value)),
            Self::Exists => value.is_some(),
            Self::Missing => value.is_none(),
        }
    }
}

impl Selection {
    /// Everything in one namespace.
    pub fn namespace(namespace: &str) -> Self {
        Self { namespace: Some(namespace.into()), ..Self::default() }
    }

    /// The same, with one more field that must have a value.
    #[must_use]
    pub fn field(mut self, path: &str, value: &str) -> Self {
        self.fields
            .push(Requirement { key: path.into(), condition: Condition::In(vec![value.into()]) });
        self
    }

    /// Whether it selects by nothing but the namespace.
    pub fn is_plain(&self) -> bool {
        self.fields.is_empty() && self.labels.is_empty()
    }

    /// Whether the fields and labels of `object` are as asked for.
    pub(super) fn holds(&self, object: &impl Stored) -> bool {
        self.fields.iter().all(|r| r.condition.holds(object.field(&r.key)))
            && self.labels.iter().all(|r| r.condition.holds(object.label(&r.key)))
    }

    /// Whether an object with this key is in the namespace asked for.
    pub(super) fn holds_key(&self, key: &str) -> bool {
        self.namespace.as_deref().is_none_or(|namespace| {
            key.strip_prefix(namespace).is_some_and(|rest| rest.starts_with('/'))
        })
    }

    /// What all keys asked for begin with.
    pub(super) fn prefix(&self) -> String {
        self.namespace.as_deref().map_or_else(String::new, |namespace| format!("{namespace}/"))
    }
}
