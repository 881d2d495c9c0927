//! Metrics of reading the config again.

use super::families::{Families, float};
use crate::reloading::Reloads;

/// Adds them.
pub(super) fn add(families: &mut Families, reloads: &Reloads) {
    let told = reloads.told();
    families
        .counter(
            "tidings_config_reloads_total",
            "How often the config was read again, by what became of it",
        )
        .add(&[("outcome", "applied")], float(told.applied))
        .add(&[("outcome", "unchanged")], float(told.unchanged))
        .add(&[("outcome", "refused")], float(told.refused));
    families
        .gauge(
            "tidings_config_last_reload_successful",
            "The config that was read last is obeyed; else an older one is",
        )
        .add(&[], f64::from(u8::from(told.is_current)));
    families
        .gauge(
            "tidings_config_last_success_timestamp_seconds",
            "When the config that is obeyed was read",
        )
        .add(&[], float(u64::try_from(told.read.as_second()).unwrap_or_default()));
    families
        .gauge(
            "tidings_config_hash",
            "A number for the files of the config that is obeyed, the same wherever they are the same",
        )
        .add(&[], told.hash.into());
}
