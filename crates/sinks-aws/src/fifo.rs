//! What queues and topics whose names end in `.fifo` want with each message: a group, within which they keep the order, and an
//! id, of which they take each only once within five minutes.

use event::Event;
use sinks::ids;

/// Most characters of either.
const LONGEST: usize = 128;

/// Whether order is kept there.
pub(crate) fn is(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| ending == "fifo")
}

/// Events about one object keep their order.
pub(crate) fn group(event: &Event) -> String {
    let object = &event.involved.reference.uid;
    fitting(object).or_else(|| fitting(&event.metadata.uid)).unwrap_or("events").to_owned()
}

/// The id of the event.
pub(crate) fn id(event: &Event) -> String {
    let key = ids::key(event);
    if key.len() <= LONGEST { key } else { ids::short(event) }
}

fn fitting(text: &str) -> Option<&str> {
    let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_graphic());
    fits.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_the_object_and_the_id_the_event() {
        let mut event = Event::default();
        assert_eq!(group(&event), "events");
        event.metadata.uid = "event".into();
        event.metadata.resource_version = "7".into();
        assert_eq!((group(&event), id(&event)), ("event".into(), "event/7".into()));
        event.involved.reference.uid = "object".into();
        assert_eq!(group(&event), "object");
        event.involved.reference.uid = "ö".into();
        assert_eq!(group(&event), "event");
        event.metadata.uid = "x".repeat(200).into();
        assert_eq!((group(&event), id(&event).len()), ("events".into(), 32));
    }
}
