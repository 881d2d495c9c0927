//! Alive, and ready. Alive depends on nothing outside: a pod that is restarted because its receiver is
//! down only loses time. Ready means that events are being watched.

use std::fmt::Write;

use pipeline::collect::Phase;

use super::Sources;

/// Whether events are watched, and a line for each thing that was looked at, as kube-apiserver words
/// them.
pub(super) fn ready(sources: &Sources) -> (bool, String) {
    let mut all = !sources.stop.has_fired();
    let mut text = String::new();
    for (namespace, status) in &sources.scopes {
        let status = status.borrow();
        let watched = status.phase == Phase::Watching;
        all &= watched;
        let place = if namespace.is_empty() { "all namespaces" } else { namespace };
        let (sign, word) = match status.phase {
            Phase::Watching => ('+', "watching"),
            Phase::Starting => ('-', "starting"),
            Phase::Listing => ('-', "listing"),
            Phase::Waiting => ('-', "waiting"),
            Phase::Stopped => ('-', "stopped"),
        };
        write!(text, "[{sign}]events of {place}: {word}").expect("a string takes it");
        if let Some(trouble) = &status.trouble {
            write!(text, " ({trouble})").expect("a string takes it");
        }
        text.push('\n');
    }
    if sources.stop.has_fired() {
        text.push_str("[-]stopping\n");
    }
    (all, text)
}
