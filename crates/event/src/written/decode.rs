//! The decoder: a serde `Deserializer` that knows what the target wants, and forgives as Go does.

use std::{cell::RefCell, fmt};

use serde::{
    Deserializer,
    de::{
        self, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
        Visitor,
        value::{BorrowedStrDeserializer, StrDeserializer},
    },
};
use serde_json::{Map, Value};

use super::{Flaw, FlawKind, is_dangling, number, path::Path};

/// What was found wrong so far.
pub(super) type Flaws = RefCell<Vec<Flaw>>;

/// A value, where it stands, and where to complain.
#[derive(Clone, Copy)]
pub(super) struct At<'de, 'p> {
    pub(super) value: &'de Value,
    pub(super) path: Path<'p>,
    pub(super) flaws: &'p Flaws,
}

/// A mistake after which nothing is left of the value around it.
#[derive(Debug)]
pub(super) struct Fatal {
    message: String,
    /// The innermost place that is known.
    path: Option<String>,
}

impl Fatal {
    pub(super) fn into_flaw(self, root: &str) -> Flaw {
        let path = self.path.unwrap_or_else(|| root.to_owned());
        Flaw { path, kind: FlawKind::Mistake { message: self.message, hint: None } }
    }

    fn at(mut self, path: Path<'_>) -> Self {
        self.path.get_or_insert_with(|| path.to_string());
        self
    }
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fatal {}

impl de::Error for Fatal {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), path: None }
    }
}

/// What stands there, in the words of YAML, and never the value itself.
fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        dangling if is_dangling(dangling) => "a reference to something that is not there",
        Value::Object(_) => "a mapping",
    }
}

impl<'de> At<'de, '_> {
    fn flaw(&self, kind: FlawKind) {
        self.flaws.borrow_mut().push(Flaw { path: self.path.to_string(), kind });
    }

    fn mistaken(&self, expected: &str) {
        let message = format!("{expected} is expected, and this is {}", found(self.value));
        self.flaw(FlawKind::Mistake { message, hint: None });
    }

    /// A whole number; 0 after a mistake.
    fn whole<N: TryFrom<i128> + Default>(&self) -> N {
        let wide = match self.value {
            Value::Null => return N::default(),
            Value::Number(number) => number.as_i128().or_else(|| {
                let float = number.as_f64()?;
                #[expect(clippy::cast_possible_truncation, reason = "cutting off is the rule")]
                Some(float as i128)
            }),
            _ => {
                self.mistaken("a whole number");
                return N::default();
            }
        };
        wide.and_then(|wide| N::try_from(wide).ok()).unwrap_or_else(|| {
            let unsigned = N::try_from(-1).is_err();
            let below = unsigned && wide.is_some_and(|wide| wide < 0);
            let message = if below { "0 or more is expected" } else { "this number is too large" };
            self.flaw(FlawKind::Mistake { message: message.into(), hint: None });
            N::default()
        })
    }

    fn visit_object<V: Visitor<'de>>(
        self,
        object: &'de Map<String, Value>,
        known: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Fatal> {
        let entries = Entries { at: self, rest: object.iter(), next: None, known };
        visitor.visit_map(entries).map_err(|error| error.at(self.path))
    }

    fn visit_nothing<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fatal> {
        let none = serde::de::value::MapDeserializer::<
            std::iter::Empty<(StrDeserializer<'_, Fatal>, StrDeserializer<'_, Fatal>)>,
            Fatal,
        >::new(std::iter::empty());
        visitor.visit_map(none).map_err(|error| error.at(self.path))
    }
}

macro_rules! whole_numbers {
    ($($deserialize:ident $visit:ident $number:ty,)*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fatal> {
            visitor.$visit(self.whole::<$number>())
        }
    )*};
}

