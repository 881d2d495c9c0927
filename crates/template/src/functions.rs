//! Every function a template can call, by name.

use crate::{builtins, function::Function, sprig};

/// The function of this name, and whether it is one of text/template itself.
pub(crate) fn find(name: &str) -> Option<(&'static Function, bool)> {
    // sprig's `slice` stands in front of the builtin one, as it does in Go.
    let ours = sprig::find(name).map(|function| (function, false));
    ours.or_else(|| builtins::find(name).map(|function| (function, true)))
}
