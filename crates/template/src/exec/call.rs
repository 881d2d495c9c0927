use super::{Args, At, Result, State};
use crate::{
    builtins,
    function::{Function, Type},
    parse::node::Expr,
    value::Value,
};

impl<'a> State<'a, '_, '_> {
    /// Calls a function, or a method on its receiver.
    pub(super) fn call(
        &mut self,
        function: &'static Function,
        builtin: bool,
        node: At<'a>,
        receiver: Option<Value<'a>>,
        args: Args<'_, 'a>,
    ) -> Result<Value<'a>> {
        let Args { dot, exprs: args, last } = args;
        let params = &function.params[usize::from(receiver.is_some())..];
        self.check_count(function, params, args.len(), last.is_some())?;
        if builtin && matches!(function.name, "and" | "or") {
            return self.and_or(dot, function.name == "or", args, last);
        }
        let mut values = Vec::with_capacity(args.len() + 2);
        values.extend(receiver);
        for (index, arg) in args.iter().enumerate() {
            let ty = parameter(function, params, index);
            values.push(passed(self.argument(dot, Some(ty), arg)?, ty));
        }
        if let Some(last) = last {
            let ty = parameter(function, params, args.len());
            values.push(passed(self.validate(last, Some(ty))?, ty));
        }
        let result = if builtin && function.name == "call" {
            let callee = args.first().map_or_else(|| "value".to_owned(), ToString::to_string);
            builtins::call(&callee, &values)
        } else {
            (function.call)(self.context, &values)
        };
        match result {
            Ok(value) => {
                self.count_elements(&value)?;
                Ok(value)
            }
            Err(error) => {
                self.at(node);
                self.error(format!("error calling {}: {error}", function.name))
            }
        }
    }

    /// Long results cost steps: a loop over them ends some time.
    fn count_elements(&mut self, value: &Value<'a>) -> Result<()> {
        self.step(match value {
            Value::List(list) => list.len(),
            Value::Map(map) => map.len(),
            // A step a kilobyte: copying is quick.
            Value::Str(text) | Value::Named(_, text) => text.len() / 1024,
            Value::Bytes(bytes) => bytes.len() / 1024,
            _ => 0,
        })
    }

    fn check_count(
        &self,
        function: &Function,
        params: &[Type],
        args: usize,
        last: bool,
    ) -> Result<()> {
        let (name, given) = (function.name, args + usize::from(last));
        let want = params.len();
        if function.variadic && given + 1 < want {
            let want = want - 1;
            return self.error(format!(
                "wrong number of args for {name}: want at least {want} got {args}"
            ));
        }
        if !function.variadic && given != want {
            return self.error(format!("wrong number of args for {name}: want {want} got {given}"));
        }
        Ok(())
    }

    /// Evaluates only as many arguments as decide.
    fn and_or(
        &mut self,
        dot: &Value<'a>,
        or: bool,
        args: &'a [Expr],
        last: Option<Value<'a>>,
    ) -> Result<Value<'a>> {
        let mut value = Value::Invalid;
        for arg in args {
            value = self.argument(dot, Some(Type::Reflect), arg)?;
            if value.truth() == or {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }
}

/// The value as the function has it: an `interface {}` holds a copy.
fn passed(value: Value<'_>, ty: Type) -> Value<'_> {
    match value {
        Value::Struct(object) if ty == Type::Any => Value::Struct(object.boxed()),
        value => value,
    }
}

fn parameter(function: &Function, params: &[Type], index: usize) -> Type {
    let last = if function.variadic { params.last() } else { None };
    *params.get(index).or(last).unwrap_or(&Type::Any)
}
