//! Which receivers there are, and what goes to them: what stands in the config file.

use event::{Event, LaneId, LaneSet, Text};
use pipeline::route::{Receiver, Repeats, RouteSettings, Router, RuleSettings};
use proptest::prelude::*;

/// Receivers that a config can name: what they want, how many events a request to them holds, and how many
/// requests are under way at once.
pub(super) const LANES: [(&str, Repeats, usize, usize); 3] = [
    ("every", Repeats::Every, 4, 1),
    ("first", Repeats::First, 1, 3),
    ("one namespace", Repeats::Every, 3, 2),
];

/// What the last of them is called once it has got another name, until it gets the first one back.
const RENAMED: &str = "renamed";

/// Bits of the receivers, where several are meant.
pub(super) const EVERY: u8 = 1;
pub(super) const FIRST: u8 = 2;
pub(super) const SOME: u8 = 4;

/// A config: `every` is always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Routes {
    /// There is a receiver of the first revision of each Event.
    pub(super) first: bool,
    /// There is a receiver of the events of this namespace.
    pub(super) some: Option<u8>,
}

impl Default for Routes {
    fn default() -> Self {
        Self { first: true, some: None }
    }
}

pub(super) fn routes() -> impl Strategy<Value = Routes> {
    (any::<bool>(), prop::option::of(0u8..3)).prop_map(|(first, some)| Routes { first, some })
}

impl Routes {
    /// The places of its receivers among [`LANES`].
    pub(super) fn places(self) -> impl Iterator<Item = usize> {
        (0..LANES.len()).filter(move |place| match 1 << place {
            FIRST => self.first,
            SOME => self.some.is_some(),
            _ => true,
        })
    }

    pub(super) fn names(self, renamed: bool) -> Vec<Text> {
        self.places().map(|place| name(place, renamed).into()).collect()
    }

    /// The receivers that get every revision of this event.
    pub(super) fn always(self, event: &Event) -> u8 {
        let is_some = self.some.is_some_and(|it| *event.metadata.namespace == *namespace(it));
        EVERY | if is_some { SOME } else { 0 }
    }

    /// The rules, for lanes in the order of [`Routes::places`].
    pub(super) fn router(self, lanes: &[LaneId]) -> Router {
        let matches = self.places().map(|place| RuleSettings {
            receiver: LANES[place].0.into(),
            namespace: match (1 << place, self.some) {
                (SOME, Some(it)) => format!("^{}$", namespace(it)).into(),
                _ => Text::default(),
            },
            ..RuleSettings::default()
        });
        let settings = RouteSettings { matches: matches.collect(), ..RouteSettings::default() };
        let receivers = self.places().zip(lanes).map(|(place, lane)| {
            let (name, repeats, ..) = LANES[place];
            Receiver { name: name.into(), lane: *lane, repeats }
        });
        Router::new(&settings, &receivers.collect::<Vec<_>>()).0
    }
}

/// What the receiver at this place is called.
pub(super) fn name(place: usize, renamed: bool) -> &'static str {
    if renamed && 1 << place == SOME { RENAMED } else { LANES[place].0 }
}

fn namespace(number: u8) -> String {
    format!("ns-{number}")
}

/// The receivers of these lanes, as bits.
pub(super) fn bits(lanes: &LaneSet, place: impl Fn(LaneId) -> usize) -> u8 {
    lanes.iter().fold(0, |bits, lane| bits | 1 << place(lane))
}
