use super::super::rule::RuleNeeds;

/// The one variable there is.
pub(super) const EVENT_NAME: &str = "event";

/// What an expression is made of.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Type {
    Bool,
    Text,
    Number,
    Nothing,
    /// Texts by their names: labels and annotations.
    Map,
    Object(&'static Schema),
    List(Box<Self>),
    /// Known only when there is an event.
    Any,
}

impl Type {
    pub(super) fn list(of: Self) -> Self {
        Self::List(Box::new(of))
    }

    /// For people.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Bool => "true or false".into(),
            Self::Text => "a text".into(),
            Self::Number => "a number".into(),
            Self::Nothing => "nothing".into(),
            Self::Map => "a mapping".into(),
            Self::Object(schema) => schema.words.into(),
            Self::List(_) => "a list".into(),
            Self::Any => "something".into(),
        }
    }

    /// Whether a value of this type can be one of the other.
    pub(super) fn may_be(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::List(one), Self::List(other)) => one.may_be(other),
            (one, other) => one == other,
        }
    }
}

/// An object, and its fields in the order of the document.
pub(super) struct Schema {
    /// For people.
    pub(super) words: &'static str,
    pub(super) fields: &'static [(&'static str, Shape)],
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.words)
    }
}

/// What a field is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    Text,
    Number,
    Bool,
    /// A text in the form of the document; nothing when it is not set.
    Time,
    Map,
    Texts,
    Object(&'static Schema),
    /// May be missing as a whole.
    Maybe(&'static Schema),
    Objects(&'static Schema),
}

impl Shape {
    pub(super) fn of(self) -> Type {
        match self {
            Self::Text | Self::Time => Type::Text,
            Self::Number => Type::Number,
            Self::Bool => Type::Bool,
            Self::Map => Type::Map,
            Self::Texts => Type::list(Type::Text),
            Self::Object(schema) | Self::Maybe(schema) => Type::Object(schema),
            Self::Objects(schema) => Type::list(Type::Object(schema)),
        }
    }
}

impl Schema {
    pub(super) fn field(&self, name: &str) -> Option<Shape> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, shape)| *shape)
    }

    /// What has to be looked up for it.
    pub(super) fn needs(&self, field: &str) -> RuleNeeds {
        let mut needs = RuleNeeds::default();
        if std::ptr::eq(self, &raw const INVOLVED) {
            needs.object = matches!(
                field,
                "labels" | "annotations" | "ownerReferences" | "ownerChain" | "deleted"
            );
            needs.annotations = field == "annotations";
            needs.owner_chain = field == "ownerChain";
            needs.namespace_labels = field == "namespaceLabels";
        }
        needs
    }
}

/// `event`.
pub(super) static EVENT: Schema = Schema {
    words: "an event",
    fields: &[
        ("metadata", Shape::Object(&METADATA)),
        ("reason", Shape::Text),
        ("message", Shape::Text),
        ("source", Shape::Object(&SOURCE)),
        ("firstTimestamp", Shape::Time),
        ("lastTimestamp", Shape::Time),
        ("count", Shape::Number),
        ("type", Shape::Text),
        ("eventTime", Shape::Time),
        ("series", Shape::Maybe(&SERIES)),
        ("action", Shape::Text),
        ("related", Shape::Maybe(&REFERENCE)),
        ("reportingComponent", Shape::Text),
        ("reportingInstance", Shape::Text),
        ("clusterName", Shape::Text),
        ("involvedObject", Shape::Object(&INVOLVED)),
    ],
};

/// `event.metadata`.
pub(super) static METADATA: Schema = Schema {
    words: "metadata",
    fields: &[
        ("name", Shape::Text),
        ("generateName", Shape::Text),
        ("namespace", Shape::Text),
        ("selfLink", Shape::Text),
        ("uid", Shape::Text),
        ("resourceVersion", Shape::Text),
        ("generation", Shape::Number),
        ("creationTimestamp", Shape::Time),
        ("deletionTimestamp", Shape::Time),
        ("labels", Shape::Map),
        ("annotations", Shape::Map),
        ("ownerReferences", Shape::Objects(&OWNER)),
        ("finalizers", Shape::Texts),
    ],
};

/// `event.source`.
pub(super) static SOURCE: Schema =
    Schema { words: "a source", fields: &[("component", Shape::Text), ("host", Shape::Text)] };

/// `event.series`.
pub(super) static SERIES: Schema = Schema {
    words: "a series",
    fields: &[("count", Shape::Number), ("lastObservedTime", Shape::Time)],
};

/// `event.related`.
pub(super) static REFERENCE: Schema = Schema {
    words: "an object",
    fields: &[
        ("kind", Shape::Text),
        ("namespace", Shape::Text),
        ("name", Shape::Text),
        ("uid", Shape::Text),
        ("apiVersion", Shape::Text),
        ("resourceVersion", Shape::Text),
        ("fieldPath", Shape::Text),
    ],
};

/// `event.involvedObject`; the last two are of Tidings, and in no document.
pub(super) static INVOLVED: Schema = Schema {
    words: "an object",
    fields: &[
        ("kind", Shape::Text),
        ("namespace", Shape::Text),
        ("name", Shape::Text),
        ("uid", Shape::Text),
        ("apiVersion", Shape::Text),
        ("resourceVersion", Shape::Text),
        ("fieldPath", Shape::Text),
        ("labels", Shape::Map),
        ("annotations", Shape::Map),
        ("ownerReferences", Shape::Objects(&OWNER)),
        ("deleted", Shape::Bool),
        ("ownerChain", Shape::Objects(&OWNER)),
        ("namespaceLabels", Shape::Map),
    ],
};

/// One owner.
pub(super) static OWNER: Schema = Schema {
    words: "an owner",
    fields: &[
        ("apiVersion", Shape::Text),
        ("kind", Shape::Text),
        ("name", Shape::Text),
        ("uid", Shape::Text),
        ("controller", Shape::Bool),
        ("blockOwnerDeletion", Shape::Bool),
    ],
};
