/// Loops over lists.
mod loops;

use cel::{
    IdedExpr,
    common::ast::{
        CallExpr, EntryExpr, Expr, ListExpr, LiteralValue, SelectExpr, SourceInfo, operators,
    },
};
use go_regex::Pattern;

use super::{
    MAX_DEPTH, Mistake,
    schema::{EVENT, EVENT_NAME, Schema, Type},
    view::Wanted,
};
use crate::route::rule::RuleNeeds;

/// What the name of a compiled pattern begins with. No name in an expression can.
pub(super) const PATTERN: &str = "@pattern";

/// So many `+` may there be: each can double a text.
const MOST_ADDED: usize = 16;

/// The functions there are, beside the loops.
const FUNCTIONS: [&str; 9] =
    ["startsWith", "endsWith", "contains", "matches", "size", "int", "double", "string", "has"];

/// The loops there are.
const LOOPS: &str = "`all`, `exists`, `exists_one` and `filter`";

/// An expression that may be evaluated.
pub(super) struct Checked {
    pub(super) root: IdedExpr,
    pub(super) patterns: Vec<Wanted>,
    pub(super) needs: RuleNeeds,
}

/// Checks an expression, and compiles the patterns in it.
pub(super) fn check(
    mut root: IdedExpr,
    source: &SourceInfo,
    text: &str,
) -> Result<Checked, Vec<Mistake>> {
    if is_deeper_than(&root, usize::from(MAX_DEPTH)) {
        return Err(vec![too_deep()]);
    }
    let mut checker = Checker {
        source,
        text,
        needs: RuleNeeds::default(),
        patterns: Vec::new(),
        mistakes: Vec::new(),
        names: Vec::new(),
        loops: Vec::new(),
        added: 0,
    };
    let ty = checker.expr(&mut root);
    if !ty.may_be(&Type::Bool) {
        let message = format!("a condition is true or false, and this is {}", ty.words());
        let mistake = Mistake::new(0, message).hint("compare it with something: `… == …`");
        checker.tell(root.id, mistake);
    }
    let Checker { needs, patterns, mut mistakes, .. } = checker;
    mistakes.sort_by_key(|mistake| mistake.at);
    mistakes.dedup();
    if mistakes.is_empty() { Ok(Checked { root, patterns, needs }) } else { Err(mistakes) }
}

/// Of an expression with more than [`MAX_DEPTH`] levels.
pub(super) fn too_deep() -> Mistake {
    Mistake::new(0, "this is nested too deeply").hint("make several rules of it")
}

struct Checker<'s> {
    source: &'s SourceInfo,
    text: &'s str,
    needs: RuleNeeds,
    patterns: Vec<Wanted>,
    mistakes: Vec<Mistake>,
    /// What loops have named, the innermost last.
    names: Vec<(String, Type)>,
    /// The loops around: whether each goes over something whose length is not known.
    loops: Vec<bool>,
    added: usize,
}

