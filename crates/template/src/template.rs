//! A template: read once, executed for every event.

use std::fmt;

use thiserror::Error;

use crate::{
    context::{Context, MAX_BYTES},
    exec::State,
    functions,
    parse::{self, node::Node},
    patterns::{Patterns, Remembering},
    value::{Value, lossy},
};

/// A template that has been read.
#[derive(Debug)]
pub struct Template {
    name: Box<str>,
    text: Box<str>,
    trees: Vec<(Box<str>, Vec<Node>)>,
    patterns: Patterns,
}

/// A template that cannot be read, in Go's words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("template: {name}:{line}: {text}")]
pub struct ParseError {
    /// The name it was given.
    pub name: String,
    /// The line in the text, from 1.
    pub line: usize,
    /// What is wrong.
    pub text: String,
}

/// A template that failed on this data, in Go's words: where, in what, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct ExecError {
    text: String,
}

impl ExecError {
    pub(crate) fn new(text: String) -> Self {
        Self { text }
    }
}

impl Template {
    /// Reads a template. The name appears in errors.
    pub fn parse(name: &str, text: &str) -> Result<Self, ParseError> {
        let trees = parse::parse(name, text, &functions::find).map_err(|error| ParseError {
            name: name.to_owned(),
            line: error.line,
            text: error.text,
        })?;
        let patterns = Patterns::default();
        Ok(Self { name: name.into(), text: text.into(), trees: trees.trees, patterns })
    }

    /// The name it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it prints for this data. Bytes that are no text are U+FFFD, as in Go's JSON.
    pub fn execute<'a>(
        &'a self,
        data: &Value<'a>,
        context: &Context<'_>,
    ) -> Result<String, ExecError> {
        let mut out = Vec::with_capacity(self.text.len());
        self.write(&mut out, data, context)?;
        Ok(String::from_utf8(out).unwrap_or_else(|error| lossy(error.as_bytes())))
    }

    /// Appends what it prints for this data, at most [`MAX_BYTES`]. After an error, `out` holds what came
    /// before.
    pub fn write<'a>(
        &'a self,
        out: &mut Vec<u8>,
        data: &Value<'a>,
        context: &Context<'_>,
    ) -> Result<(), ExecError> {
        let limit = out.len().saturating_add(MAX_BYTES);
        let environment =
            Remembering { environment: context.environment, patterns: &self.patterns };
        let context = Context { environment: &environment, ..*context };
        State::new(self, &context, out, limit).run(data)
    }

    /// The text, if it is nothing but text: nothing needs to be executed then.
    pub fn plain(&self) -> Option<&str> {
        match &self.trees[0].1[..] {
            [] => Some(""),
            [Node::Text(_, text)] => Some(text),
            _ => None,
        }
    }

    pub(crate) fn tree(&self, name: &str) -> Option<(&str, &[Node])> {
        let (name, nodes) = self.trees.iter().find(|(known, _)| **known == *name)?;
        Some((name, nodes))
    }

    pub(crate) fn trees(&self) -> &[(Box<str>, Vec<Node>)] {
        &self.trees
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
