//! `reflect.DeepEqual`: the same type, and the same in it. NaN equals nothing.

use super::limits::Walk;
use crate::{
    context::Context,
    function::CallError,
    time::Time,
    value::{NilPointer, Value},
};

/// Compares values, as many as one call may.
#[derive(Debug)]
pub(super) struct Equality {
    walk: Walk,
}

impl Equality {
    pub(super) fn new() -> Self {
        Self { walk: Walk::new() }
    }

    /// Whether one of `values` equals `value`.
    pub(super) fn has(
        &mut self,
        values: &[Value<'_>],
        value: &Value<'_>,
    ) -> Result<bool, CallError> {
        for other in values {
            if self.same(other, value)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether both are equal.
    pub(super) fn same(&mut self, a: &Value<'_>, b: &Value<'_>) -> Result<bool, CallError> {
        self.walk.enter()?;
        let same = self.inner(a, b);
        self.walk.leave();
        same
    }

    fn inner(&mut self, a: &Value<'_>, b: &Value<'_>) -> Result<bool, CallError> {
        Ok(match (a, b) {
            (Value::Nil | Value::Invalid, Value::Nil | Value::Invalid) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a_type, a), Value::Int(b_type, b)) => a_type == b_type && a == b,
            (Value::Uint(a_type, a), Value::Uint(b_type, b)) => a_type == b_type && a == b,
            #[expect(clippy::float_cmp, reason = "Go compares the same way")]
            (Value::Float(a), Value::Float(b)) => a == b,
            (Value::Str(a), Value::Str(b)) => a == b,
            (Value::Named(a_type, a), Value::Named(b_type, b)) => a_type == b_type && a == b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::List(a), Value::List(b)) => {
                let shape = a.type_name() == b.type_name() && a.is_nil() == b.is_nil();
                shape && self.all(a.items().iter(), b.items().iter())?
            }
            (Value::Map(a), Value::Map(b)) => {
                if a.type_name() != b.type_name() || a.is_nil() != b.is_nil() || a.len() != b.len()
                {
                    return Ok(false);
                }
                let (a, b) = (a.entries(), b.entries());
                let keys = a.iter().zip(&b).all(|((a, _), (b, _))| a == b);
                keys && self.all(a.iter().map(|(_, a)| a), b.iter().map(|(_, b)| b))?
            }
            (Value::Time(a), Value::Time(b)) => a.instant == b.instant && zone(a) == zone(b),
            (Value::Struct(a), Value::Struct(b)) => {
                a.pointer() == b.pointer()
                    && a.class().name() == b.class().name()
                    && self.fields(&a.fields(), &b.fields())?
            }
            (Value::Object(a), Value::Object(b)) => {
                a.type_name() == b.type_name() && self.fields(&a.fields(), &b.fields())?
            }
            (Value::Pointer(a), Value::Pointer(b)) => self.same(a, b)?,
            (Value::NilPointer(a), Value::NilPointer(b)) => pointer(a) == pointer(b),
            _ => false,
        })
    }

    fn all<'v, 'a: 'v, 'b: 'v>(
        &mut self,
        a: impl ExactSizeIterator<Item = &'v Value<'a>>,
        b: impl ExactSizeIterator<Item = &'v Value<'b>>,
    ) -> Result<bool, CallError> {
        if a.len() != b.len() {
            return Ok(false);
        }
        for (a, b) in a.zip(b) {
            if !self.same(a, b)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn fields(
        &mut self,
        a: &[(&'static str, Value<'_>)],
        b: &[(&'static str, Value<'_>)],
    ) -> Result<bool, CallError> {
        self.all(a.iter().map(|(_, a)| a), b.iter().map(|(_, b)| b))
    }
}

fn zone(time: &Time) -> (i32, std::rc::Rc<str>) {
    time.offset()
}

fn pointer(pointer: &NilPointer) -> String {
    match pointer {
        NilPointer::Struct(class) => format!("*{}", class.name()),
        NilPointer::Plain(name) => (*name).to_owned(),
    }
}

pub(super) fn deep_equal<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Result<Value<'a>, CallError> {
    let value = |at| args.get(at).unwrap_or(&Value::Nil);
    Ok(Equality::new().same(value(0), value(1))?.into())
}
