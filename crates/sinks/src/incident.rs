//! Which incident an event belongs to, for services that put events of one incident together: the same thing that happens
//! to the same object, however often.

use event::Event;
use xxhash_rust::xxh3::xxh3_128;

use crate::visible::visible;

/// Most bytes of a key; `PagerDuty` takes 255, Opsgenie 512.
const LONGEST: usize = 255;

/// The key of the incident that `reason` is about the object of `event`:
/// `production/prod/Pod/api-7/BackOff`. A part that is not known is empty.
pub(crate) fn key(event: &Event, reason: &str) -> String {
    let object = &event.involved.reference;
    let parts = [&*event.cluster_name, &*object.namespace, &*object.kind, &*object.name, reason];
    let key = parts.map(visible).join("/");
    if key.len() <= LONGEST {
        return key;
    }
    format!("{:032x}", xxh3_128(key.as_bytes()))
}

/// The object of an event: `prod/Pod/api-7`.
pub(crate) fn object(event: &Event) -> String {
    let object = &event.involved.reference;
    let parts = [&object.namespace, &object.kind, &object.name];
    let parts = parts.into_iter().filter(|part| !part.is_empty()).map(|part| visible(part));
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_is_a_reason_about_an_object() {
        let mut event = Event { cluster_name: "production".into(), ..Event::default() };
        event.involved.reference.kind = "Pod".into();
        event.involved.reference.name = "api-7".into();
        assert_eq!(key(&event, "BackOff"), "production//Pod/api-7/BackOff");
        assert_eq!(object(&event), "Pod/api-7");
        event.involved.reference.namespace = "prod".into();
        assert_eq!(key(&event, "BackOff"), "production/prod/Pod/api-7/BackOff");
        assert_eq!(object(&event), "prod/Pod/api-7");
        event.involved.reference.name = "x".repeat(300).into();
        assert_eq!(key(&event, "BackOff").len(), 32);
        assert_ne!(key(&event, "BackOff"), key(&event, "Unhealthy"));
    }
}
