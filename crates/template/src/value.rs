//! A value with the Go type it would have had: templates print types, compare by kind and fail by type.
//!
//! Values are read where they lie: text, maps and structs of the data are borrowed, what functions make
//! is shared. A clone costs a counter at most.

/// Text: bytes that are almost always UTF-8.
mod text;

/// Slices.
mod list;

/// Maps with string keys.
mod map;

/// Structs, their fields and methods.
mod object;

/// Lets go of deeply nested values without a deep stack.
mod release;

use std::rc::Rc;

pub(crate) use self::text::lossy;
pub use self::{
    list::List,
    map::{Dict, Map, MapClass},
    object::{Class, NilString, Object, Struct},
    text::Str,
};
use crate::time::Time;

/// How deep functions that walk into values go before they give up with an error. A value can be nested
/// deeper than a stack can walk.
pub const MAX_DEPTH: usize = 128;

/// A value in a template.
#[derive(Debug, Clone, Default)]
pub enum Value<'a> {
    /// No value at all, for example a key that a map does not have. Prints `<no value>`.
    #[default]
    Invalid,
    /// A nil interface, for example `null` inside JSON. Functions get it in place of [`Self::Invalid`].
    Nil,
    /// `bool`.
    Bool(bool),
    /// A signed integer; the type says which.
    Int(IntType, i64),
    /// An unsigned integer; the type says which.
    Uint(UintType, u64),
    /// `float64`.
    Float(f64),
    /// `string`.
    Str(Str<'a>),
    /// A named string type, for example `types.UID`. Functions that want a `string` refuse it, as in Go.
    Named(&'static str, Str<'a>),
    /// `[]uint8`.
    Bytes(Rc<[u8]>),
    /// A slice.
    List(List<'a>),
    /// A map with string keys.
    Map(Map<'a>),
    /// `time.Time`.
    Time(Time),
    /// A struct of the data, or a pointer to one.
    Struct(Struct<'a>),
    /// A struct that a function made.
    Object(Rc<dyn Object>),
    /// A pointer to something that is no struct, for example `*bool`.
    Pointer(Rc<Self>),
    /// A nil pointer of this type, for example `*v1.EventSeries`.
    NilPointer(NilPointer),
}

/// The type of a nil pointer.
#[derive(Debug, Clone, Copy)]
pub enum NilPointer {
    /// A pointer to a struct: an unknown field is told from a known one.
    Struct(&'static dyn Class),
    /// A pointer to something else; the name is that of the pointer type, for example `*bool`.
    Plain(&'static str),
}

/// Signed integer types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntType {
    /// `int`, 64 bits.
    Int,
    /// `int8`.
    Int8,
    /// `int16`.
    Int16,
    /// `int32`, also runes.
    Int32,
    /// `int64`.
    Int64,
    /// `time.Duration`: nanoseconds.
    Duration,
    /// `time.Month`, from 1.
    Month,
    /// `time.Weekday`, Sunday is 0.
    Weekday,
}

/// Unsigned integer types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UintType {
    /// `uint`, 64 bits.
    Uint,
    /// `uint8`, also bytes.
    Uint8,
    /// `uint16`.
    Uint16,
    /// `uint32`.
    Uint32,
    /// `uint64`.
    Uint64,
}

impl IntType {
    /// The name that `%T` prints.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Duration => "time.Duration",
            Self::Month => "time.Month",
            Self::Weekday => "time.Weekday",
        }
    }
}

impl UintType {
    /// The name that `%T` prints.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uint => "uint",
            Self::Uint8 => "uint8",
            Self::Uint16 => "uint16",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
        }
    }
}

/// `reflect.Kind`, as far as values here have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No value.
    Invalid,
    /// A nil interface; any other interface is the value in it.
    Interface,
    /// `bool`.
    Bool,
    /// A signed integer.
    Int(&'static str),
    /// An unsigned integer.
    Uint(&'static str),
    /// `float64`.
    Float,
    /// Any string type.
    String,
    /// A slice, bytes too.
    Slice,
    /// A map.
    Map,
    /// A struct.
    Struct,
    /// A pointer.
    Pointer,
}

impl Kind {
    /// The word that `reflect.Kind.String` prints; sprig's `kindOf` shows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Interface => "interface",
            Self::Bool => "bool",
            Self::Int(name) | Self::Uint(name) => name,
            Self::Float => "float64",
            Self::String => "string",
            Self::Slice => "slice",
            Self::Map => "map",
            Self::Struct => "struct",
            Self::Pointer => "ptr",
        }
    }
}

impl<'a> Value<'a> {
    /// An `int`.
    pub fn int(number: i64) -> Self {
        Self::Int(IntType::Int, number)
    }

