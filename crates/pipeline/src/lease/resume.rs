//! Where a new leader goes on: from its own journal if that is further than what the last one wrote down, else from
//! there. Pure.

use event::{
    Event, LaneId, LaneSet, Origin, Text,
    journal::{Lane, LaneTally, Loaded, Position},
};

use super::progress::{Point, Progress};
use crate::collect::scope::Scope;

/// Where the collectors begin, and what the lanes leave out.
#[derive(Debug, Clone, Default)]
pub struct Resume {
    /// By scope.
    starts: Vec<Start>,
    /// By scope, what the last leader has told of it.
    left: Vec<Option<Position>>,
    /// By lane.
    floors: Vec<Floor>,
}

/// Where a collector begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// From the own journal, or with a baseline where it has nothing.
    Own(Option<Position>),
    /// From what another replica has written down, which is further.
    Taken(Position),
}

/// What other replicas have done for each lane.
#[derive(Debug, Clone, Default)]
pub struct Floors {
    lanes: Vec<(LaneId, Floor)>,
    /// Beyond this epoch and revision there is nothing of it.
    highest: (u32, u64),
}

/// What another replica has done for a lane: of each scope everything up to a point.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Floor(Vec<Reached>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Reached {
    scope: Text,
    /// All when there is none.
    namespace: Option<Text>,
    point: Point,
}

impl Resume {
    /// What to do after the last leader `left` this, if it left anything.
    pub fn new(
        left: Option<&Progress>,
        scopes: &[Scope],
        all: &str,
        loaded: &Loaded,
        lanes: &[Lane],
    ) -> Self {
        // A namespace that was followed with all others goes on from their position.
        let own = |scope: &Scope| loaded.position(&scope.name).or_else(|| loaded.position(all));
        let told = |scope: &Scope| {
            left.and_then(|left| left.scope(&scope.name).or_else(|| left.scope(all)))
        };
        let start = |scope: &Scope| match (left, told(scope)) {
            (Some(left), Some(found)) => start(left, found, own(scope), lanes),
            _ => Start::Own(own(scope)),
        };
        let starts: Vec<_> = scopes.iter().map(start).collect();
        let positions =
            scopes.iter().map(|scope| told(scope).map(|(_, position)| position)).collect();
        let mut floors = vec![Floor::default(); lanes.len()];
        let Some(left) = left else { return Self { starts, left: positions, floors } };
        for (scope, start) in scopes.iter().zip(&starts) {
            let Some((at, position)) = told(scope) else { continue };
            for (floor, lane) in floors.iter_mut().zip(lanes) {
                let point = match left.of(&lane.name) {
                    Some(to) => to.get(at).copied().flatten(),
                    // A new receiver begins where the last leader ended, unless rows wait for it here.
                    None if matches!(start, Start::Taken(_))
                        && lane.tally == LaneTally::default() =>
                    {
                        Some(position.into())
                    }
                    None => None,
                };
                floor.0.extend(point.map(|point| Reached {
                    scope: scope.name.clone(),
                    namespace: scope.namespace.clone(),
                    point,
                }));
            }
        }
        Self { starts, left: positions, floors }
    }

    /// Where the collector of the scope of this number begins.
    pub fn start(&self, scope: usize) -> Start {
        self.starts.get(scope).copied().unwrap_or(Start::Own(None))
    }

    /// Where the last leader has said that the scope of this number stands.
    pub(super) fn left(&self, scope: usize) -> Option<Position> {
        self.left.get(scope).copied().flatten()
    }

    /// What each of `lanes` leaves out.
    pub fn floors(&self, lanes: &[Lane]) -> Floors {
        let lanes: Vec<_> = lanes.iter().map(|lane| lane.id).zip(self.floors.clone()).collect();
        let points = lanes.iter().flat_map(|(_, floor)| &floor.0).map(|it| it.point);
        let highest = points.map(|point| (point.epoch, point.revision.max(point.newest))).max();
        Floors { lanes, highest: highest.unwrap_or_default() }
    }

