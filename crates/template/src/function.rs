//! A function of a template, with the signature it has in Go: how many arguments and of which types is
//! checked, worded and converted by the executor, so that a function finds what it asked for.

use std::borrow::Cow;

use thiserror::Error;

use crate::{
    Context,
    value::{IntType, UintType, Value},
};

/// A function, or a method whose first argument is its receiver.
#[derive(Debug)]
pub struct Function {
    /// The name in a template.
    pub name: &'static str,
    /// The types of the parameters. Of a variadic function, the last is that of each further argument.
    pub params: &'static [Type],
    /// Takes any number of the last parameter, also none.
    pub variadic: bool,
    /// Computes it. The arguments have been checked against `params` and converted.
    pub call: Call,
}

/// What computes a function. An argument of type [`Type::Any`] is never [`Value::Invalid`]: what is
/// missing comes as [`Value::Nil`].
pub type Call = for<'a> fn(&Context<'_>, &[Value<'a>]) -> Result<Value<'a>, CallError>;

impl Function {
    /// A function with this many parameters.
    pub const fn new(name: &'static str, params: &'static [Type], call: Call) -> Self {
        Self { name, params, variadic: false, call }
    }

    /// A function that takes any number of its last parameter.
    pub const fn variadic(name: &'static str, params: &'static [Type], call: Call) -> Self {
        Self { name, params, variadic: true, call }
    }
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `interface {}`.
    Any,
    /// `reflect.Value`: the builtins; a missing value stays [`Value::Invalid`].
    Reflect,
    /// `string`; comes as [`Value::Str`].
    String,
    /// `bool`.
    Bool,
    /// A signed integer of exactly this type.
    Int(IntType),
    /// An unsigned integer of exactly this type.
    Uint(UintType),
    /// `float64`.
    Float64,
    /// `[]uint8`.
    Bytes,
    /// `[]string`, maybe nil.
    Strings,
    /// `[]interface {}`, maybe nil.
    List,
    /// `map[string]interface {}`, maybe nil.
    Dict,
    /// `time.Time`.
    Time,
    /// Some other type by its Go name, for example `sprig.certificate`. A name with `*` can be nil.
    Other(&'static str),
}

impl Type {
    /// The name in Go.
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Reflect => "reflect.Value",
            Self::String => "string",
            Self::Bool => "bool",
            Self::Int(ty) => ty.name(),
            Self::Uint(ty) => ty.name(),
            Self::Float64 => "float64",
            Self::Bytes => "[]uint8",
            Self::Strings => "[]string",
            Self::List => "[]interface {}",
            Self::Dict => "map[string]interface {}",
            Self::Time => "time.Time",
            Self::Other(name) => name,
        }
    }
}

/// Why a function could not compute. The executor puts `error calling NAME: ` before it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct CallError {
    text: Cow<'static, str>,
}

impl CallError {
    /// An error with the text that Go's function gives, also when it panics there.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self { text: text.into() }
    }
}
