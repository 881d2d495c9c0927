//! What is known of the objects that events are about, and what it took.

use pipeline::enrich::{
    kinds::KindId,
    knowledge::{Coverage, Knowledge},
};

use super::families::{Families, float};

/// Adds it.
pub(super) fn add(families: &mut Families, knowledge: &Knowledge) {
    let coverage = *knowledge.coverage().borrow();
    let objects = knowledge.objects();
    let watched = || {
        let kinds = KindId::all_watched().map(|(_, kind)| kind.plural).zip(coverage);
        kinds.zip(objects).filter(|((_, coverage), _)| *coverage != Coverage::Asked)
    };
    let mut up = families.more("tidings_watch_up");
    for ((resource, coverage), _) in watched() {
        let watching = f64::from(u8::from(coverage == Coverage::Watched));
        up.add(&[("resource", resource), ("namespace", "")], watching);
    }
    let mut known = families
        .gauge("tidings_enrich_objects", "Objects of which the metadata is known by watching them");
    for ((resource, _), count) in watched() {
        known.add(&[("resource", resource)], float(count as u64));
    }
    let stats = &knowledge.stats;
    families
        .counter(
            "tidings_enrich_lookups_total",
            "Looks at what events are about: a miss is asked of the API server, and may then be not_found, forbidden or an error; what is throttled or skipped is not asked",
        )
        .add(&[("result", "hit")], float(stats.hits.get()))
        .add(&[("result", "miss")], float(stats.asked.get()))
        .add(&[("result", "not_found")], float(stats.not_found.get()))
        .add(&[("result", "forbidden")], float(stats.forbidden.get()))
        .add(&[("result", "error")], float(stats.errors.get()))
        .add(&[("result", "throttled")], float(stats.throttled.get()))
        .add(&[("result", "skipped")], float(stats.refused.get()));
    families
        .gauge("tidings_enrich_forbidden_kinds", "Kinds of object that may not be read")
        .add(&[], float(knowledge.refused_kinds() as u64));
    families
        .gauge("tidings_enrich_held_records", "Events that wait for what they are about")
        .add(&[], float(stats.held.get()));
    families
        .counter(
            "tidings_enrich_incomplete_total",
            "Events that went on although something that was asked for is not known",
        )
        .add(&[], float(stats.incomplete.get()));
    families
        .counter(
            "tidings_enrich_crowded_out_total",
            "Events that were not waited for any longer because too many waited",
        )
        .add(&[], float(stats.crowded_out.get()));
    families.merge(knowledge.measured());
}
