//! Walks a tree with data and prints. Source: `text/template/exec.go`; the errors are worded as there.
//!
//! `node` is always what Go would name in an error, hence the many [`State::at`].

/// Computes pipelines, commands and fields.
mod eval;

/// Calls functions and methods.
mod call;

/// Arguments by the type of their parameter.
mod argument;

use crate::{
    context::{Context, MAX_STEPS},
    fmt,
    parse::node::{Branch, Call, Command, Expr, Node, Pipe, Pos, Variable},
    template::{ExecError, Template},
    value::{Kind, Value},
};

/// Deepest nesting of calls and blocks. Go allows 100 000 templates; a stack here is shorter.
const MAX_DEPTH: usize = 250;

type Result<T> = std::result::Result<T, ExecError>;

/// One execution.
pub(crate) struct State<'a, 'c, 'o> {
    template: &'a Template,
    /// The name of the tree that runs.
    tree: &'a str,
    context: &'c Context<'c>,
    out: &'o mut Vec<u8>,
    limit: usize,
    node: At<'a>,
    /// What `$` is.
    root: Value<'a>,
    /// Number and value, the newest last.
    variables: Vec<(usize, Value<'a>)>,
    depth: usize,
    steps: u64,
}

/// What an error would name.
#[derive(Clone, Copy)]
enum At<'a> {
    Nothing,
    Text(Pos),
    Action(Pos, &'a Pipe),
    Call(&'a Call),
    Pipe(&'a Pipe),
    Command(&'a Command),
    Expr(&'a Expr),
}

/// The arguments of a call.
struct Args<'v, 'a> {
    /// What `.` is in them.
    dot: &'v Value<'a>,
    exprs: &'a [Expr],
    /// The result of the command before, in a pipeline.
    last: Option<Value<'a>>,
}

impl<'v, 'a> Args<'v, 'a> {
    fn none(dot: &'v Value<'a>) -> Self {
        Self { dot, exprs: &[], last: None }
    }

    fn any(&self) -> bool {
        !self.exprs.is_empty() || self.last.is_some()
    }
}

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

impl<'a, 'c, 'o> State<'a, 'c, 'o> {
    pub(crate) fn new(
        template: &'a Template,
        context: &'c Context<'c>,
        out: &'o mut Vec<u8>,
        limit: usize,
    ) -> Self {
        Self {
            template,
            tree: template.name(),
            context,
            out,
            limit,
            node: At::Nothing,
            root: Value::Invalid,
            variables: Vec::new(),
            depth: 0,
            steps: 0,
        }
    }

    pub(crate) fn run(&mut self, data: &Value<'a>) -> Result<()> {
        let nodes = &self.template.trees()[0].1;
        self.root = data.clone();
        self.walk(data, nodes).map(drop)
    }

    fn at(&mut self, node: At<'a>) {
        self.node = node;
    }

    #[cold]
    fn error<T>(&self, text: impl AsRef<str>) -> Result<T> {
        let text = text.as_ref();
        let name = self.template.name();
        let (pos, shown) = match self.node {
            At::Nothing => return Err(ExecError::new(format!("template: {}: {text}", self.tree))),
            At::Text(pos) => (pos, "text".to_owned()),
            At::Action(pos, pipe) => (pos, format!("{{{{{pipe}}}}}")),
            At::Call(call) => (call.pos, call.to_string()),
            At::Pipe(pipe) => (pipe.pos, pipe.to_string()),
            At::Command(command) => (command.args[0].pos, command.to_string()),
            At::Expr(expr) => (expr.pos, expr.to_string()),
        };
        let before = &self.template.text()[..pos];
        let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
        let column = before.rfind('\n').map_or(pos, |newline| pos - newline - 1);
        let tree = crate::quote::quote(self.tree.as_bytes(), false);
        Err(ExecError::new(format!(
            "template: {name}:{line}:{column}: executing {tree} at <{shown}>: {text}"
        )))
    }

    /// Counts work, so that no template runs for ever.
    fn step(&mut self, steps: usize) -> Result<()> {
        self.steps = self.steps.saturating_add(steps as u64);
        if self.steps > MAX_STEPS {
            return self.error(format!("more than {MAX_STEPS} steps"));
        }
        Ok(())
    }

    fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.error(format!("exceeded maximum template depth ({MAX_DEPTH})"));
        }
        Ok(())
    }

    fn check_length(&self) -> Result<()> {
        if self.out.len() > self.limit {
            return self.error(format!("prints more than {} bytes", crate::context::MAX_BYTES));
        }
        Ok(())
    }

    fn walk(&mut self, dot: &Value<'a>, nodes: &'a [Node]) -> Result<Flow> {
        for node in nodes {
            self.step(1)?;
            match node {
                Node::Text(pos, text) => {
                    self.at(At::Text(*pos));
                    self.out.extend_from_slice(text.as_bytes());
                    self.check_length()?;
                }
                Node::Action(pos, pipe) => {
                    self.at(At::Action(*pos, pipe));
                    let value = self.pipeline(dot, pipe)?;
                    if pipe.declared.is_empty() {
                        self.at(At::Action(*pos, pipe));
                        let room = self.limit.saturating_sub(self.out.len());
                        fmt::print_value(self.out, &value, room);
                        self.check_length()?;
                    }
                }
                Node::Break => return Ok(Flow::Break),
                Node::Continue => return Ok(Flow::Continue),
                Node::If(branch) => {
                    let flow = self.branch(dot, branch, false)?;
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
                Node::With(branch) => {
                    let flow = self.branch(dot, branch, true)?;
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
                Node::Range(branch) => {
                    let flow = self.range(dot, branch)?;
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
                Node::Template(call) => self.template(dot, call)?,
            }
        }
        Ok(Flow::Next)
    }

    fn branch(&mut self, dot: &Value<'a>, branch: &'a Branch, with: bool) -> Result<Flow> {
        self.deeper()?;
        let mark = self.variables.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let flow = if !value.truth() {
            self.walk(dot, &branch.or_else)
        } else if with {
            self.walk(&value, &branch.list)
        } else {
            self.walk(dot, &branch.list)
        }?;
        self.variables.truncate(mark);
        self.depth -= 1;
        Ok(flow)
    }

    fn range(&mut self, dot: &Value<'a>, branch: &'a Branch) -> Result<Flow> {
        self.deeper()?;
        let outer = self.variables.len();
        let value = self.pipeline(dot, &branch.pipe)?.indirect();
        let mut ran = false;
        match &value {
            Value::List(list) => {
                for (index, item) in list.items().iter().enumerate() {
                    ran = true;
                    let index = Value::int(i64::try_from(index).unwrap_or(i64::MAX));
                    if self.iteration(branch, index, item)? {
                        break;
                    }
                }
            }
            Value::Bytes(bytes) => {
                for (index, byte) in bytes.iter().enumerate() {
                    ran = true;
                    let index = Value::int(i64::try_from(index).unwrap_or(i64::MAX));
                    let byte = Value::Uint(crate::UintType::Uint8, u64::from(*byte));
                    if self.iteration(branch, index, &byte)? {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                for (key, item) in map.entries() {
                    ran = true;
                    if self.iteration(branch, Value::Str(key), &item)? {
                        break;
                    }
                }
            }
            Value::Int(..) | Value::Uint(..) => ran = self.count(branch, &value)?,
            Value::Invalid => {}
            value => {
                let shown = fmt::string(value);
                return self.error(format!("range can't iterate over {shown}"));
            }
        }
        let flow = if ran { Flow::Next } else { self.walk(dot, &branch.or_else)? };
        self.variables.truncate(outer);
        self.depth -= 1;
        Ok(flow)
    }

    /// A range over a number: from 0 up to it.
    fn count(&mut self, branch: &'a Branch, value: &Value<'a>) -> Result<bool> {
        if branch.pipe.declared.len() > 1 {
            let shown = fmt::string(value);
            return self.error(format!("can't use {shown} to iterate over more than one variable"));
        }
        let end = match value {
            Value::Int(_, end) => u64::try_from(*end).unwrap_or(0),
            Value::Uint(_, end) => *end,
            _ => 0,
        };
        for number in 0..end {
            let number = match value {
                Value::Uint(ty, _) => Value::Uint(*ty, number),
                Value::Int(ty, _) => Value::Int(*ty, i64::try_from(number).unwrap_or(i64::MAX)),
                _ => return Ok(false),
            };
            if self.iteration(branch, Value::Invalid, &number)? {
                break;
            }
        }
        Ok(end > 0)
    }

    /// One round of a range; tells whether it was broken off.
    fn iteration(
        &mut self,
        branch: &'a Branch,
        index: Value<'a>,
        item: &Value<'a>,
    ) -> Result<bool> {
        self.step(1)?;
        let mark = self.variables.len();
        match (&branch.pipe.declared[..], branch.pipe.assign) {
            ([], _) => {}
            ([one], true) => self.assign(one, item.clone())?,
            ([first, second, ..], true) => {
                self.assign(first, index)?;
                self.assign(second, item.clone())?;
            }
            ([_], false) => self.set_top(1, item.clone()),
            ([_, _, ..], false) => {
                self.set_top(1, item.clone());
                self.set_top(2, index);
            }
        }
        let flow = self.walk(item, &branch.list)?;
        self.variables.truncate(mark);
        Ok(flow == Flow::Break)
    }

    fn template(&mut self, dot: &Value<'a>, call: &'a Call) -> Result<()> {
        self.at(At::Call(call));
        let Some((name, nodes)) = self.template.tree(&call.name) else {
            let name = crate::quote::quote(call.name.as_bytes(), false);
            return self.error(format!("template {name} not defined"));
        };
        self.deeper()?;
        let dot = match &call.pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Value::Invalid,
        };
        // A template sees none of the variables around it.
        let variables = std::mem::take(&mut self.variables);
        let root = std::mem::replace(&mut self.root, dot.clone());
        let tree = std::mem::replace(&mut self.tree, name);
        self.walk(&dot, nodes)?;
        self.tree = tree;
        self.variables = variables;
        self.root = root;
        self.depth -= 1;
        Ok(())
    }

    fn assign(&mut self, variable: &Variable, value: Value<'a>) -> Result<()> {
        match self.variables.iter_mut().rev().find(|(id, _)| *id == variable.id) {
            Some((_, place)) => {
                *place = value;
                Ok(())
            }
            None if variable.id == 0 => {
                self.root = value;
                Ok(())
            }
            None => self.error(format!("undefined variable: {}", variable.name)),
        }
    }

    fn set_top(&mut self, place: usize, value: Value<'a>) {
        let index = self.variables.len().checked_sub(place);
        if let Some((_, top)) = index.and_then(|index| self.variables.get_mut(index)) {
            *top = value;
        }
    }

    fn variable(&self, variable: &Variable) -> Result<Value<'a>> {
        match self.variables.iter().rev().find(|(id, _)| *id == variable.id) {
            Some((_, value)) => Ok(value.clone()),
            None if variable.id == 0 => Ok(self.root.clone()),
            None => self.error(format!("undefined variable: {}", variable.name)),
        }
    }
}

/// Whether a value is the nil interface.
fn is_nil_interface(value: &Value<'_>) -> bool {
    value.kind() == Kind::Interface
}
