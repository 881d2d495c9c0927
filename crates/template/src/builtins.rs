//! The functions of text/template itself. Source: `text/template/funcs.go`.

/// `eq`, `ne`, `lt`, `le`, `gt`, `ge`.
mod compare;

/// `html`, `js`, `urlquery`.
mod escape;

/// `index`, `slice`, `len`.
mod index;

use crate::{
    context::MAX_BYTES,
    fmt,
    function::{CallError, Function, Type},
    value::{Kind, Str, Value},
};

/// The builtin of this name.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    BUILTINS.iter().find(|function| function.name == name)
}

const ONE: &[Type] = &[Type::Reflect];
const TWO: &[Type] = &[Type::Reflect, Type::Reflect];
const ANY: &[Type] = &[Type::Any];

static BUILTINS: &[Function] = &[
    // The executor evaluates these two itself, because they stop early.
    Function::variadic("and", TWO, |_, args| Ok(args.last().cloned().unwrap_or_default())),
    Function::variadic("or", TWO, |_, args| Ok(args.last().cloned().unwrap_or_default())),
    Function::variadic("call", TWO, |_, args| call("value", args)),
    Function::new("not", ONE, |_, args| Ok(Value::Bool(!args[0].truth()))),
    Function::variadic("eq", TWO, |_, args| compare::eq(args).map(Value::Bool)),
    Function::new("ne", TWO, |_, args| compare::eq(args).map(|equal| Value::Bool(!equal))),
    Function::new("lt", TWO, |_, args| compare::lt(&args[0], &args[1]).map(Value::Bool)),
    Function::new("le", TWO, |_, args| compare::le(args).map(Value::Bool)),
    Function::new("gt", TWO, |_, args| compare::le(args).map(|le| Value::Bool(!le))),
    Function::new("ge", TWO, |_, args| {
        compare::lt(&args[0], &args[1]).map(|less| Value::Bool(!less))
    }),
    Function::variadic("index", TWO, |_, args| index::index(args)),
    Function::variadic("slice", TWO, |_, args| index::slice(args)),
    Function::new("len", ONE, |_, args| index::len(&args[0])),
    Function::variadic("print", ANY, |_, args| printed(fmt::sprint(args, MAX_BYTES, false))),
    Function::variadic("println", ANY, |_, args| printed(fmt::sprintln(args, MAX_BYTES))),
    Function::variadic("printf", &[Type::String, Type::Any], |_, args| {
        let format = args[0].as_str().cloned().unwrap_or(Str::Borrowed(""));
        printed(fmt::sprintf(format.as_bytes(), &args[1..], MAX_BYTES))
    }),
    Function::variadic("html", ANY, |_, args| escaped(args, escape::html)),
    Function::variadic("js", ANY, |_, args| escaped(args, escape::js)),
    Function::variadic("urlquery", ANY, |_, args| escaped(args, escape::url_query)),
];

/// `call`: nothing here is a function, so it can only fail as Go does.
pub(crate) fn call<'a>(callee: &str, args: &[Value<'a>]) -> Result<Value<'a>, CallError> {
    let value = args.first().unwrap_or(&Value::Invalid);
    if matches!(value.kind(), Kind::Invalid | Kind::Interface) {
        return Err(CallError::new("call of nil"));
    }
    let ty = value.type_name();
    Err(CallError::new(format!("non-function {callee} of type {}", ty.to_str())))
}

fn printed<'a>(text: Option<Vec<u8>>) -> Result<Value<'a>, CallError> {
    match text {
        Some(text) => Ok(Value::Str(text.into())),
        None => Err(CallError::new(format!("makes more than {MAX_BYTES} bytes"))),
    }
}

fn escaped<'a>(
    args: &[Value<'a>],
    escape: impl Fn(&[u8]) -> Vec<u8>,
) -> Result<Value<'a>, CallError> {
    let text = match args {
        [Value::Str(text)] => Some(text.as_bytes().to_vec()),
        // Escaping makes text up to six times as long.
        args => fmt::sprint(args, MAX_BYTES / 6, true),
    };
    printed(text.map(|text| escape(&text)).filter(|text| text.len() <= MAX_BYTES))
}