macro_rules! texts {
    ($($deserialize:ident)*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fatal> {
            let visited = match self.value {
                Value::String(text) => visitor.visit_borrowed_str(text),
                Value::Number(number) => visitor.visit_string(number::text(number)),
                Value::Bool(true) => visitor.visit_borrowed_str("true"),
                Value::Bool(false) => visitor.visit_borrowed_str("false"),
                Value::Null => visitor.visit_borrowed_str(""),
                dangling if is_dangling(dangling) => visitor.visit_borrowed_str(""),
                Value::Array(_) | Value::Object(_) => {
                    self.mistaken("a text");
                    visitor.visit_borrowed_str("")
                }
            };
            visited.map_err(|error: Fatal| error.at(self.path))
        }
    )*};
}

impl<'de> Deserializer<'de> for At<'de, '_> {
    type Error = Fatal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fatal> {
        let visited = match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(it) => visitor.visit_bool(*it),
            Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(number), ..) => visitor.visit_i64(number),
                (_, Some(number), _) => visitor.visit_u64(number),
                (_, _, Some(number)) => visitor.visit_f64(number),
                _ => visitor.visit_string(number.to_string()),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(elements) => visitor.visit_seq(Elements::new(self, elements)),
            Value::Object(object) => return self.visit_object(object, None, visitor),
        };
        visited.map_err(|error: Fatal| error.at(self.path))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fatal> {
        visitor.visit_bool(match self.value {
            Value::Bool(it) => *it,
            Value::Null => false,
            dangling if is_dangling(dangling) => false,
            _ => {
                self.mistaken("`true` or `false`");
                false
            }
        })
    }

    whole_numbers! {
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fatal> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fatal> {
        visitor.visit_f64(match self.value {
            Value::Number(number) => number.as_f64().unwrap_or_default(),
            Value::Null => 0.0,
            dangling if is_dangling(dangling) => 0.0,
            _ => {
                self.mistaken("a number");
                0.0
            }
        })
    }

    texts!(deserialize_char deserialize_str deserialize_string deserialize_identifier);

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fatal> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fatal> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fatal> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fatal> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fatal> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fatal> {
        visitor.visit_newtype_struct(self).map_err(|error| error.at(self.path))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fatal> {
        let elements: &[Value] = match self.value {
            Value::Array(elements) => elements,
            Value::Null => &[],
            Value::Object(object) if !is_dangling(self.value) => {
                self.flaw(FlawKind::OneForMany);
                // An empty mapping holds nothing; as a rule it would match everything.
                if object.is_empty() { &[] } else { std::slice::from_ref(self.value) }
            }
            _ => {
                self.mistaken("a list");
                &[]
            }
        };
        visitor.visit_seq(Elements::new(self, elements)).map_err(|error| error.at(self.path))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Fatal> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Fatal> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fatal> {
        match self.value {
            Value::Object(object) if !is_dangling(self.value) => {
                self.visit_object(object, None, visitor)
            }
            Value::Null => self.visit_nothing(visitor),
            _ => {
                self.mistaken("a mapping");
                self.visit_nothing(visitor)
            }
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fatal> {
        match self.value {
            Value::Object(object) if !is_dangling(self.value) => {
                self.visit_object(object, Some(fields), visitor)
            }
            _ => self.deserialize_map(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fatal> {
        let (written, content) = match self.value {
            Value::String(text) => (text.clone(), None),
            Value::Number(number) => (number::text(number), None),
            Value::Bool(it) => (it.to_string(), None),
            Value::Object(object) if object.len() == 1 && !is_dangling(self.value) => {
                let (key, content) = object.iter().next().expect("there is one");
                (key.clone(), Some(content))
            }
            Value::Null | Value::Object(_) | Value::Array(_) => (String::new(), None),
        };
        let known = variants.iter().find(|variant| **variant == written);
        if known.is_none() {
            let all: Vec<_> = variants.iter().map(|variant| format!("`{variant}`")).collect();
            let shown = match self.value {
                // It is a word of a short list, no secret; what is long is no such word.
                Value::Null | Value::Array(_) => found(self.value).to_owned(),
                _ if written.is_empty() || written.len() > 40 => found(self.value).to_owned(),
                _ => format!("`{written}`"),
            };
            let message = format!("{shown} is none of {}", all.join(", "));
            self.flaw(FlawKind::Mistake { message, hint: None });
        }
        // After a mistake any variant will do: the settings are not used.
        let name = known.or(variants.first()).copied().unwrap_or_default();
        let content = if known.is_some() { content } else { None };
        let variant = Variant { at: self, name, content };
        visitor.visit_enum(variant).map_err(|error| error.at(self.path))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fatal> {
        visitor.visit_unit()
    }
}

/// The elements of a list.
struct Elements<'de, 'p> {
    at: At<'de, 'p>,
    rest: std::iter::Enumerate<std::slice::Iter<'de, Value>>,
}

impl<'de, 'p> Elements<'de, 'p> {
    fn new(at: At<'de, 'p>, elements: &'de [Value]) -> Self {
        Self { at, rest: elements.iter().enumerate() }
    }
}

impl<'de> SeqAccess<'de> for Elements<'de, '_> {
    type Error = Fatal;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fatal> {
        let Some((index, value)) = self.rest.next() else { return Ok(None) };
        let path = Path::Index(&self.at.path, index);
        seed.deserialize(At { value, path, flaws: self.at.flaws }).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The entries of a mapping.
struct Entries<'de, 'p> {
    at: At<'de, 'p>,
    rest: serde_json::map::Iter<'de>,
    next: Option<(&'de str, &'de Value)>,
    /// The keys of a struct; of a map each key is welcome.
    known: Option<&'static [&'static str]>,
}

impl<'de> MapAccess<'de> for Entries<'de, '_> {
    type Error = Fatal;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fatal> {
        for (key, value) in self.rest.by_ref() {
            if let Some(known) = self.known {
                if !known.contains(&key.as_str()) {
                    let path = Path::Key(&self.at.path, key).to_string();
                    let kind = FlawKind::Unknown { known: known.to_vec() };
                    self.at.flaws.borrow_mut().push(Flaw { path, kind });
                    continue;
                }
                // Nothing is the zero value, and so is a key that is not there.
                if value.is_null() {
                    continue;
                }
            }
            self.next = Some((key, value));
            return seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fatal> {
        let (key, value) = self.next.take().expect("a value follows its key");
        let path = Path::Key(&self.at.path, key);
        seed.deserialize(At { value, path, flaws: self.at.flaws }).map_err(|error| error.at(path))
    }
}

/// One variant of an enum, and what stands under its name.
struct Variant<'de, 'p> {
    at: At<'de, 'p>,
    name: &'static str,
    content: Option<&'de Value>,
}

impl<'de> EnumAccess<'de> for Variant<'de, '_> {
    type Error = Fatal;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fatal> {
        let name: StrDeserializer<'_, Fatal> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de, '_> {
    type Error = Fatal;

    fn unit_variant(self) -> Result<(), Fatal> {
        if self.content.is_some_and(|content| !content.is_null()) {
            let message = format!("`{}` takes no settings", self.name);
            self.at.flaw(FlawKind::Mistake { message, hint: None });
        }
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fatal> {
        let value = self.content.unwrap_or(&Value::Null);
        let path = Path::Key(&self.at.path, self.name);
        seed.deserialize(At { value, path, flaws: self.at.flaws })
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Fatal> {
        let value = self.content.unwrap_or(&Value::Null);
        let path = Path::Key(&self.at.path, self.name);
        At { value, path, flaws: self.at.flaws }.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fatal> {
        let value = self.content.unwrap_or(&Value::Null);
        let path = Path::Key(&self.at.path, self.name);
        At { value, path, flaws: self.at.flaws }.deserialize_struct("", fields, visitor)
    }
}
