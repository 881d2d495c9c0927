//! Template text to tree. Source: Go's `text/template/parse`; the errors are worded as there.
//!
//! Written here because what execution says depends on every node's place and text, which the parsers
//! that exist as crates do not keep.

/// Characters to tokens.
mod lexer;

/// Numbers, which are several types at once.
mod number;

/// The tree.
pub(crate) mod node;

/// Tokens to tree.
mod parser;

pub(crate) use number::Number;
pub(crate) use parser::parse;
