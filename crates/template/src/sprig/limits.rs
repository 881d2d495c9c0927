//! How much one function may make: a template must never eat all memory.

use crate::{context::MAX_BYTES, function::CallError};

/// Most elements of a list or a map that one function makes.
pub(super) const MAX_ITEMS: usize = 1 << 18;

/// Most values that one function looks at when it walks into lists and maps.
pub(super) const MAX_VISITS: usize = 1 << 20;

/// Whether a text of this many bytes may be made.
pub(super) fn bytes(wanted: usize) -> Result<(), CallError> {
    if wanted <= MAX_BYTES {
        return Ok(());
    }
    Err(too_many_bytes())
}

/// A text would be too long.
pub(super) fn too_many_bytes() -> CallError {
    CallError::new(format!("makes more than {MAX_BYTES} bytes"))
}

/// Whether a list of this many elements may be made.
pub(super) fn items(wanted: usize) -> Result<(), CallError> {
    if wanted <= MAX_ITEMS {
        return Ok(());
    }
    Err(CallError::new(format!("makes more than {MAX_ITEMS} elements")))
}

/// How much of a nested value may still be walked.
#[derive(Debug)]
pub(super) struct Walk {
    visits: usize,
    depth: usize,
}

impl Walk {
    pub(super) fn new() -> Self {
        Self { visits: MAX_VISITS, depth: crate::value::MAX_DEPTH }
    }

    /// Steps into a value. Must be followed by [`Self::leave`] when it could.
    pub(super) fn enter(&mut self) -> Result<(), CallError> {
        if self.depth == 0 {
            return Err(CallError::new(format!(
                "a value nested more than {} levels deep",
                crate::value::MAX_DEPTH
            )));
        }
        self.depth -= 1;
        self.visit()
    }

    /// Steps out of a value.
    pub(super) fn leave(&mut self) {
        self.depth += 1;
    }

    /// Looks at one value.
    pub(super) fn visit(&mut self) -> Result<(), CallError> {
        self.visits = self.visits.checked_sub(1).ok_or_else(|| {
            CallError::new(format!("a value with more than {MAX_VISITS} values in it"))
        })?;
        Ok(())
    }
}
