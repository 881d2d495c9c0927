//! Nothing is copied but what an expression asks for: an object is a reference, a text is borrowed.

use std::sync::OnceLock;

use cel::{
    ExecutionError,
    common::{
        traits::{Container, Indexer, Iterable, Iterator as Keys, Sizer},
        types::{BOOL_TYPE, CelBool, CelInt, CelList, CelNull, CelString, MAP_TYPE, Type},
        value::{CowVal, Val},
    },
};
use event::{
    Event, Involved, Metadata, ObjectRef, OwnerReference, Series, Source, Text, event::TextMap,
    time,
};
use go_regex::Pattern;
use jiff::Timestamp;

/// A struct of an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'e>(Kind<'e>);

#[derive(Debug, Clone, Copy)]
enum Kind<'e> {
    Event(&'e Event),
    Metadata(&'e Metadata),
    Source(&'e Source),
    Series(&'e Series),
    Reference(&'e ObjectRef),
    Involved(&'e Involved),
    Owner(&'e OwnerReference),
}

/// A value of a field.
type Field<'e> = Box<dyn Val + 'e>;

impl<'e> Part<'e> {
    pub(super) fn event(event: &'e Event) -> Self {
        Self(Kind::Event(event))
    }

    /// The value of a field; nothing when there is none.
    pub(super) fn field(&self, name: &str) -> Option<Field<'e>> {
        match self.0 {
            Kind::Event(it) => of_event(it, name),
            Kind::Metadata(it) => of_metadata(it, name),
            Kind::Source(it) => match name {
                "component" => Some(text(&it.component)),
                "host" => Some(text(&it.host)),
                _ => None,
            },
            Kind::Series(it) => match name {
                "count" => Some(number(it.count.into())),
                "lastObservedTime" => Some(moment(it.last_observed_time, time::write_micros)),
                _ => None,
            },
            Kind::Reference(it) => of_reference(it, name),
            Kind::Involved(it) => of_involved(it, name),
            Kind::Owner(it) => match name {
                "apiVersion" => Some(text(&it.api_version)),
                "kind" => Some(text(&it.kind)),
                "name" => Some(text(&it.name)),
                "uid" => Some(text(&it.uid)),
                "controller" => it.controller.map(bool),
                "blockOwnerDeletion" => it.block_owner_deletion.map(bool),
                _ => None,
            },
        }
    }
}

fn of_event<'e>(it: &'e Event, name: &str) -> Option<Field<'e>> {
    Some(match name {
        "metadata" => part(Kind::Metadata(&it.metadata)),
        "reason" => text(&it.reason),
        "message" => text(&it.message),
        "source" => part(Kind::Source(&it.source)),
        "firstTimestamp" => moment(it.first_timestamp, time::write_seconds),
        "lastTimestamp" => moment(it.last_timestamp, time::write_seconds),
        "count" => number(it.count.into()),
        "type" => text(&it.kind),
        "eventTime" => moment(it.event_time, time::write_micros),
        "series" => part(Kind::Series(it.series.as_ref()?)),
        "action" => text(&it.action),
        "related" => part(Kind::Reference(it.related.as_ref()?)),
        "reportingComponent" => text(&it.reporting_component),
        "reportingInstance" => text(&it.reporting_instance),
        "clusterName" => text(&it.cluster_name),
        "involvedObject" => part(Kind::Involved(&it.involved)),
        _ => return None,
    })
}

fn of_metadata<'e>(it: &'e Metadata, name: &str) -> Option<Field<'e>> {
    Some(match name {
        "name" => text(&it.name),
        "generateName" => text(&it.generate_name),
        "namespace" => text(&it.namespace),
        "selfLink" => text(&it.self_link),
        "uid" => text(&it.uid),
        "resourceVersion" => text(&it.resource_version),
        "generation" => number(it.generation),
        "creationTimestamp" => moment(it.creation_timestamp, time::write_seconds),
        "deletionTimestamp" => moment(it.deletion_timestamp, time::write_seconds),
        "labels" => texts(&it.labels),
        "annotations" => texts(&it.annotations),
        "ownerReferences" => owners(&it.owner_references),
        "finalizers" => list(it.finalizers.iter().map(text)),
        _ => return None,
    })
}

fn of_reference<'e>(it: &'e ObjectRef, name: &str) -> Option<Field<'e>> {
    Some(match name {
        "kind" => text(&it.kind),
        "namespace" => text(&it.namespace),
        "name" => text(&it.name),
        "uid" => text(&it.uid),
        "apiVersion" => text(&it.api_version),
        "resourceVersion" => text(&it.resource_version),
        "fieldPath" => text(&it.field_path),
        _ => return None,
    })
}

