use super::{Args, At, Result, State, is_nil_interface};
use crate::{
    function::Function,
    parse::{
        Number,
        node::{Command, Expr, Pipe, Term},
    },
    time::methods,
    value::{Map, NilPointer, Str, Value},
};

impl<'a> State<'a, '_, '_> {
    pub(super) fn pipeline(&mut self, dot: &Value<'a>, pipe: &'a Pipe) -> Result<Value<'a>> {
        self.at(At::Pipe(pipe));
        let mut value = None;
        for command in &pipe.commands {
            let result = self.command(dot, command, value)?;
            // What is inside an interface; inside a nil one is nothing.
            value = Some(if is_nil_interface(&result) { Value::Invalid } else { result });
        }
        let value = value.unwrap_or_default();
        for variable in &pipe.declared {
            if pipe.assign {
                self.assign(variable, value.clone())?;
            } else {
                self.variables.push((variable.id, value.clone()));
            }
        }
        Ok(value)
    }

    fn command(
        &mut self,
        dot: &Value<'a>,
        command: &'a Command,
        last: Option<Value<'a>>,
    ) -> Result<Value<'a>> {
        self.step(1)?;
        let first = &command.args[0];
        let args = Args { dot, exprs: &command.args[1..], last };
        match &first.term {
            Term::Field(names) => {
                self.at(At::Expr(first));
                self.fields(dot.clone(), first, names, args)
            }
            Term::Chain(inner, names) => self.chain(first, inner, names, args),
            Term::Function(function, builtin) => {
                self.at(At::Expr(first));
                self.call(function, *builtin, At::Command(command), None, args)
            }
            Term::Pipe(pipe) => {
                self.not_a_function(first, &args)?;
                self.deeper()?;
                let value = self.pipeline(dot, pipe)?;
                self.depth -= 1;
                Ok(value)
            }
            Term::Variable(variable, names) => {
                self.at(At::Expr(first));
                let value = self.variable(variable)?;
                if names.is_empty() {
                    self.not_a_function(first, &args)?;
                    return Ok(value);
                }
                self.fields(value, first, names, args)
            }
            Term::Bool(_) | Term::Dot | Term::Nil | Term::Number(_) | Term::String(..) => {
                self.at(At::Expr(first));
                self.not_a_function(first, &args)?;
                match &first.term {
                    Term::Dot => Ok(dot.clone()),
                    Term::Nil => self.error("nil is not a command"),
                    _ => self.literal(first),
                }
            }
        }
    }

    fn not_a_function(&self, first: &'a Expr, args: &Args<'_, 'a>) -> Result<()> {
        if args.any() {
            return self.error(format!("can't give argument to non-function {first}"));
        }
        Ok(())
    }

    /// A literal where no type is asked for.
    pub(super) fn literal(&mut self, expr: &'a Expr) -> Result<Value<'a>> {
        self.at(At::Expr(expr));
        match &expr.term {
            Term::Bool(bool) => Ok(Value::Bool(*bool)),
            Term::String(_, constant) => Ok(Value::Str(constant.value())),
            Term::Number(number) => self.number(number),
            _ => {
                self.error(format!("can't handle assignment of {expr} to empty interface argument"))
            }
        }
    }

    /// The spelling decides the type of a number.
    fn number(&self, number: &Number) -> Result<Value<'a>> {
        let text = &*number.text;
        let lower = text.to_ascii_lowercase();
        let hexadecimal = lower.starts_with("0x") && !lower.contains('p');
        let char = text.starts_with('\'');
        if let Some(float) = number.float
            && !hexadecimal
            && !char
            && text.contains(['.', 'e', 'E', 'p', 'P'])
        {
            return Ok(Value::Float(float));
        }
        match number.int {
            Some(int) => Ok(Value::int(int)),
            None => self.error(format!("{text} overflows int")),
        }
    }

    pub(super) fn chain(
        &mut self,
        expr: &'a Expr,
        inner: &'a Expr,
        names: &'a [Box<str>],
        args: Args<'_, 'a>,
    ) -> Result<Value<'a>> {
        self.at(At::Expr(expr));
        let receiver = self.argument(args.dot, None, inner)?;
        self.fields(receiver, expr, names, args)
    }

    /// Walks `.A.B.C`; the last may be a method and gets the arguments.
    pub(super) fn fields(
        &mut self,
        mut receiver: Value<'a>,
        expr: &'a Expr,
        names: &'a [Box<str>],
        args: Args<'_, 'a>,
    ) -> Result<Value<'a>> {
        let Some((end, path)) = names.split_last() else { return Ok(receiver) };
        // A value that lies in an interface is called by that type.
        let mut boxed = false;
        for name in path {
            let value = self.field(&receiver, expr, name, boxed, Args::none(args.dot))?;
            boxed = matches!(&receiver, Value::Map(map) if map.type_name() == Map::ANY);
            receiver = value;
        }
        self.field(&receiver, expr, end, boxed, args)
    }

    fn field(
        &mut self,
        receiver: &Value<'a>,
        expr: &'a Expr,
        name: &'a str,
        boxed: bool,
        args: Args<'_, 'a>,
    ) -> Result<Value<'a>> {
        let ty = |boxed| if boxed { Str::from("interface {}") } else { receiver.type_name() };
        if let Some((receiver, method)) = method_of(receiver, name) {
            return self.call(method, false, At::Expr(expr), Some(receiver), args);
        }
        let value = match receiver {
            Value::Invalid => return Ok(Value::Invalid),
            Value::Map(map) => {
                if args.any() {
                    return self.error(format!("{name} is not a method but has arguments"));
                }
                return Ok(map.get(name.as_bytes()).unwrap_or_default());
            }
            Value::Struct(object) => object.field(name),
            Value::Object(object) => object.field(name),
            Value::Time(_) if matches!(name, "wall" | "ext" | "loc") => {
                let ty = ty(boxed);
                return self.error(format!(
                    "{name} is an unexported field of struct type {}",
                    ty.to_str()
                ));
            }
            Value::Pointer(inner) if matches!(**inner, Value::Map(_) | Value::Struct(_)) => {
                return self.field(inner, expr, name, boxed, args);
            }
            Value::Nil => {
                return self.error(format!("nil pointer evaluating interface {{}}.{name}"));
            }
            Value::NilPointer(pointer) if may_have(*pointer, name) => {
                let ty = ty(boxed);
                return self.error(format!("nil pointer evaluating {}.{name}", ty.to_str()));
            }
            _ => None,
        };
        match value {
            Some(_) if args.any() => {
                self.error(format!("{name} has arguments but cannot be invoked as function"))
            }
            Some(value) => Ok(value),
            None => {
                let ty = ty(boxed);
                self.error(format!("can't evaluate field {name} in type {}", ty.to_str()))
            }
        }
    }
}

/// A method, and the value it is called on: itself, or a struct embedded in it.
fn method_of<'a>(receiver: &Value<'a>, name: &str) -> Option<(Value<'a>, &'static Function)> {
    match receiver {
        Value::Struct(object) => {
            if let Some(method) = object.class().method(name) {
                return Some((receiver.clone(), method));
            }
            let inner = object.class().embedded(object.data())?;
            methods::find(&inner, name).map(|method| (inner, method))
        }
        Value::Object(object) => {
            if let Some(method) = object.method(name) {
                return Some((receiver.clone(), method));
            }
            let inner = object.embedded(name)?;
            methods::find(&inner, name).map(|method| (inner, method))
        }
        Value::Time(_) | Value::Int(..) => {
            methods::find(receiver, name).map(|method| (receiver.clone(), method))
        }
        Value::Pointer(inner) if matches!(**inner, Value::Time(_)) => method_of(inner, name),
        _ => None,
    }
}

/// Whether a nil pointer is to blame, and not the name.
fn may_have(pointer: NilPointer, name: &str) -> bool {
    match pointer {
        NilPointer::Struct(class) => class.has_field(name) || class.method(name).is_some(),
        NilPointer::Plain(_) => true,
    }
}
