//! Go's text/template with sprig, over typed values: text and data to text, and nothing else.
//!
//! What a template prints, and how it fails, is what Go prints and says (text/template of Go 1.26), so
//! that a config written for a program in Go gives the same bytes. Nothing here knows what the data
//! is, reads a clock, a file or the environment: all that comes through [`Context`].

/// What a template computes with.
pub mod value;

/// What a template can call.
pub mod function;

/// What a template may ask of the world around it.
pub mod context;

/// Go's `time.Time`.
pub mod time;

/// Go's `fmt`.
pub mod fmt;

/// A template, read once.
pub mod template;

/// What of its data a template can read.
pub mod inspect;

/// The functions of text/template itself.
mod builtins;

/// Executes a tree.
mod exec;

/// Every function by name.
mod functions;

/// Reads a template.
mod parse;

/// Regular expressions that a template remembers.
mod patterns;

/// Go's string literals.
mod quote;

/// The functions of sprig.
mod sprig;

pub use context::{Context, Environment, Sealed};
pub use function::{CallError, Function, Type};
pub use inspect::Read;
pub use patterns::Patterns;
pub use template::{ExecError, ParseError, Template};
pub use time::{Time, Zone};
pub use value::{
    Class, IntType, Kind, List, Map, MapClass, NilPointer, NilString, Object, Str, Struct,
    UintType, Value,
};
