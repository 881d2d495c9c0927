//! Every function a template can call, by name.

use crate::{builtins, function::Function};

/// The function of this name, and whether it is one of text/template itself.
pub(crate) fn find(name: &str) -> Option<(&'static Function, bool)> {
    builtins::find(name).map(|function| (function, true))
}
