//! Regular expressions that match what Go's `regexp` matches.
//!
//! A search is not anchored and respects case. Both libraries descend from RE2, but their syntaxes
//! differ in many places (`go_regexp.tsv` lists them with Go's verdicts), so a pattern is parsed
//! as Go parses it and written anew for the `regex` crate. What Go rejects never matches; it is not
//! repaired, because a rule that begins to match changes what an old configuration does.
//!
//! Three differences remain: characters of Unicode versions newer than Go's have their properties
//! here; scripts whose names have an underscore are known (Go 1.25 lost them); and patterns nested
//! more than about a hundred levels deep, or larger than 32 MiB when compiled, are refused.
//!
//! [`Pattern`] answers whether a text matches, as fast as it can: rules of routing. [`Regex`] also
//! says where: functions of templates.

mod pattern;

mod search;

mod expand;

mod go;

mod escape;

mod class;

mod names;

mod invalid;

pub use invalid::Invalid;
pub use pattern::{Pattern, Place};
pub use search::Regex;

#[cfg(test)]
mod tests;
