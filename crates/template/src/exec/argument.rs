use super::{Args, At, Result, State, is_nil_interface};
use crate::{
    function::Type,
    parse::node::{Expr, Term},
    value::{List, Map, NilPointer, Value},
};

impl<'a> State<'a, '_, '_> {
    /// The value of an argument for a parameter of this type; without one, for whatever comes.
    pub(super) fn argument(
        &mut self,
        dot: &Value<'a>,
        ty: Option<Type>,
        expr: &'a Expr,
    ) -> Result<Value<'a>> {
        self.at(At::Expr(expr));
        let value = match &expr.term {
            Term::Dot => dot.clone(),
            Term::Nil => {
                let name = ty.map_or("interface {}", Type::name);
                return match ty.and_then(zero) {
                    Some(value) => Ok(value),
                    None => self.error(format!("cannot assign nil to {name}")),
                };
            }
            Term::Field(names) => self.fields(dot.clone(), expr, names, Args::none(dot))?,
            Term::Variable(variable, names) => {
                let value = self.variable(variable)?;
                self.fields(value, expr, names, Args::none(dot))?
            }
            Term::Pipe(pipe) => {
                self.deeper()?;
                let value = self.pipeline(dot, pipe)?;
                self.depth -= 1;
                value
            }
            Term::Function(function, builtin) => {
                self.call(function, *builtin, At::Expr(expr), None, Args::none(dot))?
            }
            Term::Chain(inner, names) => self.chain(expr, inner, names, Args::none(dot))?,
            Term::Bool(_) | Term::Number(_) | Term::String(..) => {
                return self.constant(ty.unwrap_or(Type::Any), expr);
            }
        };
        self.validate(value, ty)
    }

    /// A literal as the type that is asked for.
    fn constant(&mut self, ty: Type, expr: &'a Expr) -> Result<Value<'a>> {
        let expected = |word: &str| format!("expected {word}; found {expr}");
        match (ty, &expr.term) {
            (Type::Any | Type::Reflect, _) => self.literal(expr),
            (Type::Bool, Term::Bool(bool)) => Ok(Value::Bool(*bool)),
            (Type::Bool, _) => self.error(expected("bool")),
            (Type::String, Term::String(_, constant)) => Ok(Value::Str(constant.value())),
            (Type::String, _) => self.error(expected("string")),
            (Type::Int(ty), Term::Number(number)) if number.int.is_some() => {
                Ok(Value::Int(ty, number.int.unwrap_or_default()))
            }
            (Type::Int(_), _) => self.error(expected("integer")),
            (Type::Uint(ty), Term::Number(number)) if number.uint.is_some() => {
                Ok(Value::Uint(ty, number.uint.unwrap_or_default()))
            }
            (Type::Uint(_), _) => self.error(expected("unsigned integer")),
            (Type::Float64, Term::Number(number)) if number.float.is_some() => {
                Ok(Value::Float(number.float.unwrap_or_default()))
            }
            (Type::Float64, _) => self.error(expected("float")),
            _ => self.error(format!("can't handle {expr} for arg of type {}", ty.name())),
        }
    }

    /// A value as the type that is asked for, or Go's error.
    pub(super) fn validate(&self, value: Value<'a>, ty: Option<Type>) -> Result<Value<'a>> {
        let Some(ty) = ty else { return Ok(value) };
        if ty == Type::Reflect {
            return Ok(value);
        }
        if matches!(value, Value::Invalid) {
            return match zero(ty) {
                Some(value) => Ok(value),
                None => self.error(format!("invalid value; expected {}", ty.name())),
            };
        }
        if ty == Type::Any || assignable(&value, ty) {
            return Ok(value);
        }
        // One indirection works too.
        if let Value::Pointer(inner) = &value
            && assignable(inner, ty)
        {
            return Ok((**inner).clone());
        }
        if let Value::Struct(object) = &value {
            let other = if object.pointer() {
                object.pointee()
            } else {
                crate::Struct::pointer_to(object.class(), object.data())
            };
            if assignable(&Value::Struct(other), ty) {
                return Ok(Value::Struct(other));
            }
        }
        let got = value.type_name();
        self.error(format!("wrong type for value; expected {}; got {}", ty.name(), got.to_str()))
    }
}

/// The nil of a type that has one.
fn zero<'a>(ty: Type) -> Option<Value<'a>> {
    match ty {
        Type::Any => Some(Value::Nil),
        Type::Reflect => Some(Value::Invalid),
        Type::Bytes => Some(Value::Bytes([].into())),
        Type::Strings => Some(Value::List(List::nil(List::STRINGS))),
        Type::List => Some(Value::List(List::nil(List::ANY))),
        Type::Dict => Some(Value::Map(Map::Nil(Map::ANY))),
        Type::Other(name) if name.starts_with('*') => {
            Some(Value::NilPointer(NilPointer::Plain(name)))
        }
        _ => None,
    }
}

fn assignable(value: &Value<'_>, ty: Type) -> bool {
    match (ty, value) {
        (Type::Any | Type::Reflect, _)
        | (Type::String, Value::Str(_))
        | (Type::Bool, Value::Bool(_))
        | (Type::Float64, Value::Float(_))
        | (Type::Bytes, Value::Bytes(_))
        | (Type::Time, Value::Time(_)) => true,
        (Type::Int(ty), Value::Int(given, _)) => ty == *given,
        (Type::Uint(ty), Value::Uint(given, _)) => ty == *given,
        (Type::Strings, Value::List(list)) => list.type_name() == List::STRINGS,
        (Type::List, Value::List(list)) => list.type_name() == List::ANY,
        (Type::Dict, Value::Map(map)) => map.type_name() == Map::ANY,
        (Type::Other(name), value) if !is_nil_interface(value) => {
            *value.type_name().to_str() == *name
        }
        _ => false,
    }
}
