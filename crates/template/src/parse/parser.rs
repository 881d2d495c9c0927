//! Tokens to tree. Source: `text/template/parse/parse.go`; the errors are worded as there.

use super::{
    lexer::{Kind, Lexer, Token},
    node::{self, Branch, Call, Command, Constant, Expr, Node, Pipe, Term, Variable},
    number::Number,
};
use crate::{function::Function, quote};

/// Deepest nesting of parentheses and of blocks. Go allows more; a stack here is shorter.
const MAX_DEPTH: usize = 200;

/// What a template holds: its own nodes, and those it defines.
#[derive(Debug)]
pub(crate) struct Trees {
    /// Name and nodes; the first is the template itself.
    pub(crate) trees: Vec<(Box<str>, Vec<Node>)>,
}

/// What is wrong, and where.
#[derive(Debug)]
pub(crate) struct ParseError {
    /// The line, from 1.
    pub(crate) line: usize,
    /// What is wrong, in Go's words.
    pub(crate) text: String,
}

/// Finds a function and whether it is one of text/template itself.
pub(crate) type Lookup<'l> = &'l dyn Fn(&str) -> Option<(&'static Function, bool)>;

/// Reads a template.
pub(crate) fn parse(name: &str, text: &str, functions: Lookup<'_>) -> Result<Trees, ParseError> {
    let mut parser = Parser {
        name,
        lexer: Lexer::new(text),
        functions,
        tokens: Vec::new(),
        line: 1,
        variables: vec!["$".into()],
        names: vec!["$".into()],
        trees: vec![(name.into(), Vec::new())],
        action_line: None,
        ranges: 0,
        depth: 0,
    };
    parser.top()?;
    Ok(Trees { trees: parser.trees })
}

/// How a list of nodes ended.
enum End {
    End,
    Else,
}

enum Item {
    Node(Node),
    End(End),
}

struct Parser<'t, 'l> {
    name: &'t str,
    lexer: Lexer<'t>,
    functions: Lookup<'l>,
    /// Tokens that were put back; the last comes first.
    tokens: Vec<Token>,
    /// The line of the newest token of the lexer: where errors are.
    line: usize,
    /// Variables in scope.
    variables: Vec<Box<str>>,
    /// Every name of a variable; its place is its number.
    names: Vec<Box<str>>,
    trees: Vec<(Box<str>, Vec<Node>)>,
    action_line: Option<usize>,
    ranges: usize,
    depth: usize,
}

type Parsed<T> = Result<T, ParseError>;

impl Parser<'_, '_> {
    fn error<T>(&self, text: impl Into<String>) -> Parsed<T> {
        Err(ParseError { line: self.line, text: text.into() })
    }

    fn unexpected<T>(&self, token: &Token, context: &str) -> Parsed<T> {
        if token.kind != Kind::Error {
            return self.error(format!("unexpected {} in {context}", token.shown()));
        }
        let mut text = token.text.to_string();
        if let Some(line) = self.action_line.filter(|line| *line != token.line) {
            // Not "action in action".
            let word = if text.ends_with(" action") { "" } else { " in action" };
            text = format!("{text}{word} started at {}:{line}", self.name);
        }
        self.error(text)
    }

    fn next(&mut self) -> Token {
        self.tokens.pop().unwrap_or_else(|| {
            let token = self.lexer.next();
            self.line = token.line;
            token
        })
    }

    fn put_back(&mut self, token: Token) {
        self.tokens.push(token);
    }

    fn peek(&mut self) -> &Token {
        if self.tokens.is_empty() {
            let token = self.next();
            self.tokens.push(token);
        }
        self.tokens.last().expect("one was just put there")
    }

    fn next_non_space(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> &Token {
        let token = self.next_non_space();
        self.put_back(token);
        self.peek()
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Token> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(token) } else { self.unexpected(&token, context) }
    }

    fn top(&mut self) -> Parsed<()> {
        let mut nodes = Vec::new();
        while self.peek().kind != Kind::Eof {
            if self.peek().kind == Kind::LeftDelim {
                let delim = self.next();
                let word = self.next_non_space();
                if word.kind == Kind::Define {
                    self.definition()?;
                    continue;
                }
                self.put_back(word);
                self.put_back(delim);
            }
            match self.text_or_action()? {
                Item::Node(node) => nodes.push(node),
                Item::End(end) => return self.error(format!("unexpected {}", shown(&end))),
            }
        }
        let name = self.name.into();
        self.add(name, nodes)
    }

    /// Keeps a tree under its name, unless there is one that prints something.
    fn add(&mut self, name: Box<str>, nodes: Vec<Node>) -> Parsed<()> {
        let Some((_, known)) = self.trees.iter_mut().find(|(known, _)| *known == name) else {
            self.trees.push((name, nodes));
            return Ok(());
        };
        if node::is_empty(known) {
            *known = nodes;
        } else if !node::is_empty(&nodes) {
            let name = quote::quote(name.as_bytes(), false);
            return self.error(format!("template: multiple definition of template {name}"));
        }
        Ok(())
    }

    fn definition(&mut self) -> Parsed<()> {
        let context = "define clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, context)?;
        self.expect(Kind::RightDelim, context)?;
        let nodes = self.apart(context)?;
        self.add(name, nodes)
    }

    /// The nodes of another template, up to its end: it sees none of the variables around.
    fn apart(&mut self, context: &str) -> Parsed<Vec<Node>> {
        let variables = std::mem::replace(&mut self.variables, vec!["$".into()]);
        let outer = (std::mem::take(&mut self.ranges), self.action_line.take());
        let (nodes, end) = self.list()?;
        if let End::Else = end {
            return self.error(format!("unexpected {} in {context}", shown(&end)));
        }
        self.variables = variables;
        (self.ranges, self.action_line) = outer;
        Ok(nodes)
    }

    fn list(&mut self) -> Parsed<(Vec<Node>, End)> {
        self.deeper()?;
        let mut nodes = Vec::new();
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Item::Node(node) => nodes.push(node),
                Item::End(end) => {
                    self.depth -= 1;
                    return Ok((nodes, end));
                }
            }
        }
        self.error("unexpected EOF")
    }

    fn deeper(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.error("max expression depth exceeded");
        }
        Ok(())
    }

    fn text_or_action(&mut self) -> Parsed<Item> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(token.pos, token.text))),
            Kind::LeftDelim => {
                self.action_line = Some(token.line);
                let item = self.action();
                self.action_line = None;
                item
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    fn action(&mut self) -> Parsed<Item> {
        let token = self.next_non_space();
        Ok(Item::Node(match token.kind {
            Kind::Block => self.block()?,
            Kind::Break => {
                self.leave_range("{{break}}")?;
                Node::Break
            }
            Kind::Continue => {
                self.leave_range("{{continue}}")?;
                Node::Continue
            }
            Kind::Else => return self.else_control().map(Item::End),
            Kind::End => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Item::End(End::End));
            }
            Kind::If => Node::If(self.control("if")?),
            Kind::Range => Node::Range(self.control("range")?),
            Kind::With => Node::With(self.control("with")?),
            Kind::Template => self.template()?,
            _ => {
                let pos = token.pos;
                self.put_back(token);
                Node::Action(pos, self.pipeline("command", Kind::RightDelim)?)
            }
        }))
    }

    fn leave_range(&mut self, what: &str) -> Parsed<()> {
        let token = self.next_non_space();
        if token.kind != Kind::RightDelim {
            return self.unexpected(&token, what);
        }
        if self.ranges == 0 {
            return self.error(format!("{what} outside {{{{range}}}}"));
        }
        Ok(())
    }

    fn else_control(&mut self) -> Parsed<End> {
        let next = self.peek_non_space();
        // "else if" is an else that holds an if.
        if matches!(next.kind, Kind::If | Kind::With) {
            return Ok(End::Else);
        }
        self.expect(Kind::RightDelim, "else")?;
        Ok(End::Else)
    }

    fn control(&mut self, context: &str) -> Parsed<Branch> {
        let scope = self.variables.len();
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let range = usize::from(context == "range");
        self.ranges += range;
        let (list, end) = self.list()?;
        self.ranges -= range;
        let mut or_else = Vec::new();
        if let End::Else = end {
            let word = self.peek().kind;
            if matches!((context, word), ("if", Kind::If) | ("with", Kind::With)) {
                self.next();
                self.deeper()?;
                let inner = self.control(context)?;
                self.depth -= 1;
                or_else.push(if context == "if" { Node::If(inner) } else { Node::With(inner) });
            } else {
                let (nodes, end) = self.list()?;
                if let End::Else = end {
                    return self.error(format!("expected end; found {}", shown(&end)));
                }
                or_else = nodes;
            }
        }
        self.variables.truncate(scope);
        Ok(Branch { pipe, list, or_else })
    }

    fn block(&mut self) -> Parsed<Node> {
        let context = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, context)?;
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let nodes = self.apart(context)?;
        self.add(name.clone(), nodes)?;
        Ok(Node::Template(Call { pos: token.pos, name, pipe: Some(pipe) }))
    }

    fn template(&mut self) -> Parsed<Node> {
        let context = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, context)?;
        let next = self.next_non_space();
        let mut pipe = None;
        if next.kind != Kind::RightDelim {
            self.put_back(next);
            pipe = Some(self.pipeline(context, Kind::RightDelim)?);
        }
        Ok(Node::Template(Call { pos: token.pos, name, pipe }))
    }

    fn template_name(&mut self, token: &Token, context: &str) -> Parsed<Box<str>> {
        if !matches!(token.kind, Kind::String | Kind::RawString) {
            return self.unexpected(token, context);
        }
        match quote::unquote(&token.text) {
            Some(name) => Ok(String::from_utf8_lossy(&name).into()),
            None => self.error("invalid syntax"),
        }
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipe> {
        let pos = self.peek_non_space().pos;
        let mut pipe = Pipe { pos, assign: false, declared: Vec::new(), commands: Vec::new() };
        self.declarations(&mut pipe, context)?;
        loop {
            let token = self.next_non_space();
            match token.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.put_back(token);
                    pipe.commands.push(self.command()?);
                }
                _ => return self.unexpected(&token, context),
            }
        }
        if pipe.commands.is_empty() {
            return self.error(format!("missing value for {context}"));
        }
        let stages = pipe.commands.iter().enumerate().skip(1);
        for (stage, command) in stages {
            if matches!(
                command.args[0].term,
                Term::Bool(_) | Term::Dot | Term::Nil | Term::Number(_) | Term::String(..)
            ) {
                let stage = stage + 1;
                return self.error(format!("non executable command in pipeline stage {stage}"));
            }
        }
        Ok(pipe)
    }

    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Parsed<()> {
        while self.peek_non_space().kind == Kind::Variable {
            let variable = self.next();
            let behind = self.next();
            let space = (behind.kind == Kind::Space).then(|| behind.clone());
            if space.is_none() {
                self.put_back(behind);
            }
            let next = self.next_non_space();
            match next.kind {
                Kind::Assign | Kind::Declare => {
                    pipe.assign = next.kind == Kind::Assign;
                    self.declare(pipe, &variable);
                    return Ok(());
                }
                Kind::Char if &*next.text == "," => {
                    self.declare(pipe, &variable);
                    if context == "range" && pipe.declared.len() < 2 {
                        match self.peek_non_space().kind {
                            Kind::Variable | Kind::RightDelim | Kind::RightParen => continue,
                            _ => return self.error("range can only initialize variables"),
                        }
                    }
                    return self.error(format!("too many declarations in {context}"));
                }
                _ => {
                    self.put_back(next);
                    if let Some(space) = space {
                        self.put_back(space);
                    }
                    self.put_back(variable);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn declare(&mut self, pipe: &mut Pipe, token: &Token) {
        let variable = self.variable(&token.text);
        self.variables.push(token.text.clone());
        pipe.declared.push(variable);
    }

    fn variable(&mut self, name: &str) -> Variable {
        let known = self.names.iter().position(|known| **known == *name);
        let id = known.unwrap_or_else(|| {
            self.names.push(name.into());
            self.names.len() - 1
        });
        Variable { id, name: name.into() }
    }

    fn command(&mut self) -> Parsed<Command> {
        let mut args = Vec::new();
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand()? {
                args.push(operand);
            }
            let token = self.next();
            match token.kind {
                Kind::Space => {}
                Kind::RightDelim | Kind::RightParen => {
                    self.put_back(token);
                    break;
                }
                Kind::Pipe => break,
                _ => return self.unexpected(&token, "operand"),
            }
        }
        if args.is_empty() {
            return self.error("empty command");
        }
        Ok(Command { args })
    }

    fn operand(&mut self) -> Parsed<Option<Expr>> {
        let Some(mut term) = self.term()? else { return Ok(None) };
        if self.peek().kind != Kind::Field {
            return Ok(Some(term));
        }
        let pos = self.peek().pos;
        let mut fields = Vec::new();
        while self.peek().kind == Kind::Field {
            fields.push(self.next().text[1..].into());
        }
        match &mut term.term {
            Term::Field(names) | Term::Variable(_, names) => {
                names.append(&mut fields);
                term.pos = pos;
                Ok(Some(term))
            }
            Term::Bool(_) | Term::String(..) | Term::Number(_) | Term::Nil | Term::Dot => {
                let shown = quote::quote(term.to_string().as_bytes(), false);
                self.error(format!("unexpected . after term {shown}"))
            }
            _ => Ok(Some(Expr { pos, term: Term::Chain(Box::new(term), fields) })),
        }
    }

    fn term(&mut self) -> Parsed<Option<Expr>> {
        let token = self.next_non_space();
        let term = match token.kind {
            Kind::Identifier => {
                let Some((function, builtin)) = (self.functions)(&token.text) else {
                    let name = quote::quote(token.text.as_bytes(), false);
                    return self.error(format!("function {name} not defined"));
                };
                Term::Function(function, builtin)
            }
            Kind::Dot => Term::Dot,
            Kind::Nil => Term::Nil,
            Kind::Variable => {
                if !self.variables.contains(&token.text) {
                    let name = quote::quote(token.text.as_bytes(), false);
                    return self.error(format!("undefined variable {name}"));
                }
                Term::Variable(self.variable(&token.text), Vec::new())
            }
            Kind::Field => Term::Field(vec![token.text[1..].into()]),
            Kind::Bool => Term::Bool(&*token.text == "true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => {
                let number = match token.kind {
                    Kind::CharConstant => Number::of_char(&token.text),
                    _ => Number::of_digits(&token.text),
                };
                match number {
                    Ok(number) => Term::Number(number),
                    Err(text) => return self.error(text),
                }
            }
            Kind::LeftParen => {
                self.deeper()?;
                let pipe = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
                self.depth -= 1;
                // Go places a parenthesized pipeline at its first token.
                return Ok(Some(Expr { pos: pipe.pos, term: Term::Pipe(pipe) }));
            }
            Kind::String | Kind::RawString => match quote::unquote(&token.text) {
                Some(bytes) => Term::String(token.text, Constant::of(bytes)),
                None => return self.error("invalid syntax"),
            },
            _ => {
                self.put_back(token);
                return Ok(None);
            }
        };
        Ok(Some(Expr { pos: token.pos, term }))
    }
}

fn shown(end: &End) -> &'static str {
    match end {
        End::End => "{{end}}",
        End::Else => "{{else}}",
    }
}