    /// What the lane of this number leaves out.
    pub fn floor(&self, lane: usize) -> Floor {
        self.floors.get(lane).cloned().unwrap_or_default()
    }
}

/// The lowest point that a lane has come to, unless the own journal is there or beyond: what is between, that lane
/// still has to get.
fn start(
    left: &Progress,
    (at, position): (usize, Position),
    own: Option<Position>,
    lanes: &[Lane],
) -> Start {
    let told = lanes.iter().filter_map(|lane| left.of(&lane.name));
    // Where nothing is known of a lane, it may lack all that is there. So it may when the storage was set back since.
    let everything = Point { revision: 1, newest: 0, ..position.into() };
    let points = told.map(|to| match to.get(at).copied().flatten() {
        Some(point) if point.epoch >= position.epoch => point,
        Some(point) => Point { time: point.time, ..everything },
        None => everything,
    });
    let Point { epoch, revision, time, .. } = points.min().unwrap_or_else(|| position.into());
    match own {
        Some(own) if (own.epoch, own.revision) >= (epoch, revision) => Start::Own(Some(own)),
        _ => Start::Taken(Position { epoch, revision, time, ttl: position.ttl }),
    }
}

impl Floors {
    /// Whether nobody has done anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.highest == (0, 0)
    }

    /// Those of the lanes that get `event` for which another replica has done with it.
    pub(crate) fn of(&self, event: &Event, lanes: &LaneSet) -> LaneSet {
        if (event.epoch, event.revision().unwrap_or(0)) > self.highest {
            return LaneSet::new();
        }
        let done = self.lanes.iter().filter(|(lane, _)| lanes.contains(*lane));
        done.filter(|(_, floor)| floor.has(event)).map(|(lane, _)| *lane).collect()
    }
}

impl Floor {
    /// Whether another replica has done with `event`.
    pub fn has(&self, event: &Event) -> bool {
        if self.0.is_empty() || event.origin != Origin::Cluster || event.replay {
            return false;
        }
        let Some(revision) = event.revision() else { return false };
        let namespace = &event.metadata.namespace;
        let here = |it: &&Reached| it.namespace.as_ref().is_none_or(|it| it == namespace);
        self.0.iter().find(here).is_some_and(|it| it.point.covers(event.epoch, revision))
    }

