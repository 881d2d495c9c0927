//! What of its data a template can read, without executing it.

use crate::{
    parse::node::{Branch, Expr, Node, Pipe, Term},
    template::Template,
};

/// Something that a template reads of its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read<'t> {
    /// All of it, as one value.
    Whole,
    /// A field, and a field of that, and so on: `.A.B` is `["A", "B"]`.
    Path(&'t [Box<str>]),
}

impl Template {
    /// Whether anything that the template reads of its data is `wanted`. What `with`, `range` and variables hold was
    /// read where they got it, and counts there; a path inside them is shown as if it began at the data.
    pub fn reads(&self, wanted: &dyn Fn(Read<'_>) -> bool) -> bool {
        let scan = Scan { wanted };
        let mut trees = self.trees().iter();
        let main = trees.next().is_some_and(|(_, nodes)| scan.nodes(nodes, true));
        // Inside a definition `.` is what it was called with, and that counted at the call.
        main || trees.any(|(_, nodes)| scan.nodes(nodes, false))
    }
}

struct Scan<'w> {
    wanted: &'w dyn Fn(Read<'_>) -> bool,
}

impl Scan<'_> {
    /// `root`: whether `.` is the data itself here.
    fn nodes(&self, nodes: &[Node], root: bool) -> bool {
        nodes.iter().any(|node| match node {
            Node::Text(..) | Node::Break | Node::Continue => false,
            Node::Action(_, pipe) => self.pipe(pipe, root),
            Node::If(branch) => self.branch(branch, root, root),
            Node::With(branch) | Node::Range(branch) => self.branch(branch, root, false),
            Node::Template(call) => call.pipe.as_ref().is_some_and(|pipe| self.pipe(pipe, root)),
        })
    }

    fn branch(&self, branch: &Branch, root: bool, inside: bool) -> bool {
        self.pipe(&branch.pipe, root)
            || self.nodes(&branch.list, inside)
            || self.nodes(&branch.or_else, root)
    }

    fn pipe(&self, pipe: &Pipe, root: bool) -> bool {
        let mut args = pipe.commands.iter().flat_map(|command| &command.args);
        args.any(|arg| self.expr(arg, root))
    }

    fn expr(&self, expr: &Expr, root: bool) -> bool {
        match &expr.term {
            Term::Field(names) => (self.wanted)(Read::Path(names)),
            // `$` is the data everywhere; in a definition, what it was called with.
            Term::Variable(variable, names) if variable.id == 0 && names.is_empty() => {
                (self.wanted)(Read::Whole)
            }
            Term::Variable(_, names) if !names.is_empty() => (self.wanted)(Read::Path(names)),
            Term::Dot => root && (self.wanted)(Read::Whole),
            // `(.A).B` is `.A.B`: seen as `.A` alone, which reads at least as much, and as `.B`.
            Term::Chain(inner, names) => self.expr(inner, root) || (self.wanted)(Read::Path(names)),
            Term::Pipe(pipe) => self.pipe(pipe, root),
            Term::Function(..)
            | Term::Variable(..)
            | Term::Bool(_)
            | Term::Nil
            | Term::Number(_)
            | Term::String(..) => false,
        }
    }
}
