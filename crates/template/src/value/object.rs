use std::{any::Any, fmt};

use super::{Str, Value};
use crate::function::Function;

/// A struct of the data, or a pointer to one: where it lies, and how to read it.
#[derive(Clone, Copy)]
pub struct Struct<'a> {
    class: &'static dyn Class,
    data: &'a dyn Any,
    pointer: bool,
    /// Went through a function as an `interface {}`, so that Go knows no pointer to it.
    boxed: bool,
}

/// How to read a struct of the data. Each method is given the data that the [`Struct`] was made with.
pub trait Class: Sync {
    /// The name of the struct's type, for example `v1.ObjectMeta`.
    fn name(&self) -> &'static str;

    /// The value of a field, promoted ones too.
    fn field<'a>(&self, data: &'a dyn Any, name: &str) -> Option<Value<'a>>;

    /// Whether there is such a field; asked of a nil pointer.
    fn has_field(&self, name: &str) -> bool;

    /// A method, promoted ones too; its first argument is the struct itself. Methods win over fields.
    fn method(&self, name: &str) -> Option<&'static Function> {
        let _ = name;
        None
    }

    /// An embedded struct whose methods and fields are promoted, where [`Self::field`] and
    /// [`Self::method`] do not name them.
    fn embedded<'a>(&self, data: &'a dyn Any) -> Option<Value<'a>> {
        let _ = data;
        None
    }

    /// Appends what `String` gives, of structs that have it; tells whether this one has. Some have it only
    /// where their pointer is known.
    fn string(&self, data: &dyn Any, pointer: bool, out: &mut Vec<u8>) -> bool {
        let _ = (data, pointer, out);
        false
    }

    /// What `String` gives of a nil pointer.
    fn nil_string(&self) -> NilString {
        NilString::None
    }

    /// Whether two of these structs are equal, as `==` compares structs.
    fn same(&self, one: &dyn Any, other: &dyn Any) -> bool {
        std::ptr::addr_eq(std::ptr::from_ref(one), std::ptr::from_ref(other))
    }

    /// Appends the JSON that Go's `encoding/json` writes, of structs that have a form of their own; tells
    /// whether this one has.
    fn json(&self, data: &dyn Any, out: &mut Vec<u8>) -> bool {
        let _ = (data, out);
        false
    }

    /// The fields in the order of the type, as `%v` shows them.
    fn fields<'a>(&self, data: &'a dyn Any) -> Vec<(&'static str, Value<'a>)>;
}

/// What `String` of a nil pointer to a struct gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NilString {
    /// The struct has no such method.
    None,
    /// The method takes it.
    Text(&'static str),
    /// The method is one of the struct itself, so there is nothing to call it on: Go panics, which `fmt` prints as
    /// `<nil>`, and what calls the method by itself fails.
    Panics,
}

impl<'a> Struct<'a> {
    /// A struct.
    pub fn new(class: &'static dyn Class, data: &'a dyn Any) -> Self {
        Self { class, data, pointer: false, boxed: false }
    }

    /// A pointer to a struct.
    pub fn pointer_to(class: &'static dyn Class, data: &'a dyn Any) -> Self {
        Self { class, data, pointer: true, boxed: false }
    }

    /// Whether it is a pointer.
    pub fn pointer(&self) -> bool {
        self.pointer
    }

    /// What it points to, or itself.
    #[must_use]
    pub fn pointee(self) -> Self {
        Self { pointer: false, ..self }
    }

    /// As functions get it.
    pub(crate) fn boxed(self) -> Self {
        Self { boxed: !self.pointer, ..self }
    }

    /// Whether methods of its pointer can be called.
    pub(crate) fn has_address(&self) -> bool {
        self.pointer || !self.boxed
    }

    /// How to read it.
    pub fn class(&self) -> &'static dyn Class {
        self.class
    }

    /// Where it lies.
    pub fn data(&self) -> &'a dyn Any {
        self.data
    }

    /// For example `*kube.EnhancedEvent`.
    pub fn type_name(&self) -> Str<'static> {
        if self.pointer {
            Str::from(format!("*{}", self.class.name()))
        } else {
            Str::from(self.class.name())
        }
    }

    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<Value<'a>> {
        self.class.field(self.data, name)
    }

    /// The fields in the order of the type.
    pub fn fields(&self) -> Vec<(&'static str, Value<'a>)> {
        self.class.fields(self.data)
    }
}

/// A struct that a function made, for example sprig's `semver`.
pub trait Object: fmt::Debug {
    /// For example `*semver.Version`.
    fn type_name(&self) -> &'static str;

    /// The value of a field.
    fn field<'a>(&self, name: &str) -> Option<Value<'a>> {
        let _ = name;
        None
    }

    /// A method; its first argument is the struct itself.
    fn method(&self, name: &str) -> Option<&'static Function> {
        let _ = name;
        None
    }

    /// An embedded value of which the method `name` is promoted.
    fn embedded<'a>(&self, name: &str) -> Option<Value<'a>> {
        let _ = name;
        None
    }

    /// What `String` gives, of structs that have it.
    fn string(&self) -> Option<String> {
        None
    }

    /// The fields in the order of the type, as `%v` shows them.
    fn fields<'a>(&self) -> Vec<(&'static str, Value<'a>)> {
        Vec::new()
    }

    /// The JSON that Go's `encoding/json` writes, of structs that have a form of their own.
    fn json(&self) -> Option<String> {
        None
    }

    /// For the methods to find their struct again.
    fn as_any(&self) -> &dyn Any;
}

impl fmt::Debug for Struct<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.type_name().to_str())
    }
}

impl fmt::Debug for dyn Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
