use std::{any::Any, rc::Rc};

use event::Event;
use template::{Class, Function, List, Map, Object, Str, Struct, Value};

use super::enhanced::ENHANCED_EVENT;

/// A struct within an event that belongs to the template: its path from the event on.
#[derive(Debug, Clone)]
struct Copied {
    event: Rc<Event>,
    path: Vec<Step>,
}

/// A field by its name, or an element of a list.
#[derive(Debug, Clone)]
enum Step {
    Field(&'static str),
    Item(usize),
}

/// An event that belongs to the template.
pub(super) fn whole<'a>(event: Event) -> Value<'a> {
    Value::Object(Rc::new(Copied { event: Rc::new(event), path: Vec::new() }))
}

impl Copied {
    /// The struct, where it lies in the event.
    fn here(&self) -> Option<Struct<'_>> {
        let mut value = Value::Struct(Struct::new(&ENHANCED_EVENT, &*self.event));
        for step in &self.path {
            value = match (step, value) {
                (Step::Field(name), Value::Struct(object)) => object.field(name)?,
                (Step::Item(index), Value::List(list)) => list.items().get(*index)?.clone(),
                _ => return None,
            };
        }
        match value {
            Value::Struct(object) => Some(object),
            _ => None,
        }
    }

    fn class(&self) -> &'static dyn Class {
        self.here().map_or(&ENHANCED_EVENT as &dyn Class, |object| object.class())
    }

    fn inner(&self, step: Step) -> Self {
        let mut path = self.path.clone();
        path.push(step);
        Self { event: Rc::clone(&self.event), path }
    }

    /// A value of this struct that needs the event no more.
    fn own<'a>(&self, name: &'static str, value: &Value<'_>) -> Value<'a> {
        let text = |text: &Str<'_>| Str::from_bytes(text.as_bytes());
        match value {
            Value::Bool(bool) => Value::Bool(*bool),
            Value::Int(ty, number) => Value::Int(*ty, *number),
            Value::Uint(ty, number) => Value::Uint(*ty, *number),
            Value::Float(number) => Value::Float(*number),
            Value::Str(it) => Value::Str(text(it)),
            Value::Named(ty, it) => Value::Named(ty, text(it)),
            Value::Bytes(bytes) => Value::Bytes(Rc::clone(bytes)),
            Value::Time(time) => Value::Time(time.clone()),
            Value::NilPointer(pointer) => Value::NilPointer(*pointer),
            Value::Pointer(inner) => Value::Pointer(Rc::new(self.own(name, inner))),
            Value::Map(map) if map.is_nil() => Value::Map(Map::Nil(map.type_name())),
            Value::Map(map) => {
                let entries = map.entries();
                let entries = entries.iter().map(|(key, value)| (text(key), self.own(name, value)));
                Value::Map(Map::of(map.type_name(), entries))
            }
            Value::List(list) if list.is_nil() => Value::List(List::nil(list.type_name())),
            Value::List(list) => {
                let items = list.items().iter().enumerate().map(|(index, item)| match item {
                    Value::Struct(_) => Value::Object(Rc::new(
                        self.inner(Step::Field(name)).inner(Step::Item(index)),
                    )),
                    item => self.own(name, item),
                });
                let items: Rc<[_]> = items.collect();
                Value::List(List::of(list.type_name(), items))
            }
            Value::Struct(_) => Value::Object(Rc::new(self.inner(Step::Field(name)))),
            Value::Object(_) | Value::Nil => Value::Nil,
            Value::Invalid => Value::Invalid,
        }
    }
}

/// Every name that a field of ours can have, for it has to live as long as the program.
fn known(class: &dyn Class, name: &str) -> Option<&'static str> {
    NAMES.iter().find(|known| **known == name && class.has_field(known)).copied()
}

const NAMES: &[&str] = &[
    "Event",
    "ClusterName",
    "InvolvedObject",
    "TypeMeta",
    "ObjectMeta",
    "Reason",
    "Message",
    "Source",
    "FirstTimestamp",
    "LastTimestamp",
    "Count",
    "Type",
    "EventTime",
    "Series",
    "Action",
    "Related",
    "ReportingController",
    "ReportingInstance",
    "Name",
    "GenerateName",
    "Namespace",
    "SelfLink",
    "UID",
    "ResourceVersion",
    "Generation",
    "CreationTimestamp",
    "DeletionTimestamp",
    "DeletionGracePeriodSeconds",
    "Labels",
    "Annotations",
    "OwnerReferences",
    "Finalizers",
    "ManagedFields",
    "Kind",
    "APIVersion",
    "FieldPath",
    "Deleted",
    "OwnerChain",
    "RootOwner",
    "NamespaceLabels",
    "Enrichment",
    "ID",
    "Epoch",
    "Occurrences",
    "Component",
    "Host",
    "LastObservedTime",
    "Time",
    "Controller",
    "BlockOwnerDeletion",
    "ObjectReference",
    "Before",
    "After",
    "Added",
];

/// The pointers that an event has, by what they point to.
const POINTERS: &[&str] =
    &["*v1.EventSeries", "*v1.ObjectReference", "*v1.OwnerReference", "*v1.Time"];

/// Methods of the pointer to a time, which hide those of the Go time in it. The copy is none that Go would take the
/// address of.
const HIDDEN: &[&str] = &["IsZero", "Before", "Equal"];

impl Object for Copied {
    fn type_name(&self) -> &'static str {
        let name = self.class().name();
        let pointers = || POINTERS.iter().find(|it| it.strip_prefix('*') == Some(name));
        let is_pointer = self.here().is_some_and(|object| object.pointer());
        is_pointer.then(pointers).flatten().map_or(name, |pointer| pointer)
    }

    fn string(&self) -> Option<String> {
        let object = self.here()?;
        let mut out = Vec::new();
        let has = object.class().string(object.data(), object.pointer(), &mut out);
        has.then(|| String::from_utf8(out).ok()).flatten()
    }

    fn embedded<'a>(&self, name: &str) -> Option<Value<'a>> {
        let object = self.here()?;
        if !object.pointer() && HIDDEN.contains(&name) {
            return None;
        }
        match object.class().embedded(object.data())? {
            Value::Time(time) => Some(Value::Time(time)),
            _ => None,
        }
    }

    fn field<'a>(&self, name: &str) -> Option<Value<'a>> {
        let object = self.here()?;
        let name = known(object.class(), name)?;
        Some(self.own(name, &object.field(name)?))
    }

    fn method(&self, _: &str) -> Option<&'static Function> {
        None
    }

    fn fields<'a>(&self) -> Vec<(&'static str, Value<'a>)> {
        let Some(object) = self.here() else { return Vec::new() };
        let fields = object.fields();
        fields.iter().map(|(name, value)| (*name, self.own(name, value))).collect()
    }

    fn json(&self) -> Option<String> {
        let object = self.here()?;
        let mut out = Vec::new();
        let written = object.class().json(object.data(), &mut out);
        written.then(|| String::from_utf8(out).ok()).flatten()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