fn of_involved<'e>(it: &'e Involved, name: &str) -> Option<Field<'e>> {
    Some(match name {
        "labels" => texts(&it.labels),
        "annotations" => texts(&it.annotations),
        "ownerReferences" => owners(&it.owner_references),
        "deleted" => bool(it.deleted),
        "ownerChain" => owners(&it.owner_chain),
        "namespaceLabels" => texts(&it.namespace_labels),
        name => return of_reference(&it.reference, name),
    })
}

fn part(kind: Kind<'_>) -> Field<'_> {
    Box::new(Part(kind))
}

fn text(text: &Text) -> Field<'_> {
    Box::new(CelString::from(text.as_str()))
}

fn number<'e>(number: i64) -> Field<'e> {
    Box::new(CelInt::from(number))
}

fn bool<'e>(bool: bool) -> Field<'e> {
    Box::new(CelBool::from(bool))
}

fn moment<'e>(time: Option<Timestamp>, write: fn(&mut Vec<u8>, Timestamp)) -> Field<'e> {
    let Some(time) = time else { return Box::new(CelNull) };
    let mut bytes = Vec::with_capacity(27);
    write(&mut bytes, time);
    Box::new(CelString::from(String::from_utf8(bytes).unwrap_or_default()))
}

fn texts(map: &TextMap) -> Field<'_> {
    Box::new(Texts { map, keys: OnceLock::new() })
}

fn owners(owners: &[OwnerReference]) -> Field<'_> {
    list(owners.iter().map(|owner| part(Kind::Owner(owner))))
}

fn list<'e>(items: impl Iterator<Item = Field<'e>>) -> Field<'e> {
    Box::new(CelList::from(items.collect::<Vec<_>>()))
}

fn key_of(key: &dyn Val) -> Result<&str, ExecutionError> {
    let text = key.downcast_ref::<CelString<'_>>();
    text.map(CelString::inner).ok_or_else(|| ExecutionError::no_such_key("key that is no text"))
}

impl Val for Part<'_> {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
}

impl Indexer for Part<'_> {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let key = key_of(key)?;
        self.field(key).map(CowVal::Owned).ok_or_else(|| ExecutionError::no_such_key(key))
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let key = key_of(key)?;
        self.field(key)
            .map(|it| it as Box<dyn Val + 'v>)
            .ok_or_else(|| ExecutionError::no_such_key(key))
    }
}

/// Labels or annotations.
#[derive(Debug)]
struct Texts<'e> {
    map: &'e TextMap,
    /// For loops, which want to borrow.
    keys: OnceLock<Vec<CelString<'e>>>,
}

impl Val for Texts<'_> {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(Self { map: self.map, keys: OnceLock::new() })
    }
}

impl Indexer for Texts<'_> {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let key = key_of(key)?;
        let found = self.map.get(key).ok_or_else(|| ExecutionError::no_such_key(key))?;
        Ok(CowVal::Owned(text(found)))
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let key = key_of(key)?;
        let found = self.map.get(key).ok_or_else(|| ExecutionError::no_such_key(key))?;
        Ok(text(found))
    }
}

impl Container for Texts<'_> {
    fn contains(&self, key: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.map.contains_key(key_of(key)?))
    }
}

impl Sizer for Texts<'_> {
    fn size(&self) -> CelInt {
        i64::try_from(self.map.len()).unwrap_or(i64::MAX).into()
    }
}

impl Iterable for Texts<'_> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn Keys<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        let keys = || self.map.keys().map(|key| CelString::from(key.as_str())).collect();
        Box::new(Names(self.keys.get_or_init(keys).iter()))
    }
}

struct Names<'b, 'e>(std::slice::Iter<'b, CelString<'e>>);

impl<'b, 'v, 'e: 'v> Keys<'b, 'v> for Names<'b, 'e> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.0.next().map(|key| key as &(dyn Val + 'v))
    }
}

/// A pattern: `text.matches("…")` is read as whether the text is in it.
#[derive(Debug, Clone)]
pub(super) struct Wanted(pub(super) Pattern);

impl Val for Wanted {
    fn get_type(&self) -> &Type {
        &BOOL_TYPE
    }

    fn cel_type() -> &'static Type {
        &BOOL_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
}

impl Container for Wanted {
    fn contains(&self, text: &dyn Val) -> Result<bool, ExecutionError> {
        let text = text.downcast_ref::<CelString<'_>>();
        let text = text.ok_or_else(ExecutionError::missing_argument_or_target)?;
        Ok(self.0.is_match(text.inner()))
    }
}
