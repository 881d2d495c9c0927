//! The tree of a template. Nodes print as Go prints them, because errors show them.

use std::fmt;

use super::Number;
use crate::{function::Function, quote, value::Str};

/// A place in the template, in bytes.
pub(crate) type Pos = usize;

/// Something that prints or decides.
#[derive(Debug)]
pub(crate) enum Node {
    Text(Pos, Box<str>),
    Action(Pos, Pipe),
    Break,
    Continue,
    If(Branch),
    With(Branch),
    Range(Branch),
    Template(Call),
}

/// `{{template "name" pipe}}`, also of a block.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) pos: Pos,
    pub(crate) name: Box<str>,
    pub(crate) pipe: Option<Pipe>,
}

/// `if`, `with` or `range`.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pipe: Pipe,
    pub(crate) list: Vec<Node>,
    pub(crate) or_else: Vec<Node>,
}

/// Commands, each of which gets the result of the one before as its last argument.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) pos: Pos,
    /// `=` in place of `:=`.
    pub(crate) assign: bool,
    pub(crate) declared: Vec<Variable>,
    pub(crate) commands: Vec<Command>,
}

/// A function or a value, and its arguments.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) args: Vec<Expr>,
}

/// A variable and where it is named.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    /// Names are numbered; `$` is 0.
    pub(crate) id: usize,
    pub(crate) name: Box<str>,
}

/// A value to compute.
#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) pos: Pos,
    pub(crate) term: Term,
}

/// What a value is computed from.
#[derive(Debug)]
pub(crate) enum Term {
    Field(Vec<Box<str>>),
    /// Fields of something that is neither a field nor a variable.
    Chain(Box<Expr>, Vec<Box<str>>),
    /// A function, and whether it is one of text/template itself.
    Function(&'static Function, bool),
    Pipe(Pipe),
    Variable(Variable, Vec<Box<str>>),
    Bool(bool),
    Dot,
    Nil,
    Number(Number),
    /// As written, and what it means.
    String(Box<str>, Constant),
}

/// The value of a literal.
#[derive(Debug)]
pub(crate) enum Constant {
    Text(Box<str>),
    Bytes(Box<[u8]>),
}

impl Constant {
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text.into()),
            Err(error) => Self::Bytes(error.into_bytes().into()),
        }
    }

    pub(crate) fn value(&self) -> Str<'_> {
        match self {
            Self::Text(text) => Str::Borrowed(text),
            Self::Bytes(bytes) => Str::from_bytes(bytes),
        }
    }
}

/// Whether nothing but space would be printed: such a definition gives way to another.
pub(crate) fn is_empty(nodes: &[Node]) -> bool {
    nodes.iter().all(|node| match node {
        Node::Text(_, text) => text.trim().is_empty(),
        _ => false,
    })
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{template {}", quote::quote(self.name.as_bytes(), false))?;
        if let Some(pipe) = &self.pipe {
            write!(f, " {pipe}")?;
        }
        f.write_str("}}")
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, variable) in self.declared.iter().enumerate() {
            f.write_str(if index > 0 { ", " } else { "" })?;
            f.write_str(&variable.name)?;
        }
        if !self.declared.is_empty() {
            f.write_str(if self.assign { " = " } else { " := " })?;
        }
        for (index, command) in self.commands.iter().enumerate() {
            f.write_str(if index > 0 { " | " } else { "" })?;
            write!(f, "{command}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, arg) in self.args.iter().enumerate() {
            f.write_str(if index > 0 { " " } else { "" })?;
            match &arg.term {
                Term::Pipe(pipe) => write!(f, "({pipe})")?,
                _ => write!(f, "{arg}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = |f: &mut fmt::Formatter<'_>, fields: &[Box<str>]| {
            fields.iter().try_for_each(|field| write!(f, ".{field}"))
        };
        match &self.term {
            Term::Field(names) => fields(f, names),
            Term::Chain(inner, names) => {
                match &inner.term {
                    Term::Pipe(pipe) => write!(f, "({pipe})")?,
                    _ => write!(f, "{inner}")?,
                }
                fields(f, names)
            }
            Term::Function(function, _) => f.write_str(function.name),
            Term::Pipe(pipe) => write!(f, "{pipe}"),
            Term::Variable(variable, names) => {
                f.write_str(&variable.name)?;
                fields(f, names)
            }
            Term::Bool(bool) => write!(f, "{bool}"),
            Term::Dot => f.write_str("."),
            Term::Nil => f.write_str("nil"),
            Term::Number(number) => f.write_str(&number.text),
            Term::String(quoted, _) => f.write_str(quoted),
        }
    }
}
