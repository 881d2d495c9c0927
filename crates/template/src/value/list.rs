use std::rc::Rc;

use super::{Value, release};

/// A slice, with the name of its type.
///
/// Slices are never changed in place: a function that adds to one makes a new one.
#[derive(Debug, Clone)]
pub struct List<'a> {
    type_name: &'static str,
    items: Option<Rc<[Value<'a>]>>,
}

impl<'a> List<'a> {
    /// The type of what most functions make.
    pub const ANY: &'static str = "[]interface {}";

    /// The type of a list of texts.
    pub const STRINGS: &'static str = "[]string";

    /// A slice of the type named.
    pub fn of(type_name: &'static str, items: impl Into<Rc<[Value<'a>]>>) -> Self {
        Self { type_name, items: Some(items.into()) }
    }

    /// The nil slice of the type named.
    pub fn nil(type_name: &'static str) -> Self {
        Self { type_name, items: None }
    }

    /// For example `[]string`.
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// Whether its elements are interfaces, which can hold nil.
    pub fn holds_interfaces(&self) -> bool {
        self.type_name == Self::ANY
    }

    /// The elements; none of the nil slice.
    pub fn items(&self) -> &[Value<'a>] {
        self.items.as_deref().unwrap_or_default()
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.items().len()
    }

    /// No elements.
    pub fn is_empty(&self) -> bool {
        self.items().is_empty()
    }

    /// Whether it is the nil slice, which prints like an empty one but is `null` in JSON.
    pub fn is_nil(&self) -> bool {
        self.items.is_none()
    }

    pub(super) fn take(&mut self, into: &mut Vec<Value<'a>>) {
        if let Some(mut items) = self.items.take()
            && let Some(items) = Rc::get_mut(&mut items)
        {
            into.extend(items.iter_mut().map(std::mem::take));
        }
    }
}

impl Drop for List<'_> {
    fn drop(&mut self) {
        if self.items().iter().any(release::nests) {
            let mut values = Vec::new();
            self.take(&mut values);
            release::all(values);
        }
    }
}