    /// An `int64`.
    pub fn int64(number: i64) -> Self {
        Self::Int(IntType::Int64, number)
    }

    /// A `string`.
    pub fn str(text: impl Into<Str<'a>>) -> Self {
        Self::Str(text.into())
    }

    /// An `[]interface {}`.
    pub fn list(items: impl Into<Rc<[Self]>>) -> Self {
        Self::List(List::of(List::ANY, items))
    }

    /// A `[]string`.
    pub fn strings(items: impl IntoIterator<Item = Str<'a>>) -> Self {
        let items: Rc<[Self]> = items.into_iter().map(Self::Str).collect();
        Self::List(List::of(List::STRINGS, items))
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Invalid => Kind::Invalid,
            Self::Nil => Kind::Interface,
            Self::Bool(_) => Kind::Bool,
            Self::Int(IntType::Duration, _) => Kind::Int("int64"),
            Self::Int(IntType::Month | IntType::Weekday, _) => Kind::Int("int"),
            Self::Int(ty, _) => Kind::Int(ty.name()),
            Self::Uint(ty, _) => Kind::Uint(ty.name()),
            Self::Float(_) => Kind::Float,
            Self::Str(_) | Self::Named(..) => Kind::String,
            Self::Bytes(_) | Self::List(_) => Kind::Slice,
            Self::Map(_) => Kind::Map,
            Self::Struct(object) if object.pointer() => Kind::Pointer,
            Self::Object(object) if object.type_name().starts_with('*') => Kind::Pointer,
            Self::Time(_) | Self::Struct(_) | Self::Object(_) => Kind::Struct,
            Self::Pointer(_) | Self::NilPointer(_) => Kind::Pointer,
        }
    }

    /// The name that `%T` prints; of no value, `<nil>`.
    pub fn type_name(&self) -> Str<'static> {
        Str::from(match self {
            Self::Invalid => "<nil>",
            Self::Nil => "interface {}",
            Self::Bool(_) => "bool",
            Self::Int(ty, _) => ty.name(),
            Self::Uint(ty, _) => ty.name(),
            Self::Float(_) => "float64",
            Self::Str(_) => "string",
            Self::Named(name, _) | Self::NilPointer(NilPointer::Plain(name)) => name,
            Self::Bytes(_) => "[]uint8",
            Self::List(list) => list.type_name(),
            Self::Map(map) => map.type_name(),
            Self::Time(_) => "time.Time",
            Self::Struct(object) => return object.type_name(),
            Self::Object(object) => object.type_name(),
            Self::Pointer(value) => return Str::from(format!("*{}", value.type_name().to_str())),
            Self::NilPointer(NilPointer::Struct(class)) => {
                return Str::from(format!("*{}", class.name()));
            }
        })
    }

    /// Whether `if` and `with` take it for true: not the zero value of its type. Structs are true.
    pub fn truth(&self) -> bool {
        match self {
            Self::Invalid | Self::Nil | Self::NilPointer(_) => false,
            Self::Bool(bool) => *bool,
            Self::Int(_, number) => *number != 0,
            Self::Uint(_, number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Str(text) | Self::Named(_, text) => !text.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Time(_) | Self::Struct(_) | Self::Object(_) | Self::Pointer(_) => true,
        }
    }

    /// Whether it is nil: a nil interface, pointer, map or slice, or no value.
    pub fn is_nil(&self) -> bool {
        match self {
            Self::Invalid | Self::Nil | Self::NilPointer(_) => true,
            Self::List(list) => list.is_nil(),
            Self::Map(map) => map.is_nil(),
            _ => false,
        }
    }

    /// The text of any string type.
    pub fn as_str(&self) -> Option<&Str<'a>> {
        match self {
            Self::Str(text) | Self::Named(_, text) => Some(text),
            _ => None,
        }
    }

    /// The number of any signed integer type.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(_, number) => Some(*number),
            _ => None,
        }
    }

    /// What a pointer points to, through every pointer; itself when it is none, or a nil one.
    #[must_use]
    pub fn indirect(&self) -> Self {
        match self {
            Self::Pointer(value) => value.indirect(),
            Self::Struct(object) => Self::Struct(object.pointee()),
            value => value.clone(),
        }
    }
}

impl<'a> From<Str<'a>> for Value<'a> {
    fn from(text: Str<'a>) -> Self {
        Self::Str(text)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Str(text.into())
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Str(text.into())
    }
}

impl From<bool> for Value<'_> {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl<'a> From<Map<'a>> for Value<'a> {
    fn from(map: Map<'a>) -> Self {
        Self::Map(map)
    }
}

impl<'a> From<List<'a>> for Value<'a> {
    fn from(list: List<'a>) -> Self {
        Self::List(list)
    }
}
