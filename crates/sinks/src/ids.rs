//! The idempotency id of a payload: that of its event, or one made of those of its events. A repeat has the same.

use std::sync::Arc;

use event::{Event, Text};
use xxhash_rust::xxh3::Xxh3Default;

/// Most bytes of an id that goes into a payload as it is: document stores take no more than 512.
const LONGEST: usize = 500;

/// The id of an event, in a form that a header or a document's key can carry: the uid of a hand-made event can be any text.
pub fn key(event: &Event) -> String {
    let id = event.id().to_string();
    if id.len() <= LONGEST && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        id
    } else {
        Ids::default().with(event).key()
    }
}

/// The id of an event in 32 hexadecimal digits, for where there is little room.
pub fn short(event: &Event) -> String {
    Ids::default().with(event).key()
}

/// The id of several events: their own for one, else a short one.
pub fn of(events: &[impl AsRef<Event>]) -> String {
    match events {
        [event] => key(event.as_ref()),
        events => events.iter().fold(Ids::default(), |ids, event| ids.with(event.as_ref())).key(),
    }
}

/// The headers of a request about these events: their id, and how many of them somebody asked for once more.
pub(crate) fn headers(events: &[Arc<Event>]) -> Vec<(Text, String)> {
    let mut headers = vec![(Text::const_new("Idempotency-Key"), of(events))];
    let replays = events.iter().filter(|event| event.replay).count();
    if replays > 0 {
        headers.push((Text::const_new("Tidings-Replay"), replays.to_string()));
    }
    headers
}

/// The ids of several events, as one short key.
#[derive(Default)]
pub(crate) struct Ids(Box<Xxh3Default>);

impl Ids {
    /// One more event, behind those before.
    pub(crate) fn with(mut self, event: &Event) -> Self {
        self.0.update(event.id().to_string().as_bytes());
        self.0.update(b"\n");
        self
    }

    /// 32 hexadecimal digits.
    pub(crate) fn key(self) -> String {
        format!("{:032x}", self.0.digest128())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(uid: &str) -> Box<Event> {
        let mut event = Event::default();
        event.metadata.uid = uid.into();
        event.metadata.resource_version = "7".into();
        Box::new(event)
    }

    #[test]
    fn an_id_that_no_header_can_carry_or_that_is_too_long_is_hashed() {
        assert_eq!(key(&event("uid-4")), "uid-4/7");
        assert_eq!(key(&event("a\nb")).len(), 32);
        assert_eq!(key(&event(&"x".repeat(600))).len(), 32);
    }

    #[test]
    fn the_id_of_several_events_is_short_and_their_order_counts() {
        let (a, b) = (event("a"), event("b"));
        assert_eq!(of(std::slice::from_ref(&a)), "a/7");
        let both = of(&[a.clone(), b.clone()]);
        assert_eq!(both.len(), 32);
        assert_ne!(both, of(&[b, a]));
    }
}