impl Checker<'_> {
    fn mistake(&mut self, id: u64, message: impl Into<String>) {
        self.tell(id, Mistake::new(0, message));
    }

    fn tell(&mut self, id: u64, mistake: Mistake) {
        let at = self.source.offset_for(id).map_or(0, |(start, _)| start);
        // The parser counts characters.
        let at = usize::try_from(at).unwrap_or(0);
        let at = self.text.char_indices().nth(at).map_or(self.text.len(), |(at, _)| at);
        // Of `a.b` it is `b` that is wrong.
        let at = at + usize::from(self.text[at..].starts_with('.'));
        self.mistakes.push(Mistake { at, ..mistake });
    }

    fn expr(&mut self, expr: &mut IdedExpr) -> Type {
        let id = expr.id;
        match &mut expr.expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Type::Bool,
                LiteralValue::String(_) => Type::Text,
                LiteralValue::Int(_) | LiteralValue::UInt(_) | LiteralValue::Double(_) => {
                    Type::Number
                }
                LiteralValue::Null => Type::Nothing,
                LiteralValue::Bytes(_) => Type::Any,
            },
            Expr::Ident(name) => {
                let name = name.clone();
                self.name(id, &name)
            }
            Expr::Select(select) => self.select(id, select),
            Expr::Call(call) if is_matches(call) => {
                let wanted = self.matches(id, call);
                if let Some(wanted) = wanted {
                    expr.expr = wanted;
                }
                Type::Bool
            }
            Expr::Call(call) => self.call(id, call),
            Expr::List(list) => self.list(list),
            Expr::Comprehension(each) => self.each(id, each),
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        self.expr(&mut entry.key);
                        self.expr(&mut entry.value);
                    }
                }
                Type::Any
            }
            Expr::Struct(_) | Expr::Unspecified => {
                self.mistake(id, "there are no types to make values of");
                Type::Any
            }
        }
    }

    fn name(&mut self, id: u64, name: &str) -> Type {
        if name == EVENT_NAME {
            return Type::Object(&EVENT);
        }
        if let Some((_, ty)) = self.names.iter().rev().find(|(known, _)| known == name) {
            return ty.clone();
        }
        let mut mistake =
            Mistake::new(0, format!("there is no `{name}`; what there is, is `event`"));
        if EVENT.field(name).is_some() {
            mistake = mistake.hint(format!("write `event.{name}`"));
        }
        self.tell(id, mistake);
        Type::Any
    }

    /// `operand.field`, and `has(operand.field)`.
    fn select(&mut self, id: u64, select: &mut SelectExpr) -> Type {
        let operand = self.expr(&mut select.operand);
        let ty = self.field(id, &operand, &select.field);
        if select.test { Type::Bool } else { ty }
    }

    fn field(&mut self, id: u64, operand: &Type, field: &str) -> Type {
        match operand {
            Type::Any => Type::Any,
            Type::Map => Type::Text,
            Type::Object(schema) => self.field_of(id, schema, field),
            other => {
                self.mistake(id, format!("{} has no `{field}`", other.words()));
                Type::Any
            }
        }
    }

    fn field_of(&mut self, id: u64, schema: &'static Schema, field: &str) -> Type {
        let needs = schema.needs(field);
        self.needs = self.needs.with(needs);
        if let Some(shape) = schema.field(field) {
            return shape.of();
        }
        let known: Vec<_> = schema.fields.iter().map(|(name, _)| *name).collect();
        let same = known.iter().find(|name| name.eq_ignore_ascii_case(field));
        let hint = match same {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("it has {}", known.join(", ")),
        };
        self.tell(id, Mistake::new(0, format!("{} has no `{field}`", schema.words)).hint(hint));
        Type::Any
    }

    fn list(&mut self, list: &mut ListExpr) -> Type {
        let mut of: Option<Type> = None;
        for element in &mut list.elements {
            let ty = self.expr(element);
            of = Some(match of {
                Some(of) if of != ty => Type::Any,
                _ => ty,
            });
        }
        Type::list(of.unwrap_or(Type::Any))
    }

    fn call(&mut self, id: u64, call: &mut CallExpr) -> Type {
        let target = call.target.as_mut().map(|target| self.expr(target));
        let args: Vec<_> = call.args.iter_mut().map(|arg| self.expr(arg)).collect();
        let ids: Vec<_> = call.args.iter().map(|arg| arg.id).collect();
        match (call.func_name.as_str(), target.as_ref(), args.as_slice()) {
            (
                operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT,
                None,
                args,
            ) => {
                for (id, ty) in ids.into_iter().zip(args) {
                    self.want(id, ty, &Type::Bool);
                }
                Type::Bool
            }
            (operators::CONDITIONAL, None, [condition, one, other]) => {
                self.want(ids[0], condition, &Type::Bool);
                if one == other { one.clone() } else { Type::Any }
            }
            (operators::EQUALS | operators::NOT_EQUALS, None, [one, other]) => {
                self.comparable(id, one, other);
                Type::Bool
            }
            (
                operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS,
                None,
                [one, other],
            ) => {
                let is_ordered = |ty: &Type| matches!(ty, Type::Text | Type::Number | Type::Any);
                match [one, other].into_iter().find(|ty| !is_ordered(ty)) {
                    Some(ty) => {
                        self.mistake(id, format!("{} is neither more nor less", ty.words()));
                    }
                    None => self.comparable(id, one, other),
                }
                Type::Bool
            }
            (operators::IN, None, [_, within]) => {
                if !matches!(within, Type::List(_) | Type::Map | Type::Any) {
                    let message = format!(
                        "`in` looks into a list or a mapping, and this is {}",
                        within.words()
                    );
                    self.mistake(ids[1], message);
                }
                Type::Bool
            }
            (operators::INDEX, None, [of, at]) => self.index(id, call, of, at),
            (operators::NEGATE, None, [number]) => {
                self.want(ids[0], number, &Type::Number);
                Type::Number
            }
            (operators::ADD, None, [one, other]) => self.add(id, one, other),
            (
                operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO,
                None,
                [one, other],
            ) => {
                self.want(ids[0], one, &Type::Number);
                self.want(ids[1], other, &Type::Number);
                Type::Number
            }
            (_, target, args) => self.function(id, call, target, args),
        }
    }

    /// A function, or a method of `target`.
    fn function(&mut self, id: u64, call: &CallExpr, target: Option<&Type>, args: &[Type]) -> Type {
        match (call.func_name.as_str(), target, args) {
            ("startsWith" | "endsWith" | "contains", Some(target), [part]) => {
                let target_id = call.target.as_ref().map_or(id, |target| target.id);
                self.want(target_id, target, &Type::Text);
                self.want(call.args[0].id, part, &Type::Text);
                Type::Bool
            }
            ("size", Some(of), []) | ("size", None, [of]) => {
                if !matches!(of, Type::Text | Type::List(_) | Type::Map | Type::Any) {
                    self.mistake(id, format!("{} has no size", of.words()));
                }
                Type::Number
            }
            ("int" | "double", None, [Type::Text | Type::Number | Type::Any]) => Type::Number,
            ("string", None, [Type::Text | Type::Number | Type::Bool | Type::Any]) => Type::Text,
            (name, ..) => {
                self.no_function(id, name);
                Type::Any
            }
        }
    }

    fn no_function(&mut self, id: u64, name: &str) {
        let mistake = match name {
            "map" | "all" | "exists" | "exists_one" | "filter" => {
                Mistake::new(0, format!("`{name}` is not written like this"))
                    .hint(format!("the loops are {LOOPS}: `list.exists(x, x == \"a\")`"))
            }
            known if FUNCTIONS.contains(&known) => {
                Mistake::new(0, format!("`{name}` is not used like this"))
                    .hint("write for example `event.reason.startsWith(\"Failed\")`")
            }
            _ => Mistake::new(0, format!("there is no `{}`", name.trim_matches(['_', '@'])))
                .hint(format!("the functions are {}; the loops are {LOOPS}", FUNCTIONS.join(", "))),
        };
        self.tell(id, mistake);
    }

    /// `of[at]`.
    fn index(&mut self, id: u64, call: &CallExpr, of: &Type, at: &Type) -> Type {
        match of {
            Type::List(element) => {
                self.want(id, at, &Type::Number);
                (**element).clone()
            }
            Type::Map => {
                self.want(id, at, &Type::Text);
                Type::Text
            }
            Type::Any => Type::Any,
            of => {
                if let Some(Expr::Literal(LiteralValue::String(name))) =
                    call.args.get(1).map(|it| &it.expr)
                {
                    return self.field(id, of, name.inner());
                }
                self.mistake(id, format!("{} has no elements", of.words()));
                Type::Any
            }
        }
    }

    fn add(&mut self, id: u64, one: &Type, other: &Type) -> Type {
        self.added += 1;
        if self.added == MOST_ADDED + 1 {
            self.mistake(id, format!("there are more than {MOST_ADDED} `+`"));
        }
        let is_added =
            |ty: &Type| matches!(ty, Type::Text | Type::Number | Type::List(_) | Type::Any);
        if !is_added(one) || !is_added(other) || !one.may_be(other) {
            let message = format!("{} and {} cannot be added", one.words(), other.words());
            self.mistake(id, message);
        }
        if *one == Type::Any { other.clone() } else { one.clone() }
    }

    fn want(&mut self, id: u64, ty: &Type, wanted: &Type) {
        if !ty.may_be(wanted) {
            let message = format!("{} is expected, and this is {}", wanted.words(), ty.words());
            self.mistake(id, message);
        }
    }

    fn comparable(&mut self, id: u64, one: &Type, other: &Type) {
        if let Some(object) =
            [one, other].into_iter().find(|ty| matches!(ty, Type::Object(_) | Type::Map))
        {
            let message = format!("{} is compared by what is in it", object.words());
            self.tell(id, Mistake::new(0, message).hint("write the field: `event.metadata.name`"));
        } else if !one.may_be(other) && *one != Type::Nothing && *other != Type::Nothing {
            let message = format!("{} is never {}", one.words(), other.words());
            self.mistake(id, message);
        }
    }

    /// `target.matches("pattern")` becomes whether the text is in the compiled pattern.
    fn matches(&mut self, id: u64, call: &mut CallExpr) -> Option<Expr> {
        let (target, arg) = match (call.target.take(), call.args.as_mut_slice()) {
            (Some(target), [arg]) => (*target, arg),
            (None, [target, arg]) => (std::mem::take(target), arg),
            _ => {
                self.no_function(id, "matches");
                return None;
            }
        };
        let mut target = target;
        let ty = self.expr(&mut target);
        self.want(target.id, &ty, &Type::Text);
        let Expr::Literal(LiteralValue::String(pattern)) = &arg.expr else {
            self.mistake(arg.id, "`matches` takes a pattern in quotes");
            return None;
        };
        let pattern = pattern.inner();
        match Pattern::compile(pattern) {
            Ok(compiled) => {
                let name = format!("{PATTERN}{}", self.patterns.len());
                self.patterns.push(Wanted(compiled));
                let within = IdedExpr { id: arg.id, expr: Expr::Ident(name) };
                let (func_name, args) = (operators::IN.to_owned(), vec![target, within]);
                Some(Expr::Call(CallExpr { func_name, target: None, args }))
            }
            Err(why) => {
                let mistake = Mistake::new(0, format!("`{pattern}` is not a valid regex: {why}"));
                let hint = why.hint(pattern);
                self.tell(arg.id, Mistake { hint, ..mistake });
                None
            }
        }
    }
}

/// `text.matches(pattern)`, or `matches(text, pattern)`.
fn is_matches(call: &CallExpr) -> bool {
    call.func_name == "matches"
}

/// Whether there are more levels; evaluation goes as deep.
fn is_deeper_than(expr: &IdedExpr, levels: usize) -> bool {
    let Some(levels) = levels.checked_sub(1) else { return true };
    let deep = |expr: &IdedExpr| is_deeper_than(expr, levels);
    match &expr.expr {
        Expr::Call(call) => call.target.as_deref().is_some_and(deep) || call.args.iter().any(deep),
        Expr::Select(select) => deep(&select.operand),
        Expr::List(list) => list.elements.iter().any(deep),
        Expr::Map(map) => map.entries.iter().any(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => deep(&entry.key) || deep(&entry.value),
            EntryExpr::StructField(field) => deep(&field.value),
        }),
        Expr::Struct(it) => it.entries.iter().any(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => deep(&entry.key) || deep(&entry.value),
            EntryExpr::StructField(field) => deep(&field.value),
        }),
        Expr::Comprehension(each) => {
            [&each.iter_range, &each.accu_init, &each.loop_cond, &each.loop_step, &each.result]
                .into_iter()
                .any(deep)
        }
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => false,
    }
}
