use std::{
    any::Any,
    cell::{Ref, RefCell},
    collections::BTreeMap,
    fmt,
    rc::Rc,
};

use super::{Str, Value, release};
use crate::function::CallError;

/// A map with string keys, with the name of its type. Sorted by key, as Go prints maps.
#[derive(Clone)]
pub enum Map<'a> {
    /// A map of the data.
    Borrowed {
        /// How to read it.
        class: &'static dyn MapClass,
        /// The map.
        data: &'a dyn Any,
    },
    /// A map that a function made; clones share it, so that `set` is seen by all, as in Go.
    Shared(Dict<'a>),
    /// The nil map of the type named.
    Nil(&'static str),
}

/// How to read a map of the data. Each method is given the data that the [`Map`] was made with.
pub trait MapClass: Sync {
    /// For example `map[string]string`.
    fn name(&self) -> &'static str;
    /// How many entries it has.
    fn len(&self, data: &dyn Any) -> usize;
    /// The value of a key.
    fn get<'a>(&self, data: &'a dyn Any, key: &[u8]) -> Option<Value<'a>>;
    /// All entries, sorted by key.
    fn entries<'a>(&self, data: &'a dyn Any) -> Vec<(Str<'a>, Value<'a>)>;
}

/// Type and contents of a map that a function made.
#[derive(Clone)]
pub struct Dict<'a> {
    type_name: &'static str,
    shared: Rc<RefCell<BTreeMap<Str<'a>, Value<'a>>>>,
}

impl<'a> Map<'a> {
    /// The type of what sprig's `dict` makes.
    pub const ANY: &'static str = "map[string]interface {}";

    /// The type of labels.
    pub const STRINGS: &'static str = "map[string]string";

    /// A `map[string]interface {}` with these entries; of equal keys the last counts.
    pub fn dict(entries: impl IntoIterator<Item = (Str<'a>, Value<'a>)>) -> Self {
        Self::of(Self::ANY, entries)
    }

    /// A map of the type named.
    pub fn of(
        type_name: &'static str,
        entries: impl IntoIterator<Item = (Str<'a>, Value<'a>)>,
    ) -> Self {
        let shared = Rc::new(RefCell::new(entries.into_iter().collect()));
        Self::Shared(Dict { type_name, shared })
    }

    /// For example `map[string]string`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Borrowed { class, .. } => class.name(),
            Self::Shared(dict) => dict.type_name,
            Self::Nil(name) => name,
        }
    }

    /// The type of its values, as Go names it.
    pub fn element_name(&self) -> &'static str {
        self.type_name().split_once(']').map_or("interface {}", |(_, element)| element)
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Borrowed { class, data } => class.len(*data),
            Self::Shared(dict) => dict.borrow().len(),
            Self::Nil(_) => 0,
        }
    }

    /// No entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is the nil map. A map of the data without entries counts as nil: that is what the
    /// Kubernetes API makes of one.
    pub fn is_nil(&self) -> bool {
        match self {
            Self::Borrowed { .. } => self.is_empty(),
            Self::Shared(_) => false,
            Self::Nil(_) => true,
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<Value<'a>> {
        match self {
            Self::Borrowed { class, data } => class.get(*data, key),
            Self::Shared(dict) => dict.borrow().get(key).cloned(),
            Self::Nil(_) => None,
        }
    }

    /// What `index` gives for a key that is not there: the zero value of the type of its values.
    pub fn zero(&self) -> Value<'a> {
        match self.element_name() {
            "string" => Value::Str(Str::Borrowed("")),
            "int" => Value::int(0),
            "bool" => Value::Bool(false),
            "float64" => Value::Float(0.0),
            _ => Value::Nil,
        }
    }

    /// All entries, sorted by key.
    pub fn entries(&self) -> Vec<(Str<'a>, Value<'a>)> {
        match self {
            Self::Borrowed { class, data } => class.entries(*data),
            Self::Shared(dict) => {
                dict.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect()
            }
            Self::Nil(_) => Vec::new(),
        }
    }

    /// Sets a key, for everybody who shares the map. Maps of the data and nil maps cannot be changed.
    pub fn insert(&self, key: Str<'a>, value: Value<'a>) -> Result<(), CallError> {
        let Self::Shared(dict) = self else {
            return Err(match self {
                Self::Nil(_) => CallError::new("assignment to entry in nil map"),
                _ => CallError::new("a map of the event cannot be changed"),
            });
        };
        dict.refuse_cycle(&value)?;
        dict.shared.borrow_mut().insert(key, value);
        Ok(())
    }

    /// Removes a key, for everybody who shares the map. Maps of the data stay as they are.
    pub fn remove(&self, key: &[u8]) {
        if let Self::Shared(dict) = self {
            dict.shared.borrow_mut().remove(key);
        }
    }

    pub(super) fn take(&mut self, into: &mut Vec<Value<'a>>) {
        if let Self::Shared(dict) = self {
            dict.take(into);
        }
    }
}

/// Most containers inside a value that is put into a map.
const MAX_CONTAINERS: usize = 10_000;

impl<'a> Dict<'a> {
    /// The contents. Must be let go before anything is inserted.
    pub fn borrow(&self) -> Ref<'_, BTreeMap<Str<'a>, Value<'a>>> {
        self.shared.borrow()
    }

    /// A map that holds itself would never be freed, nor could it be printed: Go dies of that.
    fn refuse_cycle(&self, value: &Value<'a>) -> Result<(), CallError> {
        let mut waiting = vec![value.clone()];
        let mut seen = 0;
        while let Some(value) = waiting.pop() {
            match &value {
                Value::List(list) => {
                    waiting
                        .extend(list.items().iter().filter(|item| release::nests(item)).cloned());
                }
                Value::Map(Map::Shared(dict)) => {
                    if Rc::ptr_eq(&dict.shared, &self.shared) {
                        return Err(CallError::new("a map cannot hold itself"));
                    }
                    let items = dict.borrow();
                    waiting.extend(items.values().filter(|item| release::nests(item)).cloned());
                }
                Value::Pointer(inner) => waiting.push((**inner).clone()),
                _ => continue,
            }
            seen += 1;
            if seen > MAX_CONTAINERS {
                return Err(CallError::new("a value with more than 10000 maps and lists in it"));
            }
        }
        Ok(())
    }

    fn take(&mut self, into: &mut Vec<Value<'a>>) {
        if Rc::strong_count(&self.shared) == 1 {
            into.extend(std::mem::take(&mut *self.shared.borrow_mut()).into_values());
        }
    }
}

impl Drop for Dict<'_> {
    fn drop(&mut self) {
        if Rc::strong_count(&self.shared) == 1 && self.borrow().values().any(release::nests) {
            let mut values = Vec::new();
            self.take(&mut values);
            release::all(values);
        }
    }
}

impl fmt::Debug for Map<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the contents: they can be deeper than a stack.
        write!(f, "{}({} entries)", self.type_name(), self.len())
    }
}

impl fmt::Debug for Dict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({} entries)", self.type_name, self.borrow().len())
    }
}

impl fmt::Debug for dyn MapClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