    /// The point of a scope.
    pub(super) fn point(&self, scope: &str) -> Option<Point> {
        self.0.iter().find(|it| it.scope == scope).map(|it| it.point)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn position(epoch: u32, revision: u64) -> Position {
        Position { epoch, revision, time: 1000, ttl: 90 }
    }

    fn point(epoch: u32, revision: u64) -> Point {
        Point { epoch, revision, time: 990, newest: 0 }
    }

    fn lane(name: &str, accepted: u64) -> Lane {
        Lane {
            id: LaneId(0),
            name: name.into(),
            generation: 1,
            cursor: 0,
            done_above: Vec::new(),
            skipped: Vec::new(),
            untold: None,
            tally: LaneTally { accepted, ..LaneTally::default() },
            orphaned: None,
            paused: None,
            filling: None,
            not_shown: None,
        }
    }

    fn left<P: Into<Option<Point>> + Copy>(lanes: &[(&str, P)]) -> Progress {
        let lanes = lanes.iter().map(|(name, to)| (Text::from(*name), vec![(*to).into()]));
        let scopes = BTreeMap::from([("c/*".into(), position(1, 100))]);
        Progress { scopes, lanes: lanes.collect(), others: None }
    }

    fn resume(left: &Progress, own: Option<Position>, lanes: &[Lane]) -> Resume {
        let positions = own.map(|own| ("c/*".into(), own)).into_iter().collect();
        let loaded = Loaded { positions, ..Loaded::default() };
        Resume::new(Some(left), &[Scope::all("c")], "c/*", &loaded, lanes)
    }

    fn event(epoch: u32, revision: u64) -> Event {
        let mut event = Event { epoch, ..Event::default() };
        event.metadata.resource_version = revision.to_string().into();
        event
    }

    #[test]
    fn without_a_journal_it_begins_where_the_slowest_lane_stands() {
        let left = left(&[("a", point(1, 90)), ("b", point(1, 70)), ("gone", point(1, 3))]);
        let resume = resume(&left, None, &[lane("a", 0), lane("b", 0)]);
        assert_eq!(resume.start(0), Start::Taken(Position { time: 990, ..position(1, 70) }));
        let floor = resume.floor(0);
        assert!(floor.has(&event(1, 90)) && floor.has(&event(0, 999)) && !floor.has(&event(1, 91)));
        assert!(!resume.floor(1).has(&event(1, 71)));
    }

    #[test]
    fn the_newest_write_is_not_sent_again_although_the_watch_goes_on_before_it() {
        let left = left(&[("a", Point { newest: 93, ..point(1, 90) })]);
        let resume = resume(&left, None, &[lane("a", 0)]);
        assert!(matches!(resume.start(0), Start::Taken(Position { revision: 90, .. })));
        assert!(resume.floor(0).has(&event(1, 93)) && !resume.floor(0).has(&event(1, 94)));
        assert!(!resume.floor(0).has(&event(2, 1)));
    }

    #[test]
    fn an_own_journal_that_is_as_far_as_the_slowest_lane_goes_on_by_itself() {
        let left = left(&[("a", point(1, 90)), ("b", point(1, 70))]);
        let lanes = [lane("a", 5), lane("b", 5)];
        let start = |own| resume(&left, Some(own), &lanes).start(0);
        assert_eq!(start(position(1, 70)), Start::Own(Some(position(1, 70))));
        assert_eq!(start(position(1, 300)), Start::Own(Some(position(1, 300))));
        assert_eq!(
            start(position(0, 300)),
            Start::Taken(Position { time: 990, ..position(1, 70) })
        );
        assert!(matches!(start(position(1, 69)), Start::Taken(_)));
    }

    #[test]
    fn a_lane_of_which_nothing_is_known_gets_everything_and_so_does_one_from_before_a_restore() {
        for unknown in [None, Some(point(0, 4000))] {
            let left = left(&[("a", Some(point(1, 90))), ("b", unknown)]);
            let Start::Taken(from) = resume(&left, None, &[lane("a", 0), lane("b", 0)]).start(0)
            else {
                panic!("{unknown:?}")
            };
            assert_eq!((from.epoch, from.revision), (1, 1));
        }
    }

    #[test]
    fn a_new_receiver_begins_where_the_last_leader_ended_unless_rows_wait_for_it() {
        let left = left(&[("a", point(1, 90))]);
        let resume = resume(&left, None, &[lane("a", 0), lane("new", 0), lane("known", 3)]);
        assert!(resume.floor(1).has(&event(1, 100)) && !resume.floor(1).has(&event(1, 101)));
        assert_eq!(resume.floor(2), Floor::default());
    }

    #[test]
    fn what_tidings_itself_says_and_what_has_no_revision_is_never_left_out() {
        let left = left(&[("a", point(1, 90))]);
        let floor = resume(&left, None, &[lane("a", 0)]).floor(0);
        let own = Event { origin: Origin::Tidings, ..event(1, 5) };
        let replay = Event { replay: true, ..event(1, 5) };
        assert!(!floor.has(&own) && !floor.has(&replay) && !floor.has(&Event::default()));
    }

    #[test]
    fn without_a_word_from_another_everything_is_as_the_journal_has_it() {
        let loaded =
            Loaded { positions: [("c/*".into(), position(0, 5))].into(), ..Loaded::default() };
        let shop =
            Scope { name: "c/shop".into(), namespace: Some("shop".into()), ..Scope::default() };
        let resume = Resume::new(None, &[shop], "c/*", &loaded, &[lane("a", 0)]);
        assert_eq!(resume.start(0), Start::Own(Some(position(0, 5))));
        assert_eq!(resume.floor(0), Floor::default());
    }
}
