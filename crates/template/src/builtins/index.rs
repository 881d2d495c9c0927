use crate::{
    function::CallError,
    value::{List, UintType, Value},
};

fn invalid(value: &Value<'_>) -> bool {
    matches!(value, Value::Invalid | Value::Nil)
}

/// `len x`.
pub(super) fn len<'a>(value: &Value<'a>) -> Result<Value<'a>, CallError> {
    if matches!(value, Value::NilPointer(_) | Value::Nil) {
        return Err(CallError::new("len of nil pointer"));
    }
    let value = value.indirect();
    let length = match &value {
        Value::Str(text) | Value::Named(_, text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        // Go asks a value that is none for its type.
        Value::Invalid => {
            return Err(CallError::new("reflect: call of reflect.Value.Type on zero Value"));
        }
        value => {
            let ty = value.type_name();
            return Err(CallError::new(format!("len of type {}", ty.to_str())));
        }
    };
    Ok(Value::int(i64::try_from(length).unwrap_or(i64::MAX)))
}

/// `index x 1 2`: `x[1][2]`.
pub(super) fn index<'a>(args: &[Value<'a>]) -> Result<Value<'a>, CallError> {
    let (item, indexes) = args.split_first().map_or((&Value::Invalid, args), |split| split);
    if invalid(item) {
        return Err(CallError::new("index of untyped nil"));
    }
    let mut item = item.clone();
    for index in indexes {
        if matches!(item, Value::NilPointer(_) | Value::Nil) {
            return Err(CallError::new("index of nil pointer"));
        }
        item = one(&item.indirect(), index)?;
    }
    Ok(item)
}

fn one<'a>(item: &Value<'a>, index: &Value<'a>) -> Result<Value<'a>, CallError> {
    let byte = |bytes: &[u8], at: usize| Value::Uint(UintType::Uint8, u64::from(bytes[at]));
    match item {
        Value::Str(text) | Value::Named(_, text) => {
            let at = inside(index, text.len())?;
            Ok(byte(text.as_bytes(), at))
        }
        Value::Bytes(bytes) => Ok(byte(bytes, inside(index, bytes.len())?)),
        Value::List(list) => Ok(list.items()[inside(index, list.len())?].clone()),
        Value::Map(map) => match index {
            Value::Str(key) => Ok(map.get(key.as_bytes()).unwrap_or_else(|| map.zero())),
            index if invalid(index) => {
                Err(CallError::new("value is nil; should be of type string"))
            }
            index => {
                let ty = index.type_name();
                Err(CallError::new(format!("value has type {}; should be string", ty.to_str())))
            }
        },
        item => {
            let ty = item.type_name();
            Err(CallError::new(format!("can't index item of type {}", ty.to_str())))
        }
    }
}

/// A place in something so long, its end included.
fn place(index: &Value<'_>, length: usize) -> Result<usize, CallError> {
    let number = match index {
        Value::Int(_, number) => *number,
        Value::Uint(_, number) => number.cast_signed(),
        index if invalid(index) => {
            return Err(CallError::new("cannot index slice/array with nil"));
        }
        index => {
            let ty = index.type_name();
            return Err(CallError::new(format!(
                "cannot index slice/array with type {}",
                ty.to_str()
            )));
        }
    };
    let place = usize::try_from(number).ok().filter(|place| *place <= length);
    place.ok_or_else(|| CallError::new(format!("index out of range: {number}")))
}

/// A place in something so long, its end not included: Go panics there.
fn inside(index: &Value<'_>, length: usize) -> Result<usize, CallError> {
    let place = place(index, length)?;
    if place == length {
        return Err(CallError::new("reflect: slice index out of range"));
    }
    Ok(place)
}

/// `slice x 1 2`: `x[1:2]`.
pub(super) fn slice<'a>(args: &[Value<'a>]) -> Result<Value<'a>, CallError> {
    let (item, indexes) = args.split_first().map_or((&Value::Invalid, args), |split| split);
    if invalid(item) {
        return Err(CallError::new("slice of untyped nil"));
    }
    if matches!(item, Value::NilPointer(_)) {
        return Err(CallError::new("slice of nil pointer"));
    }
    if indexes.len() > 3 {
        return Err(CallError::new(format!("too many slice indexes: {}", indexes.len())));
    }
    let item = item.indirect();
    let length = match &item {
        Value::Str(_) | Value::Named(..) if indexes.len() == 3 => {
            return Err(CallError::new("cannot 3-index slice a string"));
        }
        Value::Str(text) | Value::Named(_, text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        item => {
            let ty = item.type_name();
            return Err(CallError::new(format!("can't slice item of type {}", ty.to_str())));
        }
    };
    let mut places = [0, length, length];
    for (at, index) in indexes.iter().enumerate() {
        places[at] = place(index, length)?;
    }
    let [start, end, capacity] = places;
    for (low, high) in [(start, end), (end, capacity)] {
        if low > high {
            return Err(CallError::new(format!("invalid slice index: {low} > {high}")));
        }
    }
    Ok(match &item {
        Value::Str(text) => Value::Str(text.slice(start, end)),
        Value::Named(ty, text) => Value::Named(ty, text.slice(start, end)),
        Value::Bytes(bytes) => Value::Bytes(bytes[start..end].into()),
        Value::List(list) => Value::List(List::of(list.type_name(), &list.items()[start..end])),
        item => item.clone(),
    })
}
