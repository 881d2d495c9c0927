use std::any::Any;

use event::{Text, event::TextMap};
use template::{Class, Function, List, Map, MapClass, NilPointer, NilString, Str, Struct, Value};

/// How to read something of a struct.
pub(super) type Read<T> = for<'a> fn(&'a T) -> Value<'a>;

/// A field: its name in Go, and how to read it.
pub(super) type Field<T> = (&'static str, Read<T>);

/// How to write a form of a struct.
pub(super) type Write<T> = fn(&T, &mut Vec<u8>);

/// A Go struct whose values are `T` here.
pub(super) struct GoStruct<T: 'static> {
    /// For example `v1.EventSource`.
    pub(super) name: &'static str,
    /// Its own fields, in the order of the type.
    pub(super) fields: &'static [Field<T>],
    /// Fields of embedded structs, and of ours.
    pub(super) promoted: fn(&str) -> Option<Read<T>>,
    /// Methods, promoted ones too.
    pub(super) methods: &'static [Function],
    /// An embedded value whose methods are promoted.
    pub(super) embedded: Option<Read<T>>,
    /// What `String` prints, and whether only a pointer has it.
    pub(super) string: Option<(Write<T>, bool)>,
    /// Its JSON.
    pub(super) json: Option<Write<T>>,
}

impl<T: 'static> GoStruct<T> {
    /// A struct with nothing but fields.
    pub(super) const fn new(name: &'static str, fields: &'static [Field<T>]) -> Self {
        Self {
            name,
            fields,
            promoted: |_| None,
            methods: &[],
            embedded: None,
            string: None,
            json: None,
        }
    }

    fn reader(&self, name: &str) -> Option<Read<T>> {
        match self.fields.iter().find(|(known, _)| *known == name) {
            Some((_, read)) => Some(*read),
            None => (self.promoted)(name),
        }
    }
}

impl<T: PartialEq + 'static> Class for GoStruct<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn field<'a>(&self, data: &'a dyn Any, name: &str) -> Option<Value<'a>> {
        let data = data.downcast_ref::<T>()?;
        Some(self.reader(name)?(data))
    }

    fn has_field(&self, name: &str) -> bool {
        self.reader(name).is_some()
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        self.methods.iter().find(|method| method.name == name)
    }

    fn embedded<'a>(&self, data: &'a dyn Any) -> Option<Value<'a>> {
        let embedded = self.embedded?;
        data.downcast_ref::<T>().map(embedded)
    }

    fn string(&self, data: &dyn Any, pointer: bool, out: &mut Vec<u8>) -> bool {
        let Some((write, _)) = self.string.filter(|(_, by_pointer)| pointer || !by_pointer) else {
            return false;
        };
        data.downcast_ref::<T>().map(|data| write(data, out)).is_some()
    }

    fn nil_string(&self) -> NilString {
        match self.string {
            None => NilString::None,
            // The generated methods look whether they have something to print.
            Some((_, true)) => NilString::Text("nil"),
            Some((_, false)) => NilString::Panics,
        }
    }

    fn same(&self, one: &dyn Any, other: &dyn Any) -> bool {
        one.downcast_ref::<T>() == other.downcast_ref::<T>()
    }

    fn json(&self, data: &dyn Any, out: &mut Vec<u8>) -> bool {
        let Some(write) = self.json else { return false };
        data.downcast_ref::<T>().map(|data| write(data, out)).is_some()
    }

    fn fields<'a>(&self, data: &'a dyn Any) -> Vec<(&'static str, Value<'a>)> {
        let Some(data) = data.downcast_ref::<T>() else { return Vec::new() };
        self.fields.iter().map(|(name, read)| (*name, read(data))).collect()
    }
}

/// A `string`.
pub(super) fn text(text: &Text) -> Value<'_> {
    Value::Str(Str::Borrowed(text))
}

/// A `types.UID`.
pub(super) fn uid(text: &Text) -> Value<'_> {
    Value::Named("types.UID", Str::Borrowed(text))
}

/// A `map[string]string`.
pub(super) fn map(map: &TextMap) -> Value<'_> {
    Value::Map(Map::Borrowed { class: &Labels, data: map })
}

/// A `[]string`, nil when empty.
pub(super) fn texts(texts: &[Text]) -> Value<'_> {
    if texts.is_empty() {
        return Value::List(List::nil(List::STRINGS));
    }
    Value::strings(texts.iter().map(|text| Str::Borrowed(text)))
}

/// A struct that lies in another.
pub(super) fn part<'a, T: PartialEq + 'static>(
    shape: &'static GoStruct<T>,
    data: &'a T,
) -> Value<'a> {
    Value::Struct(Struct::new(shape, data))
}

/// A pointer to a struct, maybe nil.
pub(super) fn pointer<'a, T: PartialEq + 'static>(
    shape: &'static GoStruct<T>,
    data: Option<&'a T>,
) -> Value<'a> {
    match data {
        Some(data) => Value::Struct(Struct::pointer_to(shape, data)),
        None => Value::NilPointer(NilPointer::Struct(shape)),
    }
}

/// Labels and annotations.
struct Labels;

fn labels(data: &dyn Any) -> Option<&TextMap> {
    data.downcast_ref()
}

impl MapClass for Labels {
    fn name(&self) -> &'static str {
        Map::STRINGS
    }

    fn len(&self, data: &dyn Any) -> usize {
        labels(data).map_or(0, TextMap::len)
    }

    fn get<'a>(&self, data: &'a dyn Any, key: &[u8]) -> Option<Value<'a>> {
        labels(data)?.get(str::from_utf8(key).ok()?).map(text)
    }

    fn entries<'a>(&self, data: &'a dyn Any) -> Vec<(Str<'a>, Value<'a>)> {
        let entries = labels(data).into_iter().flatten();
        entries.map(|(key, value)| (Str::Borrowed(key), text(value))).collect()
    }
}
